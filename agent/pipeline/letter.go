package pipeline

import (
	"encoding/json"
	"fmt"
	"time"

	"logboom/agent/parse"
	"logboom/checkpoint"
	"logboom/sink"
	"logboom/wal"
)

// note is what the dead-letter store has of a letter beside its Event: JSON in the Note of its Record.
type note struct {
	Time   time.Time `json:"time"`           // when it was refused
	Held   bool      `json:"held,omitempty"` // nothing is wrong with it: its index took nothing
	Type   string    `json:"type,omitempty"`
	Reason string    `json:"reason,omitempty"` // the backend's words: may quote the Event
	Places []run     `json:"places,omitempty"` // of its Lines; none: they are one run from its Offset on
}

// run is a range of an Event's Lines: those of another stream may stand between two, and its end in the next File.
type run struct {
	File  wal.FileID `json:"file"`
	Path  string     `json:"path"`
	Start wal.Offset `json:"start"`
	End   wal.Offset `json:"end"`
	Bytes int64      `json:"bytes,omitempty"` // how many of them are the Event's; 0: all
}

func (r *run) bytes() int64 {
	if r.Bytes > 0 {
		return r.Bytes
	}
	return int64(r.End - r.Start)
}

// sketch makes one run of those of each File: an Event of many pieces, with Lines of the other stream between them, would
// have a note that no Block can hold.
func sketch(places []run) (all []run) {
	for i := range places {
		p := &places[i]
		if n := len(all); n > 0 && all[n-1].File == p.File {
			all[n-1].End, all[n-1].Bytes = p.End, all[n-1].Bytes+p.bytes()
			continue
		}
		all = append(all, run{p.File, p.Path[:min(len(p.Path), maxReason)], p.Start, p.End, p.bytes()})
	}
	return all
}

// placesOf says where the Lines of an Event of b stand.
func placesOf(b *wal.Block, e *sink.Event) []run {
	var all []run
	for _, s := range appendLines(nil, b, e) {
		if n := len(all); n > 0 && all[n-1].File == s.file && all[n-1].End == s.start {
			all[n-1].End = s.end
			continue
		}
		path := e.File.Path
		if s.file != e.File.ID {
			path = after(b, e.File).File.Path
		}
		all = append(all, run{s.file, path, s.start, s.end, 0})
	}
	if len(all) == 1 {
		return nil
	}
	return all
}

const (
	maxReason = 1 << 10  // bounds the backend's words that are kept with a dead letter, in bytes
	maxNote   = 60 << 10 // bounds all of a note in bytes: the log takes 64 KiB
)

func (n *note) encode() string {
	n.Type, n.Reason = n.Type[:min(len(n.Type), maxReason)], n.Reason[:min(len(n.Reason), maxReason)]
	text, err := json.Marshal(n)
	if len(text) > maxNote {
		short := *n
		short.Places = sketch(n.Places)
		text, err = json.Marshal(&short)
	}
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return string(text)
}

// decode reads what encode wrote. Anything else is taken for a reason: what is kept must not be lost for its wording.
func (n *note) decode(text string) {
	*n = note{}
	if json.Unmarshal([]byte(text), n) != nil {
		*n = note{Reason: text}
	}
}

// eachLetter calls fn for every letter of a Block of the store: each Record is the Lines of one Event.
func eachLetter(p *parse.Parser, b *wal.Block, fn func(e *sink.Event, n *note) error) error {
	var n note
	for i := range b.Records {
		n.decode(b.Records[i].Note)
		one := wal.Block{Time: b.Time, Records: b.Records[i : i+1]}
		if err := p.Events(&one, func(e *sink.Event) error { return fn(e, &n) }); err != nil {
			return err
		}
	}
	return nil
}

// partsOf says which bytes of which Files a letter has.
func partsOf(e *sink.Event, n *note) (all []checkpoint.LetterPart) {
	for _, p := range n.places(e) {
		all = append(all, checkpoint.LetterPart{File: p.File, Bytes: p.bytes()})
	}
	return all
}

// lossesOf is partsOf a letter that is given up.
func lossesOf(e *sink.Event, n *note, why string) (all []checkpoint.LetterPart) {
	at, _ := when(e)
	for _, p := range n.places(e) {
		f := e.File
		if p.File != f.ID {
			f = &wal.File{ID: p.File, Path: p.Path}
		}
		detail := why
		if p.Bytes > 0 {
			detail += fmt.Sprintf("; it has %d bytes of this range", p.Bytes)
		}
		all = append(all, checkpoint.LetterPart{File: p.File, Bytes: p.bytes(), Lost: &checkpoint.Loss{
			Time: time.Now(), File: f, Start: p.Start, End: p.End, Cause: checkpoint.CauseDropped, Read: true, Detail: detail, Since: at, Until: at}})
	}
	return all
}

func (n *note) places(e *sink.Event) []run {
	if len(n.Places) > 0 {
		return n.Places
	}
	return []run{{e.File.ID, e.File.Path, e.Offset, e.Offset + wal.Offset(len(e.Raw)), 0}}
}

// when returns e's time, and whether its Raw says it.
func when(e *sink.Event) (at time.Time, timed bool) {
	at, _ = time.Parse(time.RFC3339Nano, string(e.Time)) // checked
	return at, e.File.Format != wal.Plain && parse.Time(e.Raw) != nil
}
