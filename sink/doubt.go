package sink

import "time"

// doubt is which Events of a Batch may be stored already, by requests whose outcome nobody knows. A create finds an _id only
// in the index that it goes to, and behind the name of a data stream, or of an alias, that index changes with each rollover: so
// these Events are looked up (lookup.go) before they are sent again. It belongs to the batch it is in.
type doubt struct {
	events eventSet
	count  int
	since  time.Time // no such request began earlier
	until  time.Time // by then all of them have ended

	// Events that are sent all the same, because a create finds them behind the one index that there is. Where the create is
	// refused it has found nothing, and they are in doubt again.
	trusted      []int
	trustedSince time.Time
	trustedUntil time.Time
}

func (d *doubt) has(n int) bool { return d.events.has(n) }

// add notes that a request that carried Event n may have stored it.
func (d *doubt) add(n int, since, until time.Time) {
	if d.count == 0 {
		d.since, d.until = since, until
	}
	if since.Before(d.since) {
		d.since = since
	}
	if until.After(d.until) {
		d.until = until
	}
	if !d.events.has(n) {
		d.events.add(n)
		d.count++
	}
}

// clear notes that Event n may be sent: it is stored nowhere, or only where a create finds it.
func (d *doubt) clear(n int) {
	if d.events.has(n) {
		d.events.remove(n)
		d.count--
	}
}

// trust is clear until again.
func (d *doubt) trust(n int) {
	if len(d.trusted) == 0 {
		d.trustedSince, d.trustedUntil = d.since, d.until
	}
	d.trusted = append(d.trusted, n)
	d.clear(n)
}

// again puts in doubt what was trusted and has no home yet.
func (d *doubt) again(settled eventSet) {
	for _, n := range d.trusted {
		if !settled.has(n) {
			d.add(n, d.trustedSince, d.trustedUntil)
		}
	}
	d.trusted = d.trusted[:0]
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
