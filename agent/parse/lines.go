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

// Streams of a container: the places in wal.Record.Parts.
const (
	stdout = 0 // also lines that have no stream
	stderr = 1
)

var streamNames = [2]string{"stdout", "stderr"}

// Ends says where a Record that starts with some text may end, in bytes.
type Ends struct {
	Closed   int // the last place between Lines in which no Event is open; 0 if there is none
	Lull     int // where the last Event of one stream begins, if the other stream has no Line behind that; 0 if neither is so
	Complete int // end of the last Line that leaves no partial open; only multi-line Events can be open there
	Whole    int // end of the last Line
}

// Scan finds the ends of a Record of file that starts at text. What is open at the start needs no word: a Line says
// itself what it is.
func Scan(file *wal.File, text []byte) Ends {
	if framing := framingOf(file); framing != nil {
		return scanFramed(file, framing, text)
	}
	f := file.Format
	if f == wal.Plain {
		n := bytes.LastIndexByte(text, '\n') + 1
		return Ends{Closed: n, Complete: n, Whole: n}
	}
	var e Ends
	var open uint8 // a bit for each stream
	for at := 0; ; {
		n := bytes.IndexByte(text[at:], '\n')
		if n < 0 {
			return e
		}
		if open != 0 || f != wal.CRI || !ended(text[at:at+n]) {
			stream, partial := lineEnd(f, text[at:at+n])
			open &^= 1 << stream
			if partial {
				open |= 1 << stream
			}
		}
		at += n + 1
		e.Whole = at
		if open == 0 {
			e.Closed, e.Complete = at, at
		}
	}
}

// PartsAfter returns what wal.Record.Parts has to say behind a Record of text that starts with parts. With cut, the
// Events that are open at its end go on in the next Record; otherwise its end ends them.
func PartsAfter(file *wal.File, text []byte, parts [2]uint16, cut bool) [2]uint16 {
	if framing := framingOf(file); framing != nil {
		return partsAfterFramed(file, framing, text, parts, cut)
	}
	f := file.Format
	var open [2]bool
	for len(text) > 0 {
		n := bytes.IndexByte(text, '\n')
		if n < 0 { // the middle of a Line counts as one without stream
			open[stdout] = true
			break
		}
		stream, partial := stdout, false
		if f != wal.Plain {
			stream, partial = lineEnd(f, text[:n])
		}
		if open[stream] = partial; !partial {
			parts[stream] = 0
		}
		text = text[n+1:]
	}
	return partsAtEnd(parts, open, cut)
}

// partsAtEnd is parts behind a Record at whose end the Events of these streams are open.
func partsAtEnd(parts [2]uint16, open [2]bool, cut bool) [2]uint16 {
	for stream := range parts {
		switch {
		case open[stream] && cut:
			parts[stream]++
		case open[stream]:
			parts[stream] = 0
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

// Time returns the runtime's time of the Line that text starts with, or nil if it has none.
func Time(text []byte) []byte {
	if i := bytes.IndexByte(text, '\n'); i >= 0 {
		text = text[:i]
	}
	if l, ok := take(Detect(text), text); ok {
		return l.time
	}
	return nil
}

// Detect tells the Format of a file by its first lines: by the first of them that a runtime wrote, since a power cut can
// leave a hole in front.
func Detect(head []byte) wal.Format {
	for len(head) > 0 {
		line, rest, _ := bytes.Cut(head, []byte("\n"))
		if _, ok := cri(line); ok {
			return wal.CRI
		}
		if bytes.HasPrefix(line, dockerStart) {
			return wal.Docker
		}
		head = rest
	}
	return wal.Plain
}
