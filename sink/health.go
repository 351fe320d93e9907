package sink

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Health says how delivery goes, in words for a person. There is never content of a line in it, nor a secret.
type Health struct {
	Up          bool      // the last request was answered by a backend that works; false before the first
	LastError   string    // "" while all is well
	LastErrorAt time.Time // of the last error, even when all is well again
	LastSuccess time.Time // when an Event was last stored, or found to be stored
	Retrying    int       // Sends that wait for their next attempt, or make it
	NextRetry   time.Time // the soonest of theirs; zero: none waits
	Parallel    int       // requests that may be in flight at a time, as the backend takes them
}

// health is what Health tells, and the only place that logs. Its own mutex guards all of it.
type health struct {
	mu          sync.Mutex
	logger      *slog.Logger
	up          bool
	last        problem
	lastAt      time.Time
	lastSuccess time.Time
	waiting     map[*batch]waiting
	logged      map[string]time.Time // when each line was last logged
}

// waiting is a Send in trouble.
type waiting struct {
	problem
	at, next time.Time
}

// problem is why a request settled less than it should.
type problem struct {
	what       string // in plain words; equal for equal problems
	scope      scope
	up         bool          // the backend works as such
	retryAfter time.Duration // the backend asked for that; 0: it did not
	late       bool          // the answer did not come in time: a shorter request may have one
	absent     bool          // nobody listens
	away       bool          // a gateway has no backend behind it, or none that is ready
	errType    string        // with oneIndex: the backend's error type
	node       string        // of a question, which what does not name
}

// scope is how much a problem concerns.
type scope uint8

const (
	everything scope = iota // no request has a chance now
	noAnswer                // there was none, or none that can be trusted: nobody knows what was stored
	someEvents              // the request was answered item by item, and some are to be sent again
	oneIndex                // the request was refused, and other indices may be better off
	tooLong                 // the request was, and shorter ones may pass
)

func (p *problem) Error() string { return p.what }

// outcome is what it says of the backend's load, and how long that wants to be left alone.
func (p *problem) outcome() (outcome, time.Duration) {
	switch {
	case p == nil || p.scope > noAnswer:
		return well, 0
	case p.absent:
		return absent, 0
	case p.away || p.scope == noAnswer && !p.late:
		return away, 0
	}
	return setback, p.retryAfter
}

// partial says that others may be better off: nil, too, concerns nobody.
func (p *problem) partial() bool { return p == nil || p.scope == someEvents || p.scope == oneIndex }

// The same line is logged once in logEvery, and at most logLines different ones are.
const (
	logEvery = 30 * time.Second
	logLines = 64
)

func (h *health) init(l *slog.Logger) {
	h.logger = l
	h.waiting = map[*batch]waiting{}
	h.logged = map[string]time.Time{}
}

// trouble notes that b waits until next because of p.
func (h *health) trouble(b *batch, p problem, next time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	h.waiting[b] = waiting{problem: p, at: now, next: next}
	h.up, h.last, h.lastAt = p.up, p, now
	h.log(slog.LevelWarn, "delivery waits", "reason", p.what)
}

// progress notes that Events of a Batch were settled.
func (h *health) progress() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.up && !h.lastAt.IsZero() {
		h.log(slog.LevelInfo, "delivery goes on", "after", h.last.what)
	}
	h.up = true
	h.lastSuccess = time.Now()
}

// storedSince says whether any Event found its home in the backend since t.
func (h *health) storedSince(t time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.lastSuccess.Before(t)
}

// left notes that b waits no more.
func (h *health) left(b *batch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.waiting, b)
}

// notice logs a line, unless it was logged lately.
func (h *health) notice(message string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.log(slog.LevelWarn, message, args...)
}

func (h *health) log(level slog.Level, message string, args ...any) {
	key := message
	for _, a := range args {
		if s, ok := a.(string); ok {
			key += " " + s
		}
	}
	now := time.Now()
	if at, ok := h.logged[key]; ok && now.Sub(at) < logEvery {
		return
	}
	for k, at := range h.logged {
		if now.Sub(at) >= logEvery {
			delete(h.logged, k)
		}
	}
	if len(h.logged) >= logLines {
		return
	}
	h.logged[key] = now
	h.logger.Log(context.Background(), level, message, args...)
}

// Health says how delivery goes.
func (s *Sink) Health() Health {
	h := &s.health
	parallel, until := s.flow.state()
	h.mu.Lock()
	defer h.mu.Unlock()
	out := Health{Parallel: parallel, Up: h.up, LastErrorAt: h.lastAt, LastSuccess: h.lastSuccess, Retrying: len(h.waiting)}
	if !h.up {
		out.LastError = h.last.what
	}
	var newest time.Time
	for _, w := range h.waiting {
		if w.at.After(newest) {
			newest, out.LastError = w.at, w.what
		}
		if out.NextRetry.IsZero() || w.next.Before(out.NextRetry) {
			out.NextRetry = w.next
		}
	}
	if len(h.waiting) > 0 && out.NextRetry.Before(until) {
		out.NextRetry = until
	}
	return out
}
