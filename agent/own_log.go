package main

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"logboom/agent/config"
)

// newLogger makes logboom's own log.
//
// What libraries say through package log or slog's default goes nowhere (main sees to that): they quote what the other side
// sent, and that may be lines of somebody's log. We log constant messages, with paths, numbers, and errors of the system.
func newLogger(format config.LogFormat, level slog.Leveler, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == config.LogJSON {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// spared makes a log of one that is not read all day: see sparing. flush says what was held back; it is called when nothing
// is logged any more.
func spared(l *slog.Logger) (_ *slog.Logger, flush func()) {
	s := &said{messages: map[string]*message{}}
	return slog.New(&sparing{next: l.Handler(), said: s}), s.flush
}

// Of one message, the first few in a minute are logged, and the others counted: two thousand files that can't be read are no
// reason to fill the disk that is to keep their lines.
const (
	sayFirst    = 10
	sayAgain    = time.Minute
	maxMessages = 1000 // that are counted apart
)

// sparing is a slog.Handler that does so. When the minute is over, the last one of those that were held back is logged, with
// how many they were as "repeated".
type sparing struct {
	next slog.Handler
	said *said // shared with those that WithAttrs and WithGroup make
}

// said is what was logged lately. Its mutex guards all of it.
type said struct {
	mu       sync.Mutex
	messages map[string]*message // by level and text
}

type message struct {
	n    int         // in this minute
	last slog.Record // that was held back
	next slog.Handler
	over *time.Timer
}

func (s *sparing) Enabled(ctx context.Context, level slog.Level) bool {
	return s.next.Enabled(ctx, level)
}

func (s *sparing) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &sparing{s.next.WithAttrs(attrs), s.said}
}

func (s *sparing) WithGroup(name string) slog.Handler {
	return &sparing{s.next.WithGroup(name), s.said}
}

func (s *sparing) Handle(ctx context.Context, r slog.Record) error {
	if s.said.holdsBack(r, s.next) {
		return nil
	}
	return s.next.Handle(ctx, r)
}

// holdsBack counts r, and says whether that was all.
func (s *said) holdsBack(r slog.Record, next slog.Handler) bool {
	key := r.Level.String() + " " + r.Message
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.messages[key]
	if m == nil {
		if len(s.messages) >= maxMessages {
			return false
		}
		m = &message{}
		m.over = time.AfterFunc(sayAgain, func() { s.end(key, m) })
		s.messages[key] = m
	}
	if m.n++; m.n <= sayFirst {
		return false
	}
	m.last, m.next = r.Clone(), next
	return true
}

// end tells what was held back of m, and begins to count anew.
func (s *said) end(key string, m *message) {
	s.mu.Lock()
	if s.messages[key] == m {
		delete(s.messages, key)
	}
	s.mu.Unlock()
	if m.n > sayFirst {
		m.last.AddAttrs(slog.Int("repeated", m.n-sayFirst))
		_ = m.next.Handle(context.Background(), m.last) // there is no better place to say that it failed
	}
}

// flush ends the minute of all messages.
func (s *said) flush() {
	s.mu.Lock()
	all := s.messages
	s.messages = map[string]*message{}
	s.mu.Unlock()
	for key, m := range all {
		if m.over.Stop() {
			s.end(key, m)
		}
	}
}
