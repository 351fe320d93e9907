package pipeline

import "sync/atomic"

// room is how Intake asks Delivery for space. What it asked for counts only until Delivery has freed something: then Intake
// looks again, and asks again if it must.
type room struct {
	freed atomic.Uint64 // how often
	asked atomic.Pointer[shortage]
}

// shortage is why Intake stands still, as it was when so much was freed.
type shortage struct {
	why   string
	freed uint64
}

// want asks for space; freed is what it was before Intake looked.
func (r *room) want(freed uint64, why string) { r.asked.Store(&shortage{why, freed}) }

// enough takes that back.
func (r *room) enough() { r.asked.Store(nil) }

// short says that Intake stood still when it looked last.
func (r *room) short() bool { return r != nil && r.asked.Load() != nil }

// wanted says why space is needed, "" if it is not.
func (r *room) wanted() string {
	if r == nil {
		return ""
	}
	if s := r.asked.Load(); s != nil && s.freed == r.freed.Load() {
		return s.why
	}
	return ""
}

// give says that something may have been freed.
func (r *room) give() {
	if r != nil {
		r.freed.Add(1)
	}
}
