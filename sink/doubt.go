package sink

import (
	"cmp"
	"context"
	"time"
)

// doubt is which Events of a Batch may be stored already, by requests whose outcome nobody knows. A create finds an _id only
// in the index that it goes to, and behind the name of a data stream, or of an alias, that index changes with each rollover: so
// these Events are looked up (lookup.go) before they are sent again. It belongs to the batch it is in.
type doubt struct {
	events eventSet
	since  time.Time // no such request began earlier
	until  time.Time // by then all of them have ended

	// Events that may be sent all the same, because a create finds them behind the one index that there is, or because they can't be
	// looked up: in the turn in which that was found out, and no later.
	trusted eventSet
}

func (d *doubt) has(n int) bool { return d.events.has(n) }

// keeps says whether Event n must not be sent now.
func (d *doubt) keeps(n int) bool { return d.events.has(n) && !d.trusted.has(n) }

// add notes that a request that carried Event n may have stored it.
func (d *doubt) add(n int, since, until time.Time) {
	if d.since.IsZero() || since.Before(d.since) {
		d.since = since
	}
	if until.After(d.until) {
		d.until = until
	}
	d.events.add(n)
}

// clear notes that Event n has its home, or is stored nowhere.
func (d *doubt) clear(n int) { d.events.remove(n) }

// doubted looks up what is in doubt, and sends at once what is to be sent: in one turn of the flow, and what it costs of the allowance is
// paid for before and afterwards. For while a request waits, a rollover may put another index before the one in which a create would
// have found what is there. more says whether anything was sent.
func (b *batch) doubted(ctx context.Context) (more bool, worst *problem, err error) {
	if b.doubt.events.empty() { // nearly always; to gather none would take another pass over the Batch
		return false, nil, nil
	}
	names, err := b.suspects()
	if err != nil || len(names) == 0 {
		return false, nil, err
	}
	if err := b.sink.allowance.wait(ctx); err != nil {
		return false, nil, err
	}
	begun, err := b.sink.flow.take(ctx)
	if err != nil {
		return false, nil, err
	}
	defer func() { b.doubt.trusted = b.doubt.trusted[:0] }()
	worst, err = b.lookUp(ctx, names)
	if err == nil && worst.partial() {
		if _, err = b.render(); err == nil && len(b.sent) > 0 {
			_, p := b.judged(b.inTurn(ctx))
			if ctx.Err() != nil && b.home() < b.total {
				return false, nil, ctx.Err()
			}
			if !p.partial() {
				return false, p, nil
			}
			return true, cmp.Or(worst, p), nil
		}
	}
	o, retryAfter := worst.outcome()
	switch o {
	case well:
		o = nothing
	case away:
		o = absent // there was no body that it kept anybody busy with
	}
	b.sink.flow.give(begun, o, retryAfter)
	return false, worst, err
}

// suspect notes that the request under way may have stored all of its Events.
func (b *batch) suspect() {
	for _, n := range b.sent {
		b.suspectOne(int(n))
	}
}

func (b *batch) suspectOne(n int) {
	if b.sink.conf.Fields.BackendIDs {
		return // there is nothing to look up
	}
	b.doubt.add(n, b.began, time.Now().Add(b.sink.conf.Timeout))
}

// sentBefore notes that another process, or an earlier Send, may have stored e.
func (b *batch) sentBefore(n int, e *Event) {
	if b.sink.conf.Fields.BackendIDs {
		return
	}
	b.doubt.add(n, e.SentSince, b.sink.lastCut().Add(b.sink.conf.Timeout))
}
