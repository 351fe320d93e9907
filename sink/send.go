package sink

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// batch is one Send: which Events have their home, and the memory that its requests are made in. One goroutine has it at
// a time; the Sink keeps it for the next Send.
type batch struct {
	sink   *Sink
	events Events
	body   *body
	answer *answer

	total   int      // Events of the Batch; -1: not counted yet
	settled eventSet // those that have their home
	plain   eventSet // those that were refused once: they go in plain form
	result  Result
	blamed  map[string]int // how many documents were refused for what they are, by type
	holding time.Time      // since when Events are held in each attempt; zero: the last one held none
	began   time.Time      // of the Send
	doubt   doubt

	impatient bool // what is held is given up at once

	pace   pace
	length length

	// Of the attempt under way, which may be several requests.
	tried  eventSet  // the Events that were in one
	poison []Refusal // become Refusals at its end, if they are few
	held   []Refusal

	// Of the request under way.
	sent     []int32 // the Events in it
	verdicts []Verdict
	busy     bool // some of them are to be sent again because the backend was
}

func newBatch(s *Sink) *batch {
	return &batch{sink: s, body: newBody(s.files, s.conf.Compression), answer: newAnswer()}
}

// clear lets go of what belonged to a Send.
func (b *batch) clear() {
	*b = batch{
		sink: b.sink, body: b.body, answer: b.answer,
		settled: b.settled[:0], plain: b.plain[:0], tried: b.tried[:0], doubt: doubt{events: b.doubt.events[:0], trusted: b.doubt.trusted[:0]}, sent: b.sent[:0], verdicts: b.verdicts[:0],
	}
	b.body.release()
}

// send is the only retry loop of the program.
func (b *batch) send(ctx context.Context, events Events) (Result, error) {
	b.events, b.total, b.blamed, b.began = events, -1, map[string]int{}, time.Now()
	b.pace, b.length = newPace(&b.sink.conf), b.sink.longest.start()
	attempts := 0
	err := backoff.RetryNotify(
		func() error { attempts++; return b.attempt(ctx) },
		backoff.WithContext(&b.pace, ctx),
		func(err error, wait time.Duration) {
			var p *problem
			if errors.As(err, &p) {
				b.sink.health.trouble(b, *p, time.Now().Add(wait))
			}
		})
	b.sink.health.left(b)
	b.result.Retries = attempts - 1
	slices.SortFunc(b.result.Refused, func(x, y Refusal) int { return cmp.Compare(x.N, y.N) })
	if err != nil {
		b.sink.leave()
		b.result.Settled = b.settled.numbers()
		return b.result, fmt.Errorf("send a batch: %w", err)
	}
	return b.result, nil
}

// home is how many Events have theirs.
func (b *batch) home() int { return b.result.Stored + b.result.Duplicate + len(b.result.Refused) }

// attempt sends every Event that has no home yet once: in one request, or in several where one does not do. It returns
// nil when all have their home, a *problem when some must be sent again, and another error when there is no use.
func (b *batch) attempt(ctx context.Context) error {
	began := time.Now()
	b.tried, b.poison, b.held = b.tried[:0], b.poison[:0], b.held[:0]
	before := b.home()
	worst, err := b.everyRequest(ctx)
	if err != nil {
		return backoff.Permanent(err)
	}
	if worst.partial() {
		again, held := b.refuse()
		worst = cmp.Or(worst, held)
		if again {
			if worst, err = b.plainly(ctx, worst); err != nil {
				return backoff.Permanent(err)
			}
		}
		b.hold(began)
	}
	if b.home() > before {
		b.pace.Reset()
	}
	if b.home() == b.total {
		return nil
	}
	if worst == nil {
		panic(fmt.Sprintf("BUG: %d of %d Events have a home, and nothing is wrong", b.home(), b.total))
	}
	b.pace.retryAfter = worst.retryAfter
	_, next := b.sink.flow.state()
	b.pace.ofAll = !worst.partial() && next.After(began) && !b.sink.health.storedSince(began)
	return worst
}

// everyRequest sends first what is surely stored nowhere yet, and then what is in doubt, as far as it can be looked up.
func (b *batch) everyRequest(ctx context.Context) (worst *problem, err error) {
	for more := true; more; {
		p, err := b.requests(ctx)
		if err != nil || !p.partial() {
			return p, err
		}
		worst = cmp.Or(worst, p)
		if more, p, err = b.doubted(ctx); err != nil || !p.partial() {
			return p, err
		}
		worst = cmp.Or(worst, p)
	}
	return worst, nil
}

// requests sends what is not in doubt, and returns what went wrong most. It stops at the first problem that concerns
// everything.
func (b *batch) requests(ctx context.Context) (worst *problem, err error) {
	for more := true; more; {
		if more, err = b.render(); err != nil {
			return nil, fmt.Errorf("read its Events: %w", err)
		}
		if len(b.sent) == 0 {
			break
		}
		if err := b.sink.allowance.wait(ctx); err != nil {
			return nil, err
		}
		if _, err := b.sink.flow.take(ctx); err != nil {
			return nil, err
		}
		again, p := b.judged(b.inTurn(ctx))
		if ctx.Err() != nil && b.home() < b.total {
			return nil, ctx.Err()
		}
		if !p.partial() {
			return p, nil
		}
		more, worst = more || again, cmp.Or(worst, p)
	}
	return worst, nil
}

// inTurn makes a request in a turn of the flow that was taken, and ends that.
func (b *batch) inTurn(ctx context.Context) *problem {
	b.busy = false
	begun := time.Now()
	p := b.request(ctx)
	o, retryAfter := p.outcome()
	switch {
	case p != nil && p.scope == noAnswer && ctx.Err() != nil:
		o = nothing // we called it back: drop_oldest does that where space is short, and delivery must not pause for it
	case o != well:
	case time.Since(begun) > b.sink.conf.Timeout/2:
		o = setback
	case b.busy:
		o = partly
	}
	b.sink.flow.give(begun, o, retryAfter)
	return p
}

// judged notes what an answer says of the Events that were sent, and of the length of requests. It returns what is wrong with that,
// or that they go once more in this attempt.
func (b *batch) judged(p *problem) (again bool, worst *problem) {
	switch {
	case p == nil || p.scope == someEvents:
		b.length.pass()
	case p.scope == tooLong && b.length.tooLong(len(b.sent), b.body.size):
		b.sink.longest.note(b.length.bytes)
		return true, nil
	case p.scope == tooLong:
		n := int(b.sent[0])
		b.poison = append(b.poison, Refusal{N: n, Type: tooLarge, Reason: "the backend answered 413"})
		p = nil
	case p.scope == oneIndex && b.body.mixed:
		b.body.apart = true // once more, each index by itself
		return true, nil
	case p.scope == oneIndex:
		for _, n := range b.sent {
			b.held = append(b.held, Refusal{N: int(n), Type: p.errType, Reason: p.what})
		}
	default:
		b.length.unanswered(len(b.sent)) // a 408, 429 or 504 may be about the length, too
		if p.late {
			b.sink.longest.note(max(leastBody, b.body.size/2))
		}
		return false, p
	}
	for _, n := range b.sent {
		b.tried.add(int(n))
	}
	return false, p
}

// tooLarge is the error type of a document that a backend answers 413 to.
const tooLarge = "request_too_large"

var errFull = errors.New("enough for one request")

// render makes the body of a request with Events that have no home and were not tried in this attempt. more says whether
// there are others.
func (b *batch) render() (more bool, err error) {
	b.body.doubt = b.body.doubt || b.length.silent >= halveAfter || !b.holding.IsZero() // to the end of this Send
	b.body.reset()
	b.sent = b.sent[:0]
	count := 0
	err = b.events.Each(func(n int, e *Event) error {
		count++
		if b.total < 0 && !e.SentSince.IsZero() {
			b.sentBefore(n, e)
		}
		if b.settled.has(n) || b.tried.has(n) || b.doubt.keeps(n) {
			return nil
		}
		if !b.length.full(len(b.sent), b.body.rendered()+int64(len(e.Message))) && b.body.addAs(e, b.plain.has(n)) {
			b.sent = append(b.sent, int32(n))
			return nil
		}
		more = true
		if b.total >= 0 && !b.body.apart {
			return errFull
		}
		return nil // go on: they have to be counted, or those of this index found
	})
	if err != nil && !errors.Is(err, errFull) {
		return false, err
	}
	if b.total < 0 {
		b.total = count
	} else if err == nil && count != b.total {
		panic(fmt.Sprintf("BUG: a Batch of %d Events has %d now", b.total, count))
	}
	return more, nil
}

// refuse judges an attempt's poison. Of each type that only few Events have, these go again at once, in plain form, and
// those that did are Refusals. The others are held, and it returns why.
func (b *batch) refuse() (again bool, held *problem) {
	count := map[string]int{}
	for _, r := range b.poison {
		if !b.plain.has(r.N) {
			count[r.Type]++
		}
	}
	judged := b.home() + len(b.poison) + len(b.held)
	for typ, n := range count {
		if onlyFew(n+b.blamed[typ], judged, b.total) {
			b.blamed[typ] += n
			continue
		}
		delete(count, typ)
		held = &problem{what: "most Events are refused for one reason: " + typ, scope: someEvents, up: true}
	}
	for _, r := range b.poison {
		switch few := count[r.Type] > 0; {
		case b.plain.has(r.N), few && r.Type == tooLarge:
			b.settled.add(r.N)
			b.result.Refused = append(b.result.Refused, r)
		case few:
			b.plain.add(r.N)
			b.tried.remove(r.N)
			again = true
		default:
			b.held = append(b.held, r)
		}
	}
	b.poison = b.poison[:0]
	return again, held
}

// plainly sends what refuse wants sent again. worst is the attempt's until there.
func (b *batch) plainly(ctx context.Context, worst *problem) (*problem, error) {
	p, err := b.everyRequest(ctx)
	if err != nil || !p.partial() {
		return p, err
	}
	b.refuse()
	return cmp.Or(worst, p), nil
}

// hold gives up Events that were held for long while the backend took others. The attempt began at began.
func (b *batch) hold(began time.Time) {
	limit := b.sink.conf.HoldFor
	switch {
	case b.impatient && len(b.held) > 0:
		b.letGo(anyIndex)
		return
	case limit == 0:
		return
	}
	if len(b.held) > 0 && !b.sink.refusing.none() && b.sink.health.storedSince(time.Now().Add(-limit)) {
		b.letGo(b.sink.refusing.has)
	}
	switch {
	case len(b.held) == 0:
		b.holding = time.Time{}
		return
	case b.holding.IsZero():
		b.holding = began
		return // whatever the time: an attempt may take long, and one is not enough
	}
	if time.Since(b.holding) < limit || !b.sink.health.storedSince(b.holding) {
		return
	}
	b.letGo(anyIndex)
}
