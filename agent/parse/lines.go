// Package parse knows the encodings that runtimes give to log lines.
//
// It promises that Intake and Delivery see the same Events: Scan tells Intake where Events end, Events gives Delivery
// the Events between two such places, and both look at nothing but the bytes themselves. A line that isn't what its
// Format says is never dropped: it becomes an Event whose message is the whole line.
//
// It costs one pass over the bytes on each side, no allocation for an Event, and a copy only for joined partials.
//
//	CRI     2026-11-22T16:01:41.123456789Z stdout F message      containerd, CRI-O; P instead of F: to be continued
//	Docker  {"log":"message\n","stream":"stdout","time":"..."}   json-file; no \n at the end: to be continued
//	Plain   message
package parse

import (
	"bytes"

	"logboom/wal"
)

// Streams of a container: the places in wal.Record.Parts and the bits of the masks in Ends.
const (
	stdout = 0 // also lines that have no stream
	stderr = 1
)

var streamNames = [2]string{"stdout", "stderr"}

// Ends says where a Record that starts with some text may end.
type Ends struct {
	Closed int // bytes: end of the last Line after which no Event is open; 0 if there is none
	Whole  int // bytes: end of the last Line

	closed, whole masks
}

// masks holds one bit per stream.
type masks struct {
	seen  uint8 // the stream has a Line
	ended uint8 // an Event of the stream ended
	open  uint8 // an Event of the stream is open
}

// Scan finds the ends of a Record that starts at text. What is open at the start needs no word: a Line says itself
// whether it ends its Event.
func Scan(f wal.Format, text []byte) Ends {
	if f == wal.Plain {
		n := bytes.LastIndexByte(text, '\n') + 1
		if n == 0 {
			return Ends{}
		}
		m := masks{seen: 1, ended: 1}
		return Ends{Closed: n, Whole: n, closed: m, whole: m}
	}
	var e Ends
	var m masks
	for at := 0; ; {
		n := bytes.IndexByte(text[at:], '\n')
		if n < 0 {
			return e
		}
		stream, partial := lineEnd(f, text[at:at+n])
		at += n + 1
		bit := uint8(1) << stream
		m.seen |= bit
		if partial {
			m.open |= bit
		} else {
			m.open &^= bit
			m.ended |= bit
		}
		e.Whole, e.whole = at, m
		if m.open == 0 {
			e.Closed, e.closed = at, m
		}
	}
}

// PartsAfter returns what wal.Record.Parts has to say behind a Record that starts with parts and ends at end, one of
// e.Closed (nothing is open there), e.Whole, or the middle of a Line.
func (e Ends) PartsAfter(parts [2]uint16, end int) [2]uint16 {
	m := e.whole
	if end == e.Closed {
		m = e.closed
	}
	if end > e.Whole { // in the middle of a Line, which counts as one without stream
		m.seen |= 1
		m.open |= 1
	}
	for s := range parts {
		bit := uint8(1) << s
		switch {
		case m.open&bit != 0 && m.ended&bit != 0:
			parts[s] = 1
		case m.open&bit != 0:
			parts[s]++
		case m.seen&bit != 0:
			parts[s] = 0
		}
	}
	return parts
}

// lineEnd returns the stream of a Line (without its newline) and whether its Event goes on.
func lineEnd(f wal.Format, line []byte) (stream int, partial bool) {
	if f == wal.Docker {
		l, ok := dockerEnd(line)
		return l.stream, ok && l.partial
	}
	l, ok := cri(line)
	return l.stream, ok && l.partial
}

// Detect tells the Format of a file by its first line.
func Detect(head []byte) wal.Format {
	if i := bytes.IndexByte(head, '\n'); i >= 0 {
		head = head[:i]
	}
	if _, ok := cri(head); ok {
		return wal.CRI
	}
	if bytes.HasPrefix(head, dockerStart) {
		return wal.Docker
	}
	return wal.Plain
}
