package pipeline

import (
	"context"
	"testing"

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
