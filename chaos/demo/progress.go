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
	unread       int64 // bytes of them that are not safe in the agent's write-ahead log yet
	agentUp      bool  // it answered, and knows the files

	stored    int64 // documents in the backend
	backendUp bool  // it answered
}

// agentStatus is what the demo reads of the agent's /api/v1/status.
type agentStatus struct {
	Intake struct {
		UnreadBytes int64 `json:"unread_bytes"`
	} `json:"intake"`
	FileCount int `json:"file_count"`
}

func (s *stage) progress(ctx context.Context) progress {
	p := progress{lines: s.node.Lines.Load(), bytes: s.node.Bytes.Load()}
	var status agentStatus
	if s.get(ctx, "http://"+s.agentAddr+"/api/v1/status", &status) == nil && status.FileCount > 0 {
		p.agentUp, p.unread = true, status.Intake.UnreadBytes
	}
	var count struct {
		Count int64 `json:"count"`
	}
	if s.get(ctx, "http://"+s.serverAddr+"/"+index+"*/_count", &count) == nil {
		p.backendUp, p.stored = true, count.Count
	}
	return p
}

// String is less than 80 characters wide, so that a terminal can show it in one line. All numbers are lines.
func (p progress) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "written %s", thousands(p.lines))
	if p.agentUp {
		fmt.Fprintf(&b, " | durable ~%s", thousands(p.durable()))
	} else {
		b.WriteString(" | agent DOWN")
	}
	if p.backendUp {
		fmt.Fprintf(&b, " | delivered %s | lag %s", thousands(p.stored), thousands(max(0, p.lines-p.stored)))
	} else {
		b.WriteString(" | backend DOWN")
	}
	return b.String()
}

// durable is how many lines are safe, about: the agent counts bytes.
func (p progress) durable() int64 {
	if p.bytes == 0 {
		return 0
	}
	return p.lines - int64(float64(p.lines)*float64(p.unread)/float64(p.bytes))
}

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
