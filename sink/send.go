package sink

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
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
	result  Result
	final   map[string]int // result.Refused by type

	pace   pace
	most   int // documents of a request at most
	silent int // attempts in a row without an answer

	// Of the request under way.
	sent     []int32 // the Events in it
	verdicts []Verdict

	// Of the attempt under way, which may be several requests.
	poison []Refusal // become Refusals at its end, if they are few
}

func newBatch(s *Sink) *batch {
	return &batch{sink: s, body: newBody(s.files, s.conf.Compression), answer: newAnswer()}
}

// clear lets go of what belonged to a Send.
func (b *batch) clear() {
	*b = batch{
		sink: b.sink, body: b.body, answer: b.answer,
		settled: b.settled[:0], sent: b.sent[:0], verdicts: b.verdicts[:0],
	}
	b.body.release()
}

// unlimited is how many documents a request may have until one is too large.
const unlimited = math.MaxInt

// send is the only retry loop of the program.
func (b *batch) send(ctx context.Context, events Events) (Result, error) {
	conf := &b.sink.conf
	b.events, b.total, b.most, b.final = events, -1, unlimited, map[string]int{}
	b.pace.ExponentialBackOff = backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(conf.MinBackoff),
		backoff.WithMaxInterval(conf.MaxBackoff),
		backoff.WithMultiplier(2),
		backoff.WithMaxElapsedTime(0), // never gives up
	)
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
		return b.result, fmt.Errorf("send a batch: %w", err)
	}
	return b.result, nil
}

// pace is how long to wait between attempts: ever longer, from the start again after progress, and no less than the
// backend asked for.
type pace struct {
	*backoff.ExponentialBackOff
	atLeast time.Duration
}

func (p *pace) NextBackOff() time.Duration { return max(p.ExponentialBackOff.NextBackOff(), p.atLeast) }

// attempt sends every Event that has no home yet once: in one request, or in several where a long one is too large for
// the backend. It returns nil when all have their home, a *problem when some must be sent again, and another error when
// there is no use.
func (b *batch) attempt(ctx context.Context) error {
	b.poison = b.poison[:0]
	before := b.home()
	worst, err := b.requests(ctx)
	if err != nil {
		return backoff.Permanent(err)
	}
	if worst == nil || worst.partial {
		worst = cmp.Or(b.refuse(), worst)
	}
	if b.home() > before {
		b.pace.Reset()
		b.sink.health.progress()
	}
	if b.home() == b.total {
		return nil
	}
	if worst == nil {
		panic(fmt.Sprintf("BUG: %d of %d Events have a home, and nothing is wrong", b.home(), b.total))
	}
	b.pace.atLeast = worst.retryAfter
	return worst
}

// home is how many Events have theirs.
func (b *batch) home() int { return b.result.Stored + b.result.Duplicate + len(b.result.Refused) }

// halveAfter is after how many attempts in a row without an answer the requests get shorter: whatever cuts or times out
// long ones may let short ones pass.
const halveAfter = 3

// requests sends what an attempt has to send. It stops at the first request that is not answered item by item; otherwise
// it returns the problem, if any, of those items that are to be sent again.
func (b *batch) requests(ctx context.Context) (worst *problem, err error) {
	for from := 0; from >= 0; {
		next, err := b.render(from)
		if err != nil {
			return nil, fmt.Errorf("read its Events: %w", err)
		}
		if len(b.sent) == 0 {
			break
		}
		p := b.request(ctx)
		if ctx.Err() != nil && b.home() < b.total {
			return nil, ctx.Err()
		}
		switch {
		case p == nil || p.partial:
			b.silent = 0
			worst = cmp.Or(worst, p)
		case p.tooLarge && len(b.sent) > 1:
			b.most = len(b.sent) / 2
			next = from
		case p.tooLarge:
			n := int(b.sent[0])
			b.poison = append(b.poison, Refusal{N: n, Type: "request_too_large", Reason: "the backend answered 413"})
		default:
			if p.silent {
				if b.silent++; b.silent%halveAfter == 0 {
					b.most = max(1, len(b.sent)/2)
				}
			}
			return p, nil
		}
		from = next
	}
	return worst, nil
}

var errFull = errors.New("enough for one request")

// render makes the body of a request with Events that have no home, from number from on. It returns the number to go on
// at, -1 when there is none.
func (b *batch) render(from int) (next int, err error) {
	b.body.reset()
	b.sent = b.sent[:0]
	next = -1
	count := 0
	err = b.events.Each(func(n int, e *Event) error {
		count++
		switch {
		case next >= 0 || n < from || b.settled.has(n):
		case len(b.sent) < b.most:
			b.body.add(e)
			b.sent = append(b.sent, int32(n))
		case b.total >= 0:
			next = n
			return errFull
		default:
			next = n // go on: they have to be counted
		}
		return nil
	})
	if err != nil && !errors.Is(err, errFull) {
		return 0, err
	}
	if b.total < 0 {
		b.total = count
	} else if err == nil && count != b.total {
		panic(fmt.Sprintf("BUG: a Batch of %d Events has %d now", b.total, count))
	}
	return next, nil
}

// refuse makes Refusals of an attempt's poison: of each type that only few Events have. It returns a problem when others
// are held instead.
func (b *batch) refuse() (held *problem) {
	count := map[string]int{}
	for _, r := range b.poison {
		count[r.Type]++
	}
	judged := b.home() + len(b.poison)
	for typ, n := range count {
		if onlyFew(n+b.final[typ], judged, b.total) {
			b.final[typ] += n
			continue
		}
		delete(count, typ)
		held = &problem{what: "most Events are refused for one reason: " + typ, up: true, partial: true}
	}
	for _, r := range b.poison {
		if count[r.Type] > 0 {
			b.settled.add(r.N)
			b.result.Refused = append(b.result.Refused, r)
		}
	}
	return held
}
