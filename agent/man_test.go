package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// TestManPages makes a manual page of each command, from what its help says. `make dist` takes them from the folder that
// LOGBOOM_MAN names; the date on them is LOGBOOM_MAN_DATE, so that a release is built the same each time.
func TestManPages(t *testing.T) {
	dir, release := os.Getenv("LOGBOOM_MAN"), os.Getenv("LOGBOOM_MAN_RELEASE")
	if dir == "" {
		dir = t.TempDir()
	}
	date := time.Unix(0, 0).UTC()
	if text := os.Getenv("LOGBOOM_MAN_DATE"); text != "" {
		var err error
		if date, err = time.Parse(time.DateOnly, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	root := rootCommand()
	unsigned(root)
	header := &doc.GenManHeader{Section: "1", Date: &date, Source: strings.TrimSpace("logboom " + release), Manual: "logboom"}
	if err := doc.GenManTree(root, header, dir); err != nil {
		t.Fatal(err)
	}
	each(root, func(c *cobra.Command) {
		page, err := os.ReadFile(filepath.Join(dir, strings.ReplaceAll(c.CommandPath(), " ", "-")+".1"))
		if err != nil {
			t.Error(err)
		} else if !strings.Contains(string(page), ".SH NAME") || !strings.Contains(string(page), ".SH SYNOPSIS") {
			t.Errorf("no manual page: %s", page)
		}
		if c.HasExample() && !strings.Contains(string(page), ".SH EXAMPLE") {
			t.Errorf("%s: no example on its page", c.CommandPath())
		}
	})
}

// unsigned leaves out the day on which the pages were made.
func unsigned(root *cobra.Command) { each(root, func(c *cobra.Command) { c.DisableAutoGenTag = true }) }

func each(c *cobra.Command, do func(*cobra.Command)) {
	do(c)
	for _, child := range c.Commands() {
		if child.IsAvailableCommand() {
			each(child, do)
		}
	}
}
