package sink

import (
	"sync"
	"time"
)

// refusing is which indices took nothing for HoldFor while others did. Later Batches don't wait for that again, each of them:
// their Events for these indices are held after one attempt, as long as the backend takes others, or one closed index
// would slow down all of them. Its own mutex guards it.
type refusing struct {
	mu    sync.Mutex
	until map[string]time.Time // by index
}

const (
	refusingFor = 5 * time.Minute // after the last Event that was held: then it is given its time again
	maxRefusing = 4096            // indices
)

func (r *refusing) add(index string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if r.until == nil {
		r.until = map[string]time.Time{}
	}
	if len(r.until) >= maxRefusing {
		for name, until := range r.until {
			if until.Before(now) {
				delete(r.until, name)
			}
		}
	}
	if len(r.until) < maxRefusing {
		r.until[index] = now.Add(refusingFor)
	}
}

func (r *refusing) has(index string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Now().Before(r.until[index])
}

func (r *refusing) none() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.until) == 0
}

// letGo makes Refusals of what is held, of the indices that which picks.
func (b *batch) letGo(which func(index string) bool) {
	held := make(map[int]Refusal, len(b.held))
	for _, r := range b.held {
		held[r.N] = r
	}
	b.held = b.held[:0]
	_ = b.events.Each(func(n int, e *Event) error { // a second time: it went well before
		r, isHeld := held[n]
		if !isHeld {
			return nil
		}
		index := Index(e)
		if !which(index) {
			b.held = append(b.held, r)
			return nil
		}
		b.sink.refusing.add(index)
		r.Held = true
		b.settled.add(n)
		b.result.Refused = append(b.result.Refused, r)
		return nil
	})
}

func anyIndex(string) bool { return true }
