package parse

import (
	"bytes"
	"hash/crc32"
	"time"

	"logboom/sink"
	"logboom/wal"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Parser turns Records into Events. It belongs to one goroutine; its buffers grow to the size of the longest Event.
type Parser struct {
	event  sink.Event
	open   [2]joined
	now    []byte // the time of Events that have none
	framer framer
	file   *wal.File // whose framing it is
}

// joined gathers the Lines of one Event.
type joined struct {
	started bool
	named   bool // its Lines name their stream
	goesOn  bool // its first Line goes on where an Event before was ended
	before  int  // parts that were already cut from it
	file    *wal.File
	offset  wal.Offset
	time    []byte
	message []byte
	raw     []byte
	beyond  int // bytes of raw that are not file's
}

// Events calls fn for every Event of the Block, in the order of their ends, and stops at fn's first error, which it
// returns. What fn is given is valid until it returns.
func (p *Parser) Events(b *wal.Block, fn func(*sink.Event) error) error {
	p.now = b.Time.UTC().AppendFormat(p.now[:0], time.RFC3339Nano)
	chained := false
	for i := range b.Records {
		r := &b.Records[i]
		if err := p.record(r, chained, fn); err != nil {
			return err
		}
		chained = r.Chained
	}
	return nil
}

// record gives the Events of one Record. With chained, what was open in the Record before goes on in it.
func (p *Parser) record(r *wal.Record, chained bool, fn func(*sink.Event) error) error {
	c := cursor{p: p, r: r, fn: fn, first: [2]bool{!chained, !chained}}
	if r.File != p.file {
		p.file = r.File
		if framing := framingOf(r.File); framing != p.framer.framing || !chained {
			p.framer.reset(r.File, framing)
		}
	}
	if !chained {
		p.open[stdout].started, p.open[stderr].started = false, false
		p.framer.restart()
	}
	c.cri = r.File.Format == wal.CRI && p.framer.framing == nil
	for at := 0; at < len(r.Text); {
		end := len(r.Text)
		newline := bytes.IndexByte(r.Text[at:], '\n')
		if newline >= 0 {
			end = at + newline + 1
		}
		if err := c.line(at, end, newline >= 0); err != nil {
			return err
		}
		at = end
	}
	if r.Chained {
		return nil
	}
	return c.finish()
}

// cursor is a walk through one Record.
type cursor struct {
	p     *Parser
	r     *wal.Record
	fn    func(*sink.Event) error
	cri   bool    // Lines are CRI's, and each ends an Event unless it is partial
	first [2]bool // no Event of the stream has been met in the Record
}

// line gives the Line r.Text[at:end], its newline included, to the Event it belongs to.
func (c *cursor) line(at, end int, complete bool) error {
	raw := c.r.Text[at:end]
	text := raw
	if complete {
		text = raw[:len(raw)-1]
	}
	offset := c.r.Start + wal.Offset(at)
	if c.cri && complete {
		if stream, ok := usual(text); ok && !c.p.open[stream].started {
			e := c.event(c.r.File, offset, raw)
			e.Time, e.Message, e.Stream = text[:usualTime], text[usualLen:], streamNames[stream]
			c.number(c.before(stream), false)
			return c.send()
		}
	}
	l, ok := take(c.r.File.Format, text)
	if !complete && c.r.Cut {
		l.stream = stdout // where the middle of a Line is counted, see PartsAfter
	}
	if c.p.framer.framing != nil {
		return c.framed(l, ok, text, raw, offset, !complete && c.r.Cut)
	}
	open := &c.p.open[l.stream]
	if !ok && open.started { // a foreign Line joins nothing
		if err := c.emitJoined(l.stream, false); err != nil {
			return err
		}
	}
	if !open.started && !l.partial {
		return c.emit(l, offset, raw, !complete && c.r.Cut)
	}
	open.add(c, l, offset, raw)
	if l.partial {
		return nil
	}
	return c.emitJoined(l.stream, false)
}

// framed gives a Line to the Event that its framing says.
func (c *cursor) framed(l line, ok bool, text, raw []byte, offset wal.Offset, cut bool) error {
	at := c.p.framer.next(text, &l, ok)
	open := &c.p.open[l.stream]
	if open.started && (at == begins || at == foreign) {
		if err := c.emitJoined(l.stream, false); err != nil {
			return err
		}
	}
	if at == foreign {
		return c.emit(l, offset, raw, cut)
	}
	if !open.started {
		open.add(c, l, offset, raw)
		open.goesOn = at != begins
		return nil
	}
	if at == goesOn {
		open.message = append(open.message, '\n')
	}
	open.add(c, l, offset, raw)
	return nil
}

// finish ends what is open at the Record's end, the older Event first.
func (c *cursor) finish() error {
	order := [2]int{stdout, stderr}
	if open := &c.p.open; open[stdout].started && open[stderr].started && open[stderr].offset < open[stdout].offset {
		order = [2]int{stderr, stdout}
	}
	for _, s := range order {
		if c.p.open[s].started {
			if err := c.emitJoined(s, c.r.Cut); err != nil {
				return err
			}
		}
	}
	return nil
}

func (j *joined) add(c *cursor, l line, offset wal.Offset, raw []byte) {
	if !j.started {
		*j = joined{started: true, named: l.named, before: c.before(l.stream), file: c.r.File, offset: offset,
			time: append(j.time[:0], l.time...), message: j.message[:0], raw: j.raw[:0]}
	}
	j.message = append(j.message, l.message...)
	j.raw = append(j.raw, raw...)
	if c.r.File != j.file {
		j.beyond += len(raw)
	}
}

func (c *cursor) emitJoined(stream int, cut bool) error {
	j := &c.p.open[stream]
	j.started = false
	e := c.event(j.file, j.offset, j.raw)
	e.Time, e.Message, e.Beyond = j.time, j.message, j.beyond
	if j.named {
		e.Stream = streamNames[stream]
	}
	c.number(j.before, cut)
	e.GoesOn = j.goesOn && j.before == 0
	return c.send()
}

func (c *cursor) emit(l line, offset wal.Offset, raw []byte, cut bool) error {
	e := c.event(c.r.File, offset, raw)
	e.Time, e.Message = l.time, l.message
	if l.named {
		e.Stream = streamNames[l.stream]
	}
	c.number(c.before(l.stream), cut)
	return c.send()
}

// event returns the memory of the next Event. Its fields are set in place: to copy what has 200 bytes costs more than the rest of a
// Line's parsing.
func (c *cursor) event(f *wal.File, offset wal.Offset, raw []byte) *sink.Event {
	e := &c.p.event
	*e = sink.Event{}
	e.File, e.Offset, e.Raw = f, offset, raw
	return e
}

// before returns how many parts were already cut from the Event that begins now: only the Record's first of its stream
// can have some.
func (c *cursor) before(stream int) (parts int) {
	if c.first[stream] {
		parts = int(c.r.Parts[stream])
	}
	c.first[stream] = false
	return parts
}

// number says which part of an Event this is, if it is one.
func (c *cursor) number(before int, cut bool) {
	if before > 0 || cut {
		c.p.event.Part, c.p.event.Last = before+1, !cut
	}
}

func (c *cursor) send() error {
	e := &c.p.event
	if len(e.Time) == 0 {
		e.Time = c.p.now
	}
	e.Sum = crc32.Checksum(e.Raw, castagnoli)
	return c.fn(e)
}

// take takes a Line (without its newline) apart. It returns false for a Line that is not of the Format.
func take(f wal.Format, text []byte) (line, bool) {
	switch f {
	case wal.CRI:
		return cri(text)
	case wal.Docker:
		return docker(text)
	default:
		return line{message: text}, true
	}
}
