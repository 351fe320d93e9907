package pipeline

import (
	"context"
	"slices"
	"sync"

	"logboom/sink"
	"logboom/wal"
)

// recall is how Delivery calls a batch back that a worker has, or will have: its Send ends early then.
type recall struct {
	mu     sync.Mutex // guards all below
	called bool
	cancel context.CancelFunc
}

// begin returns the context of a Send that can be called back. The caller ends it.
func (r *recall) begin(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cancel = cancel; r.called {
		cancel()
	}
	return ctx, cancel
}

// call calls it back, whether it has begun or not.
func (r *recall) call() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.called = true; r.cancel != nil {
		r.cancel()
	}
}

// forget is for the next Send.
func (r *recall) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.called, r.cancel = false, nil
}

// front returns the Blocks of b up to last, in the same memory, with what is known of their Events; and which Events of the
// other Blocks have their home, by the numbers that they have when trim has taken the front away.
func (b *batch) front(last wal.Index) (front *batch, home []int32) {
	front = &batch{}
	for front.n < b.n && b.blocks[front.n].Index <= last {
		front.n++
	}
	front.blocks = slices.Clone(b.blocks[:front.n])
	events := 0
	for i := range front.blocks {
		_ = b.parser.Events(&front.blocks[i], func(*sink.Event) error { events++; return nil }) // fails only where this function does
	}
	refused := map[int]bool{}
	for _, r := range b.result.Refused {
		if refused[r.N] = true; r.N < events {
			front.result.Refused = append(front.result.Refused, r)
		}
	}
	all := append(slices.Clone(b.home), b.result.Settled...)
	slices.Sort(all)
	for _, n := range slices.Compact(all) {
		switch {
		case int(n) < events:
			front.home = append(front.home, n)
		case !refused[int(n)]: // that will be refused again
			home = append(home, n-int32(events))
		}
	}
	return front, home
}

// trim takes the first n Blocks out of b and keeps their memory. home is what has its home of the others.
func (b *batch) trim(n int, home []int32) {
	b.blocks = append(b.blocks[n:], b.blocks[:n]...)
	b.n -= n
	b.text = 0
	for i := range b.blocks[:b.n] {
		b.text += len(b.blocks[i].Text)
	}
	b.home, b.settled, b.result, b.err = home, false, sink.Result{}, nil
}
