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
}

func (d *doubt) has(n int) bool { return d.events.has(n) }

// add notes that a request that carried Event n may have stored it.
func (d *doubt) add(n int, since, until time.Time) {
	if d.count == 0 {
		*d = doubt{events: d.events, since: since, until: until}
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
