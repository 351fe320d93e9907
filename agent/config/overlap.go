package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// A file that two inputs match would be stored twice, or taken from one of them without a word. An agent that matches its
// own files would feed on what it writes. Both are refused by the pattern alone, whatever files there are today.

// Bounds of one pattern: what its braces may stand for, and its length in bytes.
const (
	maxAlternatives = 1000
	maxPattern      = 4096
)

// podLog is how many names lie between a kubernetes root and a log file: pod, container, file.
const podLog = 3

// ownFiles are the files right in data_dir.
var ownFiles = []string{"LOCK", "FORMAT", "RESERVE", "checkpoint.db", "agent.sock"}

// ownFolders are the folders in data_dir, with how many names lie between each and its files.
var ownFolders = map[string]int{"wal": 2, "deadletter": 2, "pins": 3}

func (d *decoder) checkOverlaps(c *Config) {
	first := map[string]string{} // where each pattern stands
	for i, in := range c.Inputs {
		if in.Files == nil {
			continue
		}
		for j, pattern := range in.Files.Paths {
			path, pattern := fmt.Sprintf("inputs[%d].files.paths[%d]", i, j), filepath.Clean(pattern)
			if at := first[pattern]; at != "" {
				d.reportAt(path, "%s: %s is the same pattern as %s", path, d.marks[path].shown, at)
				continue
			}
			first[pattern] = path
			d.checkOverlap(path, pattern, c)
		}
	}
}

func (d *decoder) checkOverlap(path, pattern string, c *Config) {
	if !filepath.IsAbs(pattern) || !doublestar.ValidatePattern(pattern) {
		return // that is told already
	}
	all := alternatives(pattern)
	if all == nil {
		d.reportAt(path, "%s: %s is too much: a pattern has at most %d alternatives in braces, and %d bytes", path, d.marks[path].shown, maxAlternatives, maxPattern)
		return
	}
	if slices.ContainsFunc(all, func(p string) bool { return matchesOwn(p, c.DataDir) }) {
		d.reportAt(path, "%s: %s can match files in data_dir, which logboom writes itself", path, d.marks[path].shown)
		return
	}
	for i, in := range c.Inputs {
		if in.Kubernetes != nil && slices.ContainsFunc(all, func(p string) bool { return matchesPodLog(p, filepath.Clean(in.Kubernetes.Root)) }) {
			d.reportAt(path, "%s: %s can match files under inputs[%d].kubernetes.root, whose lines would be stored twice", path, d.marks[path].shown, i)
			return
		}
	}
}

// matchesOwn says whether pattern, which has no braces, can match what logboom writes to dataDir.
func matchesOwn(pattern, dataDir string) bool {
	if base, _ := doublestar.SplitPattern(pattern); inside(base, dataDir) {
		return true
	}
	for _, name := range ownFiles {
		if ok, _ := doublestar.PathMatch(pattern, filepath.Join(dataDir, name)); ok {
			return true
		}
	}
	for name, depth := range ownFolders {
		if reaches(pattern, filepath.Join(dataDir, name), depth) {
			return true
		}
	}
	return false
}

// matchesPodLog says whether pattern, which has no braces, is for files under root, or can match a container's log there.
func matchesPodLog(pattern, root string) bool {
	base, _ := doublestar.SplitPattern(pattern)
	return inside(base, root) || reaches(pattern, root, podLog)
}

// reaches says whether pattern, which has no braces, can match a file that lies depth names below dir. It takes every
// part of the pattern behind dir for one that can match any name.
func reaches(pattern, dir string, depth int) bool {
	parts := strings.Split(pattern, "/")
	for i := range parts {
		if ok, _ := doublestar.PathMatch(strings.Join(parts[:i+1], "/"), dir); !ok {
			continue
		}
		names, folders := 0, parts[i] == "**" // folders: any number of them fits in between
		for _, part := range parts[i+1:] {
			if part == "**" {
				folders = true
			} else {
				names++
			}
		}
		if names == depth || folders && names < depth {
			return true
		}
	}
	return false
}

// alternatives returns the patterns without braces that a pattern stands for, or nil where that is too much.
func alternatives(pattern string) []string {
	if len(pattern) > maxPattern {
		return nil
	}
	var all []string
	for todo := []string{pattern}; len(todo) > 0; {
		last := len(todo) - 1
		p := todo[last]
		todo = todo[:last]
		before, choices, after := cutBraces(p)
		if choices == nil {
			all = append(all, p)
		}
		if len(all)+len(todo)+len(choices) > maxAlternatives {
			return nil
		}
		for _, choice := range choices {
			todo = append(todo, before+choice+after)
		}
	}
	return all
}

// cutBraces cuts a pattern around its first pair of braces. It returns no choices where there is none.
func cutBraces(pattern string) (before string, choices []string, after string) {
	depth, open, start, class := 0, 0, 0, false
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\':
			i++
		case class:
			class = c != ']'
		case c == '[':
			class = true
		case c == '{':
			if depth++; depth == 1 {
				open, start = i, i+1
			}
		case depth == 1 && (c == ',' || c == '}'):
			choices = append(choices, pattern[start:i])
			if start = i + 1; c == '}' {
				return pattern[:open], choices, pattern[start:]
			}
		case c == '}':
			depth--
		}
	}
	return pattern, nil, ""
}
