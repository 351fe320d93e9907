package sink

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// flow is how much a Sink asks of the backend, so that a fleet of agents shares a busy one instead of keeping it busy
// with refusals. Its mutex guards all of it.
//
// Two things adapt. slots is how many requests may be in flight: one more after a round of good answers, half as many
// after a setback (no answer, 429, 5xx, or an answer so late that the next may come too late). Where one at a time is
// too much still, wait takes over: the longest pause of the whole Sink between an answer and its next request. A setback
// doubles it, a good answer halves it. It must not be each Send's own: those of a thousand agents, each beginning afresh
// with every Batch, would have 19 of 20 requests refused.
//
// A pause is full jitter, anything from nothing to wait, so that agents that failed together do not come again together.
//
// Where the backend was not busy but away, the first good answer is the end of that: the next request pauses no more.
// wait shrinks all the same only bit by bit, so that a backend that is overrun now has as many refusals as good answers
// at most, and long pauses again with the first of them.
type flow struct {
	mu          sync.Mutex
	most        int           // of slots
	least, last time.Duration // of wait: what it begins with, and what it grows to
	slots       float64       // 1 to most
	flying      int           // requests in flight
	changed     chan struct{} // closed and made anew when a request may begin that could not before
	wait        time.Duration // 0 while all is well
	until       time.Time     // no request begins before
	gone        bool          // at the last setback the backend was away: that says nothing of a load
	cut         time.Time     // of the last setback: answers to older requests say nothing new
}

func (f *flow) init(c *Config) {
	f.most, f.least, f.last = c.Concurrency, c.MinBackoff, c.MaxBackoff
	f.slots, f.changed = 1, make(chan struct{})
}

// take waits until a request may begin, and returns when that was. An error is ctx's.
func (f *flow) take(ctx context.Context) (begun time.Time, err error) {
	for {
		f.mu.Lock()
		now := time.Now()
		pause := f.until.Sub(now)
		if pause <= 0 && f.flying < int(f.slots) {
			f.flying++
			f.mu.Unlock()
			return now, nil
		}
		changed := f.changed
		f.mu.Unlock()
		if err := await(ctx, pause, changed); err != nil {
			return now, err
		}
	}
}

// await returns after pause, if there is one, or else when changed is closed.
func await(ctx context.Context, pause time.Duration, changed <-chan struct{}) error {
	var over <-chan time.Time
	if pause > 0 {
		t := time.NewTimer(pause)
		defer t.Stop()
		over, changed = t.C, nil
	}
	select {
	case <-over:
	case <-changed:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// outcome is what a request says of the backend's load.
type outcome uint8

const (
	well    outcome = iota // it took what was sent, or had other reasons not to
	partly                 // it was too busy for some of it
	nothing                // it was small, and went well
	away                   // nobody was there to answer: the connection was cut, or a gateway has no backend behind it
	absent                 // nobody even listens, or the question was a small one
	setback                // it took nothing, did not answer, or so late that the next answer may come too late
)

// lastAbsent is the longest pause while asking costs nobody anything. A backend that comes back is not kept waiting.
const lastAbsent = 5 * time.Second

// give ends a request that was begun then. The next begins no sooner than the backend asked for.
func (f *flow) give(begun time.Time, o outcome, retryAfter time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	f.flying--
	close(f.changed)
	f.changed = make(chan struct{})
	switch {
	case o == nothing:
		return
	case begun.Before(f.cut): // but what the backend asks for holds
		if retryAfter > 0 {
			f.pause(now, retryAfter+rand.N(f.wait+1))
		}
		return
	case o == well:
		if f.wait /= 2; f.wait < f.least {
			f.wait = 0
			f.slots = min(float64(f.most), f.slots+1/f.slots)
		}
		if f.gone {
			return
		}
	case o == partly:
		f.slots, f.cut = max(1, f.slots/2), now
	default:
		f.slots, f.cut, f.gone = max(1, f.slots/2), now, o != setback
		f.wait = min(max(2*f.wait, f.least), f.last)
	}
	longest := f.wait
	if o == absent {
		longest = min(longest, max(f.least, lastAbsent))
	}
	f.pause(now, retryAfter+rand.N(longest+1))
}

// pause makes one, unless a longer one is under way: what was looked up goes even then, and another had been told to wait.
func (f *flow) pause(now time.Time, d time.Duration) {
	if until := now.Add(d); d > 0 && until.After(f.until) {
		f.until = until
	}
}

// state says how many requests may be in flight, and when the next may begin.
func (f *flow) state() (parallel int, next time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return int(f.slots), f.until
}
