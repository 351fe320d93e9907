// Package docs holds the documentation, and the test that its links lead somewhere.
package docs

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	fenced  = regexp.MustCompile("(?ms)^```.*?^```$")
	quoted  = regexp.MustCompile("`[^`\n]*`")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	noSlug  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// Every link within the repository leads to a file or folder of it, and to a heading where it names one.
func TestLinksLeadSomewhere(t *testing.T) {
	pages := 0
	for _, page := range tracked(t, "*.md") {
		pages++
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		prose := quoted.ReplaceAll(fenced.ReplaceAll(text, nil), nil)
		for _, m := range link.FindAllSubmatch(prose, -1) {
			target := string(m[1])
			if strings.Contains(target, "://") {
				continue
			}
			path, anchor, _ := strings.Cut(target, "#")
			to := page
			if path != "" {
				to = filepath.Join(filepath.Dir(page), path)
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s: %s leads nowhere", page, target)
			} else if anchor != "" && !anchors(t, to)[anchor] {
				t.Errorf("%s: %s: no such heading", page, target)
			}
		}
	}
	if pages < 10 {
		t.Errorf("only %d pages were found", pages)
	}
}

// anchors are the names that headings of a page get on the web: small letters, - for spaces, no other signs.
func anchors(t *testing.T, page string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for _, m := range heading.FindAllSubmatch(fenced.ReplaceAll(text, nil), -1) {
		all[strings.ReplaceAll(noSlug.ReplaceAllString(strings.ToLower(string(m[1])), ""), " ", "-")] = true
	}
	return all
}

// tracked lists files of the repository, or, in a copy without git, those that are there.
func tracked(t *testing.T, pattern string) (files []string) {
	t.Helper()
	if out, err := exec.Command("git", "ls-files", "--", ":/"+pattern).Output(); err == nil && len(out) > 0 {
		return strings.Fields(string(out))
	}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if ok, _ := filepath.Match(pattern, d.Name()); ok && err == nil && !strings.Contains(path, "/tmp/") {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
