package parse

import (
	"bytes"
	"fmt"
	"regexp"
	"sync"

	"logboom/wal"
)

// headLen is how much of a Line's message is looked at to tell whether it begins an Event, in bytes.
const headLen = 1 << 10

// Traces are the names of the built-in sets of rules, for configurations.
var Traces = map[string]string{
	"auto": "auto.1", "java": "java.1", "python": "python.1", "go": "go.1", "node": "node.1", "ruby": "ruby.1", "dotnet": "dotnet.1",
}

// sets are the rules by the names that descriptions of Files have. A set that a release wrote into descriptions never
// changes: what other rules would make of Records has other ids. Better rules get a new version.
var sets = map[string]lang{
	"auto.1": java | python | golang | node | ruby | dotnet,
	"java.1": java, "python.1": python, "go.1": golang, "node.1": node, "ruby.1": ruby, "dotnet.1": dotnet,
}

// framing says which Lines of a stream begin an Event.
type framing struct {
	traces  *traces
	pattern *regexp.Regexp // without traces
	starts  bool           // pattern is of Lines that begin an Event
}

// next is as that of traces.
func (f *framing) next(s state, head []byte) (_ state, begins bool) {
	if f.traces != nil {
		return f.traces.next(s, head)
	}
	return text, f.pattern.Match(head) == f.starts
}

// Check says what is wrong with m, or returns nil.
func Check(m *wal.Multiline) error {
	_, err := newFraming(m)
	return err
}

func newFraming(m *wal.Multiline) (*framing, error) {
	if m.Traces != "" {
		of, known := sets[m.Traces]
		if !known {
			return nil, fmt.Errorf("no rules for traces of the kind %q", m.Traces)
		}
		return &framing{traces: newTraces(of)}, nil
	}
	f := &framing{starts: m.Start != ""}
	text := m.Continue
	if f.starts {
		text = m.Start
	}
	var err error
	f.pattern, err = regexp.Compile(text)
	return f, err
}

// framings keeps what was made of descriptions: those of a node's Files are few.
var framings struct {
	sync.Mutex
	made map[wal.Multiline]*framing // guarded by Mutex
}

const maxFramings = 100

// framingOf returns the framing of f, nil where each Line is an Event. So it is where the description says what this release
// does not know.
func framingOf(f *wal.File) *framing {
	if f.Multiline == nil {
		return nil
	}
	framings.Lock()
	defer framings.Unlock()
	fr, ok := framings.made[*f.Multiline]
	if !ok {
		if framings.made == nil || len(framings.made) == maxFramings {
			framings.made = map[wal.Multiline]*framing{}
		}
		var err error
		if fr, err = newFraming(f.Multiline); err != nil {
			fr = nil
		}
		framings.made[*f.Multiline] = fr
	}
	return fr
}

// framer follows the Lines of a Record, or of chained ones. Intake and Delivery look through the same framer, so that they
// see the same Events.
type framer struct {
	format  wal.Format
	framing *framing
	streams [2]struct {
		last    state
		partial bool // the next Line of the stream goes on in the middle of one
	}
	buf [headLen]byte
}

func (f *framer) reset(file *wal.File, framing *framing) {
	f.format, f.framing = file.Format, framing
	f.restart()
}

// restart forgets the Lines before, as at the start of a Record.
func (f *framer) restart() {
	f.streams[stdout].last, f.streams[stdout].partial = fresh, false
	f.streams[stderr] = f.streams[stdout]
}

// place is where a Line stands among those of its stream.
type place uint8

const (
	begins  place = iota // it begins an Event
	goesOn               // it goes on where a Line before ended
	within               // it goes on in the middle of a Line: that was a partial
	foreign              // it is an Event of its own, whatever comes before and behind it
)

// next says where the next Line stands. raw is the Line without its newline, l and ok what the Format says of it.
func (f *framer) next(raw []byte, l *line, ok bool) place {
	s := &f.streams[l.stream]
	if !ok {
		s.last, s.partial = fresh, false
		return foreign
	}
	if s.partial {
		s.partial = l.partial
		return within
	}
	s.partial = l.partial
	head := l.message
	if f.format == wal.Docker {
		head = dockerHead(f.buf[:0], raw)
	}
	head = bytes.TrimSuffix(head[:min(len(head), headLen)], []byte("\r"))
	var starts bool
	if s.last, starts = f.framing.next(s.last, head); starts {
		return begins
	}
	return goesOn
}

// partial says that the last Line of a stream goes on in the next.
func (f *framer) partial() bool { return f.streams[stdout].partial || f.streams[stderr].partial }

// lineParts takes a Line apart as far as a framer needs it.
func lineParts(f wal.Format, text []byte) (line, bool) {
	if f == wal.Docker {
		return dockerEnd(text)
	}
	return take(f, text)
}
