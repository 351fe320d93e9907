package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// commands calls fn for every command below c that does something.
func commands(c *cobra.Command, fn func(*cobra.Command)) {
	for _, sub := range c.Commands() {
		if sub.Name() != "help" {
			fn(sub)
			commands(sub, fn)
		}
	}
}

var (
	explained = regexp.MustCompile(`\s{2,}.*$`)
	joined    = regexp.MustCompile(`\s*(\||&&|>)\s*`)
)

// Help shows examples, and each of them is a command line that logboom takes.
func TestEveryCommandHasExamplesThatWork(t *testing.T) {
	commands(rootCommand(), func(c *cobra.Command) {
		own := false
		for line := range strings.Lines(c.Example) {
			line = explained.ReplaceAllString(strings.TrimSpace(line), "")
			for _, words := range joined.Split(line, -1) {
				args := strings.Fields(words)
				if args[0] != "logboom" {
					continue
				}
				found, rest, err := rootCommand().Find(args[1:])
				if err != nil {
					t.Errorf("%s: %v", words, err)
					continue
				}
				if err := found.ParseFlags(rest); err != nil && !strings.Contains(err.Error(), "help requested") {
					t.Errorf("%s: %v", words, err)
				} else if err := found.ValidateArgs(found.Flags().Args()); err != nil {
					t.Errorf("%s: %v", words, err)
				}
				own = own || strings.HasPrefix(found.CommandPath(), c.CommandPath())
			}
		}
		if !own {
			t.Errorf("%s: no example", c.CommandPath())
		}
	})
}

func TestEveryCommandIsInTheDocuments(t *testing.T) {
	readme := read(t, "../README.md") + read(t, "../docs/tools.md")
	commands(rootCommand(), func(c *cobra.Command) {
		name := strings.Fields(c.CommandPath())
		if !regexp.MustCompile("`logboom .*" + name[len(name)-1]).MatchString(readme) {
			t.Errorf("%s is in neither README.md nor docs/tools.md", c.CommandPath())
		}
	})
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestShellsCompleteCommandsAndFlags(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if code, out, text := logboom(t, t.Context(), "completion", shell); code != 0 || !strings.Contains(out, "logboom") {
			t.Errorf("%s: %d %s", shell, code, text)
		}
	}
	if code, _, _ := logboom(t, t.Context(), "completion", "csh"); code != exitUsage {
		t.Errorf("another shell: %d", code)
	}
	if _, out, _ := logboom(t, t.Context(), "__complete", "wal", "s"); !strings.HasPrefix(out, "ship\t") {
		t.Errorf("logboom wal s: %s", out)
	}
	if _, out, _ := logboom(t, t.Context(), "__complete", "run", "--exit"); !strings.HasPrefix(out, "--exit-when-drained\t") {
		t.Errorf("logboom run --exit: %s", out)
	}
}
