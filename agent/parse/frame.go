package parse

import (
	"bytes"
	"math"

	"logboom/wal"
)

// lull is a run of places in which no Event of a stream is open: from the end of one to the beginning of the next.
type lull struct {
	from, to int
	last     int // end of the stream's last Line
}

const forever = math.MaxInt

// scanFramed is Scan where an Event ends only with the beginning of the next one of its stream: a Line that could be its
// last may be followed by one that belongs to it.
func scanFramed(file *wal.File, framing *framing, text []byte) (e Ends) {
	var f framer
	f.reset(file, framing)
	lulls := [2]lull{{to: forever}, {to: forever}}
	// A Record may end in the lulls of both streams.
	closed := func() {
		a, b := &lulls[stdout], &lulls[stderr]
		if end := min(a.to, b.to); end >= max(a.from, b.from) {
			e.Closed = max(e.Closed, min(end, e.Whole))
		}
	}
	for at := 0; ; {
		n := bytes.IndexByte(text[at:], '\n')
		if n < 0 {
			break
		}
		raw := text[at : at+n]
		l, ok := lineParts(file.Format, raw)
		p := f.next(raw, &l, ok)
		u := &lulls[l.stream]
		if u.to == forever || p == begins || p == foreign {
			if u.to != forever {
				u.from = u.last
			}
			u.to = at
			closed()
		}
		at += n + 1
		u.last, e.Whole = at, at
		if p == foreign {
			u.from, u.to = at, forever
			closed()
		}
		if !f.partial() {
			e.Complete = at
		}
	}
	for s := range lulls {
		begin, other := lulls[s].to, 1-s // of the stream's last Event
		if begin != forever && begin >= lulls[other].last && !f.streams[other].partial {
			e.Lull = max(e.Lull, begin)
		}
	}
	return e
}

// partsAfterFramed is PartsAfter, of a framed Record.
func partsAfterFramed(file *wal.File, framing *framing, text []byte, parts [2]uint16, cut bool) [2]uint16 {
	var f framer
	f.reset(file, framing)
	var met, open [2]bool
	for len(text) > 0 {
		raw, rest, whole := bytes.Cut(text, []byte("\n"))
		text = rest
		l, ok := lineParts(file.Format, raw)
		if !whole && cut { // the middle of a Line counts as one without stream
			open[stdout] = true
			break
		}
		s := l.stream
		p := f.next(raw, &l, ok)
		if met[s] && (p == begins || p == foreign) {
			parts[s] = 0
		}
		met[s], open[s] = true, p != foreign
		if p == foreign {
			parts[s] = 0
		}
	}
	return partsAtEnd(parts, open, cut)
}

// Resume returns what Parts the Record of text has when the Record before it ended with these: none where a new Event
// begins after all. torn says that text begins in the middle of a Line.
func Resume(file *wal.File, text []byte, parts [2]uint16, torn bool) [2]uint16 {
	framing := framingOf(file)
	if framing == nil || parts == [2]uint16{} {
		return parts
	}
	var f framer
	f.reset(file, framing)
	var met [2]bool
	for len(text) > 0 && (!met[stdout] || !met[stderr]) {
		raw, rest, _ := bytes.Cut(text, []byte("\n"))
		text = rest
		l, ok := lineParts(file.Format, raw)
		p := f.next(raw, &l, ok)
		if s := l.stream; !met[s] && !torn && (p == begins || p == foreign) {
			parts[s] = 0
		}
		met[l.stream], torn = true, false
	}
	return parts
}
