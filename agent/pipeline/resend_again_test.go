package pipeline

import (
	"context"
	"slices"
	"testing"
	"time"

	"logboom/sink"
)

// aborted is a backend behind a person who loses patience: the first Try ends without an answer.
type aborted struct {
	tries int
	sure  int // letters of later ones that are said to have been sent by nobody
}

func (a *aborted) Try(_ context.Context, events sink.Events) (r sink.Result, err error) {
	if a.tries++; a.tries == 1 {
		return r, context.Canceled
	}
	err = events.Each(func(_ int, e *sink.Event) error {
		if r.Stored++; e.SentSince.IsZero() {
			a.sure++
		}
		return nil
	})
	return r, err
}

// A replay that is broken off may have stored letters: behind a rollover a later one must look them up.
func TestAReplayThatWasBrokenOffLeavesADoubt(t *testing.T) {
	l := newLetterbox(t)
	a := &aborted{}
	l.post.sink = a
	l.put(false, 3, "a")
	replay := func() Resent {
		done := make(chan Resent, 1)
		l.post.asked <- &walk{ctx: t.Context(), want: func(*sink.Event, *note) bool { return true }, done: done}
		l.turn()
		return <-done
	}
	replay()
	if again := replay(); again.Stored != 3 || a.sure > 0 {
		t.Errorf("%+v, and %d letters are not in doubt", again, a.sure)
	}
}

// An Event may be stored by a request whose answer was lost, and be held for what the next one said. So it is looked up behind a
// rollover, in all indices that took documents since it was written.
func TestAHeldLetterIsInDoubt(t *testing.T) {
	l := newLetterbox(t)
	var since []time.Time
	l.post.sink = tried(func(e *sink.Event) { since = append(since, e.SentSince) })
	l.put(true, 3, "a")
	l.pass(2 * firstProbe)
	written := time.Date(2026, 11, 22, 16, 1, 41, 100e6, time.UTC)
	if len(since) != 3 || slices.ContainsFunc(since, func(at time.Time) bool { return !at.Equal(written) }) {
		t.Errorf("sent since %v, want %v", since, written)
	}
}

// tried is a backend that stores everything.
type tried func(e *sink.Event)

func (f tried) Try(_ context.Context, events sink.Events) (r sink.Result, err error) {
	err = events.Each(func(_ int, e *sink.Event) error { r.Stored++; f(e); return nil })
	return r, err
}
