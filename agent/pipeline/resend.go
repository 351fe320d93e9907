package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"logboom/agent/parse"
	"logboom/checkpoint"
	"logboom/sink"
	"logboom/wal"
)

// Trier sends Events again that were refused. It comes back when each is stored or refused again, held ones too.
type Trier interface {
	Try(ctx context.Context, events sink.Events) (sink.Result, error)
}

// Resent is what became of letters that were sent again.
type Resent struct {
	Stored  int `json:"stored"`  // and no dead letters any more
	Refused int `json:"refused"` // stay, refused for good
	Held    int `json:"held"`    // stay, until their index takes documents
}

// walk is a way through the store on which letters are sent again: those of a hold, or those that a person picked. It is
// Delivery's, but while it is away in the Trier.
type walk struct {
	ctx      context.Context // of the person
	want     func(e *sink.Event, n *note) bool
	at, last wal.Index // Blocks behind at, up to last, are still to be looked at
	limit    int       // the most letters of the next request; the others of its Blocks wait
	index    string    // of the hold
	hold     *hold     // nil: a person waits at done
	done     chan<- Resent
	resent   Resent
	begun    wal.Index // letters up to it may have been sent before

	// Of the request under way.
	from    wal.Index // at, before it
	blocks  []wal.Block
	n       int // of blocks
	letters int
	text    int // bytes
	parser  parse.Parser
	answer  sink.Result
	err     error
}

// Each makes a walk the sink's Events.
func (w *walk) Each(fn func(n int, e *sink.Event) error) error {
	n := 0
	for i := range w.blocks[:w.n] {
		b := &w.blocks[i]
		err := eachLetter(&w.parser, b, func(e *sink.Event, letter *note) error {
			if n >= w.limit || !w.want(e, letter) {
				return nil
			}
			switch at, _ := when(e); {
			case letter.Held: // a request before the one that was refused may have stored it, and its answer was lost
				e.SentSince = earlier(at, letter.Time)
			case b.Index <= w.begun:
				e.SentSince = letter.Time
			}
			n++
			return fn(n-1, e)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// post sends dead letters again, on one walk at a time. Its state is Delivery's goroutine's, as that of the store is.
type post struct {
	store   *deadLetters
	sink    Trier
	reserve *reserve
	slog    *slog.Logger
	text    int // bytes that make a request

	stored atomic.Int64 // letters, since the start

	walk  *walk     // nil: none
	sent  wal.Index // a walk that came to nothing may have sent letters up to it
	away  bool      // it is in the Trier
	out   chan *walk
	back  chan *walk
	asked chan *walk
	woken chan struct{} // there is something in back or asked
}

func newPost(d *deadLetters, s Trier, text int, r *reserve, l *slog.Logger) *post {
	return &post{store: d, sink: s, text: text, reserve: r, slog: l,
		out: make(chan *walk, 1), back: make(chan *walk, 1), asked: make(chan *walk, 1), woken: make(chan struct{}, 1)}
}

// ask sends the letters again that want picks, as soon as no other walk is under way, and returns what became of them. Any
// goroutine may call it while Delivery runs; want is called from others.
func (p *post) ask(ctx context.Context, want func(e *sink.Event, n *note) bool) (Resent, error) {
	done := make(chan Resent, 1)
	select {
	case p.asked <- &walk{ctx: ctx, want: want, done: done}:
		p.wake()
	case <-ctx.Done():
		return Resent{}, ctx.Err()
	}
	select {
	case r := <-done:
		return r, nil
	case <-ctx.Done():
		return Resent{}, ctx.Err()
	}
}

func (p *post) wake() {
	select {
	case p.woken <- struct{}{}:
	default:
	}
}

// wakes has a value when a step has something to do.
func (p *post) wakes() <-chan struct{} {
	if p == nil {
		return nil
	}
	return p.woken
}

// start starts the goroutine that sends. stop ends it, and what it is sending.
func (p *post) start(ctx context.Context, wg *sync.WaitGroup) (stop func()) {
	if p == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	wg.Go(func() {
		for w := range p.out {
			p.try(ctx, w)
		}
	})
	return func() {
		cancel()
		close(p.out)
	}
}

// resend lets the post do one bounded thing, and keeps the store below its limit meanwhile.
func (d *Delivery) resend(now time.Time) (busy bool, err error) {
	if d.post == nil {
		return false, nil
	}
	if busy, err = d.post.step(now); err == nil && d.letters.over(0) {
		err = d.makeLetterRoom(nil)
	}
	return busy, err
}

func (p *post) try(ctx context.Context, w *walk) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(w.ctx, cancel)()
	w.answer, w.err = p.sink.Try(ctx, w)
	p.back <- w
	p.wake()
}

// maxLooks is how many Blocks one step looks at.
const maxLooks = 64

// step does one bounded thing. It says whether there may be more to do at once.
func (p *post) step(now time.Time) (more bool, err error) {
	select {
	case w := <-p.back:
		p.away = false
		return true, p.take(w, now)
	default:
	}
	if p.walk == nil {
		p.pick(now)
	}
	if p.walk != nil && !p.away {
		if err := p.gather(now); err != nil {
			p.finish(now, true)
			return false, fmt.Errorf("read dead letters: %w", err)
		}
		more = !p.away
	}
	scanned, err := p.store.scan(now)
	if err == nil {
		err = p.store.advance()
	}
	return more || scanned, err
}

// pick begins a walk, if there is one to begin.
func (p *post) pick(now time.Time) {
	s := p.store
	select {
	case p.walk = <-p.asked:
		p.walk.at, p.walk.last, p.walk.limit = s.gone, s.counted, 1<<30
	default:
		index, h := s.dueHold(now)
		if h == nil {
			return
		}
		first, last := h.leave()
		if first < h.next && h.next < last { // what is before has its turn afterwards
			s.held(index, first, h.next)
			first = h.next
		}
		p.walk = &walk{ctx: context.Background(), at: first, last: last, limit: probe, index: index, hold: h,
			want: func(e *sink.Event, n *note) bool { return n.Held && (index == manyHolds || sink.Index(e) == index) }}
	}
	p.walk.begun = max(s.begun, p.sent)
}

// gather fills the next request, a bounded number of Blocks a call, and sends it. A walk without further letters ends.
func (p *post) gather(now time.Time) error {
	w, s := p.walk, p.store
	if w.n == 0 {
		w.from = w.at
	}
	full := func() bool {
		return w.at >= w.last || w.letters >= w.limit || w.text >= p.text || w.n >= maxBlocks || w.ctx.Err() != nil
	}
	for looks := 0; !full(); looks++ {
		if looks == maxLooks {
			return nil
		}
		if w.n == len(w.blocks) {
			w.blocks = append(w.blocks, wal.Block{})
		}
		b := &w.blocks[w.n]
		err := s.next(w.at, b)
		if errors.Is(err, wal.ErrNone) || err == nil && b.Index > w.last {
			w.at = w.last
			break
		}
		if err != nil {
			return err
		}
		if w.at = b.Index; s.has(b.Index) {
			continue
		}
		wanted := 0
		if err := eachLetter(&w.parser, b, func(e *sink.Event, n *note) error {
			if w.want(e, n) {
				wanted++
			}
			return nil
		}); err != nil {
			return err
		}
		if wanted > 0 {
			w.n, w.letters, w.text = w.n+1, w.letters+wanted, w.text+len(b.Text)
		}
	}
	if w.n == 0 || w.ctx.Err() != nil {
		p.finish(now, false)
		return nil
	}
	p.away = true
	p.out <- w
	return nil
}

// take notes what became of a request. What has a new place is fsynced there before what has none any more is settled.
func (p *post) take(w *walk, now time.Time) error {
	if w.err != nil {
		p.sent = max(p.sent, w.at)
		p.finish(now, true)
		return nil
	}
	var settled []checkpoint.Settled
	held, before := w.resent.Held, w.resent
	err := p.reserve.spend(func() error {
		var stay pile
		w.resent = before
		settled = settled[:0]
		if err := w.judge(p.store.has, &stay, &settled, now); err != nil {
			return err
		}
		return p.store.append(&stay)
	})
	if err != nil {
		w.resent = before
		p.sent = max(p.sent, w.at)
		p.finish(now, true)
		return fmt.Errorf("write dead letters: %w", err)
	}
	p.stored.Add(int64(w.resent.Stored - before.Stored))
	for i := range w.blocks[:w.n] {
		b := &w.blocks[i]
		if len(settled) == 0 || settled[0].Index != b.Index {
			continue
		}
		p.store.settle(b.Index, settled[0].Parts)
		_ = eachLetter(&w.parser, b, func(_ *sink.Event, n *note) error { p.store.left(b.Index, n); return nil })
		settled = settled[1:]
	}
	if w.hold != nil && w.resent.Held > held {
		p.finish(now, true)
		return nil
	}
	w.n, w.letters, w.text, w.limit = 0, 0, 0, 1<<30
	return nil
}

// judge says which Blocks are settled by w.answer, and puts the letters of these that stay on a pile. A Block of which
// nothing leaves stays as it is, and one that was given up meanwhile stays given up.
func (w *walk) judge(gone func(wal.Index) bool, stay *pile, settled *[]checkpoint.Settled, now time.Time) error {
	refused := make(map[int]*sink.Refusal, len(w.answer.Refused))
	for i := range w.answer.Refused {
		refused[w.answer.Refused[i].N] = &w.answer.Refused[i]
	}
	n := 0
	for i := range w.blocks[:w.n] {
		b := &w.blocks[i]
		parts, rest, leaves := []checkpoint.LetterPart(nil), pile{}, false
		err := eachLetter(&w.parser, b, func(e *sink.Event, letter *note) error {
			if n >= w.limit || !w.want(e, letter) {
				rest.add(e, letter)
				return nil
			}
			r := refused[n]
			n++
			switch {
			case r == nil:
				w.resent.Stored++
				leaves, parts = true, append(parts, partsOf(e, letter)...)
				return nil
			case r.Held:
				w.resent.Held++
			case letter.Held: // and not any more
				w.resent.Refused++
				leaves = true
				letter = &note{Time: now, Type: r.Type, Reason: r.Reason, Places: letter.Places}
			default:
				w.resent.Refused++
			}
			rest.add(e, letter)
			return nil
		})
		if err != nil {
			return err
		}
		if leaves && !gone(b.Index) {
			*settled = append(*settled, checkpoint.Settled{Index: b.Index, Parts: parts})
			stay.merge(&rest)
		}
	}
	return nil
}

// finish ends the walk: at its end, or, with wait, because its hold holds still.
func (p *post) finish(now time.Time, wait bool) {
	w := p.walk
	p.walk = nil
	h := w.hold
	switch {
	case h == nil:
		w.done <- w.resent
		return
	case wait:
		p.store.held(w.index, w.from, w.last)
		h.next = w.at // or those that are bad in themselves would hold up all others for ever
		h.due, h.wait = now.Add(h.wait), min(2*h.wait, lastProbe)
	case h.last > 0: // more came meanwhile, or a scan found older ones, or those before h.next have their turn
		h.due, h.wait = now, firstProbe
	default:
		delete(p.store.holds, w.index)
	}
	if w.resent.Stored > 0 {
		p.slog.Info("dead letters that were held are stored", "index", w.index, "stored", w.resent.Stored, "refused", w.resent.Refused)
	}
}
