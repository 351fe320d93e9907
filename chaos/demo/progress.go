package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// progress is how far everybody is.
type progress struct {
	lines, bytes int64 // written into log files
	durable      int64 // bytes that are safe in the agent's write-ahead log, or further
	delivered    int64 // bytes that have their final home
	waiting      int64 // bytes in the write-ahead log
	agentUp      bool  // it answered

	stored     int64 // documents in the backend
	countKnown bool  // it answered
}

// agentStatus is what the demo reads of the agent's /api/v1/status.
type agentStatus struct {
	Account struct {
		Read    int64 `json:"read"`
		Acked   int64 `json:"acked"`
		Waiting int64 `json:"waiting"`
	} `json:"account"`
}

func (s *stage) progress(ctx context.Context) progress {
	p := progress{lines: s.node.Lines.Load(), bytes: s.node.Bytes.Load()}
	var status agentStatus
	if s.get(ctx, "http://"+s.agentAddr+"/api/v1/status", &status) == nil {
		p.agentUp = true
		p.durable, p.delivered, p.waiting = status.Account.Read, status.Account.Acked, status.Account.Waiting
	}
	var count struct {
		Count int64 `json:"count"`
	}
	if s.get(ctx, "http://"+s.serverAddr+"/"+index+"*/_count", &count) == nil {
		p.countKnown, p.stored = true, count.Count
	}
	return p
}

func (p progress) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "written %s lines %s", thousands(p.lines), megabytes(p.bytes))
	if p.agentUp {
		fmt.Fprintf(&b, " | durable %s | delivered %s | lag %s",
			megabytes(p.durable), megabytes(p.delivered), megabytes(max(0, p.bytes-p.delivered)))
	} else {
		b.WriteString(" | agent DOWN")
	}
	if p.countKnown {
		fmt.Fprintf(&b, " | stored %s", thousands(p.stored))
	} else {
		b.WriteString(" | backend DOWN")
	}
	return b.String()
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

func thousands(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

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
