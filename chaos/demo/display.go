package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// display shows progress in one line that updates on a terminal, and in a line a second elsewhere.
type display struct {
	out      io.Writer
	terminal bool
}

func newDisplay(out *os.File) *display {
	info, err := out.Stat()
	return &display{out, err == nil && info.Mode()&os.ModeCharDevice != 0}
}

func (d *display) every() time.Duration {
	if d.terminal {
		return 200 * time.Millisecond
	}
	return time.Second
}

func (d *display) progress(at time.Duration, p progress) {
	if d.terminal {
		fmt.Fprintf(d.out, "\r\x1b[K%5.1fs  %s", at.Seconds(), p)
		return
	}
	fmt.Fprintf(d.out, "%5.1fs  %s\n", at.Seconds(), p)
}

// event writes a line that stays.
func (d *display) event(at time.Duration, format string, args ...any) {
	if d.terminal {
		fmt.Fprint(d.out, "\r\x1b[K")
	}
	fmt.Fprintf(d.out, "%5.1fs  ** %s\n", at.Seconds(), fmt.Sprintf(format, args...))
}
