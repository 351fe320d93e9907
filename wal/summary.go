package wal

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// summary is what the last frame of a sealed Segment says, so that a start need not read the Blocks.
type summary struct {
	first, last Index // of Blocks
	prev        Index
	blocks      int
	records     int
	text        int64 // bytes
	from, to    time.Time
	rows        []Extent // one for each description of a File, in the order of their numbers
}

// summary returns the frame that ends a Segment whose first Block is first; f.index is one more than the last's.
func (e *encoder) summary(t *table, first Index, f frame) ([]byte, error) {
	e.plain = e.plain[:0]
	count := 0
	for n := range t.rows {
		r := &t.rows[n]
		if r.extent.File == nil {
			continue
		}
		text, err := describe(r.file)
		if err != nil {
			return nil, err
		}
		count++
		e.plain = appendExtent(e.plain, uint64(n), &r.extent)
		e.plain = binary.AppendUvarint(e.plain, uint64(len(text)))
		e.plain = append(e.plain, text...)
	}
	if len(e.plain) > maxSummary {
		return nil, fmt.Errorf("%w: a summary of %d bytes", ErrTooLarge, len(e.plain))
	}
	p := append(e.frame[:0], make([]byte, fixedSize)...)
	for _, v := range []uint64{uint64(first), uint64(f.index - 1), uint64(t.blocks), uint64(t.records), uint64(t.text)} {
		p = binary.AppendUvarint(p, v)
	}
	p = binary.AppendVarint(p, t.first.UnixNano())
	p = binary.AppendUvarint(p, uint64(count))
	header := len(p) - fixedSize
	p = append(p, make([]byte, crcSize)...)
	f.kind, f.textLen = kindSummary, len(e.plain)
	p, f.codec = e.packer.pack(p, e.plain)
	e.frame = f.seal(p, header)
	return e.frame, nil
}

func appendExtent(p []byte, number uint64, e *Extent) []byte {
	p = binary.AppendUvarint(p, number)
	p = binary.AppendUvarint(p, uint64(e.Start))
	p = binary.AppendUvarint(p, uint64(e.End))
	p = binary.LittleEndian.AppendUint32(p, e.Prefix)
	p = binary.LittleEndian.AppendUint32(p, e.Tail)
	var flags byte
	if e.sparse {
		flags = flagNote
	}
	return append(binary.AppendUvarint(p, uint64(e.Index)), flags)
}

// summary reads the one at the end of s's file, without its rows when rows is false. nil: there is none, or it is damaged.
func (d *decoder) summary(s *scanner, rows bool) (*summary, error) {
	if s.end < minFrame+trailerSize {
		return nil, nil
	}
	p, err := s.view(s.end-trailerSize, trailerSize)
	if err != nil || len(p) < trailerSize {
		return nil, err
	}
	size := int64(binary.LittleEndian.Uint32(p))
	if string(p) != string(trailer(size)) || size > s.end || size < minFrame+trailerSize {
		return nil, nil
	}
	if p, err = s.view(s.end-size, int(min(size, minFrame+trailerSize+maxHeader+maxSummary))); err != nil {
		return nil, err
	}
	var f frame
	if len(p) < fixedSize {
		return nil, nil
	}
	if err := f.parse(p); err == errFrame || err == nil && (f.kind != kindSummary || f.size != size) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	f.check(p)
	sum, err := d.readSummary(&f, rows)
	if err != nil {
		return nil, nil
	}
	return sum, nil
}

func (d *decoder) readSummary(f *frame, rows bool) (*summary, error) {
	if f.header == nil || f.payload == nil {
		return nil, errHeader
	}
	c := &cursor{p: f.header}
	s := &summary{
		first:   Index(c.uvarint(maxIndex)),
		last:    Index(c.uvarint(maxIndex)),
		prev:    f.prev,
		blocks:  int(c.uvarint(math.MaxInt32)),
		records: int(c.uvarint(math.MaxInt32)),
		text:    int64(c.uvarint(math.MaxInt64)),
		from:    instant(c.varint()),
		to:      instant(f.time),
	}
	count := c.uvarint(maxRow)
	if c.bad || len(c.p) != 0 || s.first == 0 || s.last != f.index-1 || s.last < s.first {
		return nil, errHeader
	}
	if !rows {
		return s, nil
	}
	var err error
	if d.plain, err = d.unpacker.unpack(d.plain, f.payload, f.codec, f.textLen); err != nil {
		return nil, err
	}
	c = &cursor{p: d.plain}
	for range count {
		if err := d.row(c, s); err != nil {
			return nil, err
		}
	}
	if len(c.p) != 0 {
		return nil, errHeader
	}
	return s, nil
}

func (d *decoder) row(c *cursor, s *summary) error {
	number := c.uvarint(maxRow)
	e := Extent{
		Start:  Offset(c.uvarint(math.MaxInt64)),
		End:    Offset(c.uvarint(math.MaxInt64)),
		Prefix: c.uint32(),
		Tail:   c.uint32(),
		Index:  Index(c.uvarint(uint64(s.last))),
	}
	flags := c.byte()
	e.sparse = flags == flagNote
	text := c.bytes(int(c.uvarint(maxDescription)))
	if c.bad || flags&^flagNote != 0 {
		return errHeader
	}
	if err := d.names.describe(number, text); err != nil {
		return err
	}
	e.File = d.names.file(number)
	s.rows = append(s.rows, e)
	return nil
}

func instant(ns int64) time.Time { return time.Unix(0, ns).UTC() }
