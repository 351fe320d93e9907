package main

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"logboom/agent/status"
)

// size says bytes in a unit that people read easily.
func size(bytes int64) string { return status.Size(bytes) }

// lasting says how long something takes, in the one or two units that matter.
func lasting(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// printable replaces what could change a terminal, such as escape sequences in a file's name.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}
