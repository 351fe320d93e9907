package wal

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
)

var errHeader = errors.New("header does not hold what its checksum promises")

// names resolves the numbers that a Segment's frames use for Files. A description that was met before, in this Segment or
// the one before, gives the same *File again: a backlog of many Segments parses each only once.
type names struct {
	files  []*File          // by number; nil: not described yet
	met    map[string]*File // by description
	before map[string]*File // met in the Segment before
}

// reset begins another Segment.
func (n *names) reset() {
	n.files = n.files[:0]
	n.met, n.before = n.before, n.met
	clear(n.met)
	if n.met == nil {
		n.met = map[string]*File{}
	}
}

func (n *names) describe(number uint64, text []byte) error {
	if number >= maxRow {
		return errHeader
	}
	f := n.met[string(text)]
	if f == nil {
		if f = n.before[string(text)]; f == nil {
			f = new(File)
			if err := json.Unmarshal(text, f); err != nil {
				return errHeader
			}
		}
		n.met[string(text)] = f
	}
	for uint64(len(n.files)) <= number {
		n.files = append(n.files, nil)
	}
	if n.files[number] == nil {
		n.files[number] = f
	}
	return nil
}

func (n *names) file(number uint64) *File {
	if number >= uint64(len(n.files)) {
		return nil
	}
	return n.files[number]
}

// decoder reads frames. Its memory is reused; one goroutine uses it.
type decoder struct {
	unpacker unpacker
	names    names
	plain    []byte
	records  []Record // memory for those who need a header's Records for a moment
	bases    []Offset // of the last header's Records: where their File's first Record in the Segment starts
	orphans  int      // Records of the last header whose File no readable Block describes
}

// header reads the Records that f, a Block, states, over records; Text is not set.
func (d *decoder) header(f *frame, records []Record) ([]Record, error) {
	if f.header == nil {
		return nil, errHeader
	}
	c := &cursor{p: f.header}
	if err := d.descriptions(c); err != nil {
		return nil, err
	}
	count := c.uvarint(MaxRecords)
	if count == 0 {
		return nil, errHeader
	}
	clear(records)
	records, d.bases, d.orphans = records[:0], d.bases[:0], 0
	sum := 0
	for range count {
		var r Record
		d.bases = append(d.bases, d.record(c, &r))
		if r.File == nil {
			d.orphans++
		}
		records = append(records, r)
		sum += int(r.End - r.Start)
	}
	if c.bad || len(c.p) != 0 || sum != f.textLen {
		return nil, errHeader
	}
	return records, nil
}

// record reads one Record and returns its base.
func (d *decoder) record(c *cursor, r *Record) Offset {
	r.File = d.names.file(c.uvarint(maxRow))
	flags := c.byte()
	if flags&^flagsKnown != 0 {
		c.bad = true
	}
	r.Chained, r.Cut = flags&flagChained != 0, flags&flagCut != 0
	r.Start = Offset(c.uvarint(math.MaxInt64 - maxBlockText))
	length := c.uvarint(maxBlockText)
	if length == 0 {
		c.bad = true
	}
	r.End = r.Start + Offset(length)
	base := r.Start - Offset(c.varint())
	r.Prefix, r.Tail = c.uint32(), c.uint32()
	if flags&flagParts != 0 {
		r.Parts = [2]uint16{uint16(c.uvarint(math.MaxUint16)), uint16(c.uvarint(math.MaxUint16))}
	}
	if flags&flagNote != 0 {
		r.Note = string(c.bytes(int(c.uvarint(maxNote))))
	}
	return base
}

func (d *decoder) descriptions(c *cursor) error {
	count := c.uvarint(MaxRecords)
	if count == 0 {
		return nil
	}
	codec, plain := c.byte(), int(c.uvarint(maxDescriptions))
	packed := c.bytes(int(c.uvarint(maxHeader)))
	if c.bad {
		return errHeader
	}
	var err error
	if d.plain, err = d.unpacker.unpack(d.plain, packed, codec, plain); err != nil {
		return err
	}
	in := &cursor{p: d.plain}
	for range count {
		number := in.uvarint(maxRow)
		text := in.bytes(int(in.uvarint(maxDescription)))
		if in.bad {
			return errHeader
		}
		if err := d.names.describe(number, text); err != nil {
			return err
		}
	}
	return nil
}

// block reads f into b. What b holds after an error is of no use.
func (d *decoder) block(f *frame, b *Block) error {
	records, err := d.header(f, b.Records)
	if err != nil {
		return err
	}
	b.Records = records
	if f.payload == nil || d.orphans > 0 {
		return errHeader
	}
	text, err := d.unpacker.unpack(b.Text, f.payload, f.codec, f.textLen)
	if err != nil {
		return err
	}
	*b = Block{Index: f.index, Time: instant(f.time), Records: records, Text: text}
	for i := range b.Records {
		r := &b.Records[i]
		n := int(r.End - r.Start)
		r.Text, text = text[:n:n], text[n:]
	}
	return nil
}

// cursor reads a header. After the first thing that is out of bounds it is bad and gives zeros.
type cursor struct {
	p   []byte
	bad bool
}

func (c *cursor) uvarint(most uint64) uint64 {
	v, n := binary.Uvarint(c.p)
	if n <= 0 || v > most {
		c.p, c.bad = nil, true
		return 0
	}
	c.p = c.p[n:]
	return v
}

func (c *cursor) varint() int64 {
	v, n := binary.Varint(c.p)
	if n <= 0 {
		c.p, c.bad = nil, true
		return 0
	}
	c.p = c.p[n:]
	return v
}

func (c *cursor) bytes(n int) []byte {
	if n > len(c.p) {
		c.p, c.bad = nil, true
		return nil
	}
	p := c.p[:n]
	c.p = c.p[n:]
	return p
}

func (c *cursor) byte() byte {
	if p := c.bytes(1); p != nil {
		return p[0]
	}
	return 0
}

func (c *cursor) uint32() uint32 {
	if p := c.bytes(4); p != nil {
		return binary.LittleEndian.Uint32(p)
	}
	return 0
}
