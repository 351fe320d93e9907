package config

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Error is all that is wrong with a configuration.
type Error struct {
	Problems []string // FILE:LINE:COLUMN: what is wrong, then the line and a mark below the column
}

// Error returns the problems, one below the other.
func (e *Error) Error() string { return strings.Join(e.Problems, "\n") }

// maxProblems is how many are told at once.
const maxProblems = 20

// source is the file as it was read.
type source struct{ name, text string }

type problem struct {
	mark
	message string
}

func (d *decoder) report(where mark, format string, args ...any) {
	d.problems = append(d.problems, problem{where, fmt.Sprintf(format, args...)})
}

func (d *decoder) err() error {
	slices.SortStableFunc(d.problems, func(a, b problem) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column))
	})
	e := &Error{}
	for i, p := range d.problems {
		if i == maxProblems {
			e.Problems = append(e.Problems, fmt.Sprintf("%s: and %d more", d.name, len(d.problems)-i))
			break
		}
		e.Problems = append(e.Problems, fmt.Sprintf("%s:%d:%d: %s%s", d.name, max(p.line, 1), max(p.column, 1), p.message, d.snippet(p.mark)))
	}
	return e
}

// snippet shows the line of a problem and marks the column. It shows keys, and values only of keys that can't hold a
// secret: the file should hold none, and this text goes into logs.
func (s *source) snippet(m mark) string {
	lines := strings.Split(s.text, "\n")
	if m.line < 1 || m.line > len(lines) || strings.TrimSpace(lines[m.line-1]) == "" {
		return ""
	}
	line := hide(strings.ReplaceAll(strings.TrimRight(lines[m.line-1], "\r"), "\t", " "))
	shown := fmt.Sprintf("\n%5d | %s", m.line, line)
	if m.column > len(line) && strings.HasSuffix(line, "...") {
		return shown // what the mark would stand under is hidden
	}
	return shown + fmt.Sprintf("\n      | %s^", strings.Repeat(" ", max(m.column-1, 0)))
}

var (
	keyLine  = regexp.MustCompile(`^([\s\-]*)([A-Za-z0-9_.\-]+)(\s*:)(.*)$`)
	innerKey = regexp.MustCompile(`([A-Za-z0-9_.\-]*)["']?\s*:(?:[\s"'\[{]|$)`)
	userURL  = regexp.MustCompile(`(?s)([A-Za-z]+://)?[^\s"'\[]*:.*@`)
)

// hideUser hides all that stands in front of the host of a URL, also where a scheme is missing or a password has a slash.
func hideUser(text string) string { return userURL.ReplaceAllString(text, "${1}...@") }

// hide replaces what follows the key, unless the key and all keys behind it are ours and hold no secret, and users in URLs. A
// line without a key may go on with a value from the line before: all of it is hidden but brackets and the mark of a list.
func hide(line string) string {
	m := keyLine.FindStringSubmatch(line)
	switch {
	case m == nil && strings.Trim(line, "[]{}- ") == "":
		return line
	case m == nil:
		return line[:len(line)-len(strings.TrimLeft(line, "- "))] + "..."
	case strings.TrimSpace(m[4]) != "" && !harmless[m[2]]:
		return m[1] + m[2] + m[3] + " ..."
	}
	for _, inner := range innerKey.FindAllStringSubmatch(m[4], -1) {
		if !harmless[inner[1]] {
			return m[1] + m[2] + m[3] + " ..."
		}
	}
	return m[1] + m[2] + m[3] + hideUser(m[4])
}

// nearest returns the known word that key was probably meant to be, or "".
func nearest(key string, known []string) string {
	best, word := max(1, len(key)/3)+1, ""
	for _, k := range known {
		if n := distance(strings.ToLower(key), k); n < best {
			best, word = n, k
		}
	}
	return word
}

// distance counts the letters to add, drop, change or swap with a neighbour until a is b.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		for j := range rows[i] {
			if i == 0 || j == 0 {
				rows[i][j] = i + j
				continue
			}
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
