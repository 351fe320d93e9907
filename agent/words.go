package main

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// size says bytes in a unit that people read easily.
func size(bytes int64) string {
	const step = 1 << 10
	if bytes < step {
		return fmt.Sprintf("%d B", bytes)
	}
	value, unit := float64(bytes), 0
	for units := "KMGTPE"; value >= step-0.5 && unit < len(units); unit++ {
		value /= step
	}
	digits := 0
	if value < 9.995 {
		digits = 2
	} else if value < 99.95 {
		digits = 1
	}
	return fmt.Sprintf("%.*f %ciB", digits, value, "KMGTPE"[unit-1])
}

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
