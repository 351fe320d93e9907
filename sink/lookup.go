package sink

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// idChars is the length of an _id.
const idChars = idFileChars + idRestChars

// suspects are the Events in doubt behind one name.
type suspects struct {
	n   []int  // their places in the Batch
	ids []byte // idChars each
}

// lookUp finds out which Events in doubt are stored, and settles those. What is stored nowhere is no longer in doubt. It returns
// why others must wait.
func (b *batch) lookUp(ctx context.Context, names map[string]*suspects) (worst *problem, err error) {
	before := b.home()
	for _, name := range slices.Sorted(maps.Keys(names)) {
		p := b.lookUpIn(ctx, name, names[name])
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if p != nil && p.scope != someEvents {
			return p, nil
		}
		worst = cmp.Or(worst, p)
	}
	if b.home() > before {
		b.sink.health.progress()
	}
	return worst, nil
}

// suspects gathers the Events in doubt that this attempt has not sent by the name that they go to. One with a date can be that of a data stream, too: the
// template logs-*-* that Elasticsearch brings along makes one of logs-shop-2026.11.22.
func (b *batch) suspects() (map[string]*suspects, error) {
	names := map[string]*suspects{}
	err := b.events.Each(func(n int, e *Event) error {
		if !b.doubt.has(n) || b.tried.has(n) {
			return nil
		}
		if b.settled.has(n) {
			b.doubt.clear(n)
			return nil
		}
		t := b.sink.files.get(e.File)
		name := t.route.index(e.Time)
		s := names[string(name)]
		if s == nil {
			s = &suspects{}
			names[string(name)] = s
		}
		s.n = append(s.n, n)
		s.ids = append(s.ids, t.head[len(actionStart):]...)
		s.ids = t.appendRest(s.ids, e.Offset, e.Sum)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read its Events: %w", err)
	}
	return names, nil
}

// lookUpIn looks s up in each index behind name that took documents since the first request in doubt.
func (b *batch) lookUpIn(ctx context.Context, name string, s *suspects) *problem {
	indices, p := b.sink.writable(ctx, name, b.doubt.since)
	alone := p == nil && len(indices) <= 1 // then a create finds what is there
	if p == nil && !alone {
		if wait := time.Until(b.doubt.until); wait > 0 {
			return &problem{what: name + " was rolled over: waiting until earlier requests have ended, to see what they stored",
				scope: someEvents, up: true, retryAfter: wait}
		}
		p = b.find(ctx, indices, s)
	}
	switch {
	case p == nil:
		b.sink.patience.end(name)
	case p.scope == oneIndex, b.sink.patience.over(name, p.what) && b.sink.hopeless(ctx, name):
		b.sink.health.notice("can't look up what is stored: after a rollover Events may be stored twice", "index", name, "reason", p.what)
	default:
		if p.node != "" {
			p.what = p.node + ": " + p.what
		}
		return p
	}
	for _, n := range s.n {
		if alone || p != nil { // what can't be looked up stays in doubt: a gateway without a backend refuses all that it is asked
			b.doubt.trusted.add(n)
		} else {
			b.doubt.clear(n)
		}
	}
	return nil
}

// lookUpAtOnce is how many ids one request asks for.
const lookUpAtOnce = 5000

// find settles what is stored in one of the indices. It returns the last problem: one index that is closed does not
// keep what the others know from being heard.
func (b *batch) find(ctx context.Context, indices []string, s *suspects) (last *problem) {
	for _, index := range indices {
		for from := 0; from < len(s.n); from += lookUpAtOnce {
			to := min(from+lookUpAtOnce, len(s.n))
			found, p := b.sink.find(ctx, index, s.ids[from*idChars:to*idChars])
			if p != nil {
				last = p
				break
			}
			for i, n := range s.n[from:to] {
				if found[i] && !b.settled.has(n) {
					b.settled.add(n)
					b.result.Duplicate++
				}
			}
		}
	}
	return last
}

// hopeless says whether look-ups fail while the backend works. Where it does not, the outage is the reason, and what is in doubt
// is worth a wait for as long as that lasts.
func (s *Sink) hopeless(ctx context.Context, name string) bool {
	if s.works(ctx) {
		return true
	}
	s.patience.end(name)
	return false
}

// patience is how long look-ups have failed, by name. What is in doubt is worth a wait, but an old index that never
// answers again must not stop delivery.
type patience struct {
	mu     sync.Mutex
	failed map[string]failing // guarded by mu
}

type failing struct {
	why         string
	since, last time.Time
}

const (
	patienceFor = 10 * time.Minute
	maxFailing  = 1000 // names
)

// over notes that a look-up failed, and says whether it has for long, for that one reason: after an outage the wait for an
// index that recovers begins anew.
func (p *patience) over(name, why string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	f, known := p.failed[name]
	if !known || f.why != why || now.Sub(f.last) > patienceFor {
		f = failing{why: why, since: now}
	}
	f.last = now
	if p.failed == nil || len(p.failed) >= maxFailing && !known {
		p.failed = map[string]failing{}
	}
	p.failed[name] = f
	return now.Sub(f.since) >= patienceFor
}

func (p *patience) end(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.failed, name)
}
