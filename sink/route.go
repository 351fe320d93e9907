package sink

import (
	"strings"
	"sync/atomic"
	"time"
)

// route turns a File's Route into the index of each Event. A Route is the index itself, or has dates in it, such as
// logs-%{+yyyy.MM.dd}: letters yyyy, MM, dd and HH, all else as it stands. The date is the Event's own, in UTC.
type route struct {
	parts []routePart
	fixed []byte // the index, where no part is a date
	last  atomic.Pointer[dated]
}

type routePart struct {
	text       string
	start, end int // with text "": this part of a stamp
}

// stamp is the hour of a time in UTC, as in 2006-01-02T15.
type stamp [13]byte

// dated is the index of one stamp. It never changes once it is shared.
type dated struct {
	stamp stamp
	index []byte
}

var dateLetters = []struct {
	letters string
	part    routePart
}{
	{"yyyy", routePart{start: 0, end: 4}},
	{"MM", routePart{start: 5, end: 7}},
	{"dd", routePart{start: 8, end: 10}},
	{"HH", routePart{start: 11, end: 13}},
}

func newRoute(pattern string) *route {
	r := &route{}
	for {
		before, rest, found := strings.Cut(pattern, "%{+")
		date, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			r.literal(pattern)
			break
		}
		r.literal(before)
		r.date(date)
		pattern = after
	}
	if len(r.parts) == 0 {
		r.fixed = []byte{}
	} else if len(r.parts) == 1 && r.parts[0].text != "" {
		r.fixed = []byte(r.parts[0].text)
	}
	return r
}

func (r *route) literal(s string) {
	if n := len(r.parts); n > 0 && r.parts[n-1].text != "" {
		r.parts[n-1].text += s
	} else if s != "" {
		r.parts = append(r.parts, routePart{text: s})
	}
}

func (r *route) date(letters string) {
next:
	for letters != "" {
		for _, d := range dateLetters {
			if rest, ok := strings.CutPrefix(letters, d.letters); ok {
				r.parts = append(r.parts, d.part)
				letters = rest
				continue next
			}
		}
		r.literal(letters[:1])
		letters = letters[1:]
	}
}

// index returns the index of an Event of that time (RFC 3339). The caller must not change it.
func (r *route) index(t []byte) []byte {
	if r.fixed != nil {
		return r.fixed
	}
	at := utcHour(t)
	if d := r.last.Load(); d != nil && d.stamp == at {
		return d.index
	}
	d := &dated{stamp: at}
	for _, p := range r.parts {
		if p.text != "" {
			d.index = append(d.index, p.text...)
		} else {
			d.index = append(d.index, at[p.start:p.end]...)
		}
	}
	r.last.Store(d)
	return d.index
}

// utcHour cuts the hour out of t. Only a time with an offset needs to be understood for that; one that has no such hour
// (year 10000) is taken as it stands.
func utcHour(t []byte) (s stamp) {
	if len(t) == 0 || t[len(t)-1] != 'Z' {
		at, err := time.Parse(time.RFC3339Nano, string(t))
		if at = at.UTC(); err == nil && at.Year() >= 0 && at.Year() <= 9999 {
			at.AppendFormat(s[:0], "2006-01-02T15")
			return s
		}
	}
	copy(s[:], t)
	return s
}
