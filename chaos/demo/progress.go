package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// progress is how far everybody is.
type progress struct {
	asked        time.Time
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

// poll asks both servers again and again how far they are, until ctx is done. It has a goroutine of its own, so that
// slow answers hold nothing up.
func (s *stage) poll(ctx context.Context, latest *atomic.Pointer[progress]) {
	for ctx.Err() == nil {
		p := s.ask(ctx)
		latest.Store(&p)
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (s *stage) ask(ctx context.Context) progress {
	p := progress{asked: time.Now(), lines: s.node.Lines.Load(), bytes: s.node.Bytes.Load()}
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

// get reads JSON from a server.
func (s *stage) get(ctx context.Context, url string, v any) error {
	ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, answer.Status)
	}
	return json.NewDecoder(answer.Body).Decode(v)
}
