package wal

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
)

// Flags of a Record.
const (
	flagChained = 1 << iota
	flagCut
	flagParts
	flagNote
	flagsKnown = 1<<iota - 1
)

// Bounds of a Block's header.
const (
	maxDescription  = 64 << 10 // bytes of one File's JSON
	maxDescriptions = 8 << 20  // bytes of a Block's Files' JSON, before compression
	maxNote         = 64 << 10 // bytes
	maxRow          = 1 << 17  // Files in a Segment
)

// encoder makes frames. Its memory is reused; one goroutine uses it.
type encoder struct {
	packer  packer
	dense   bool // Blocks are packed as small as may be
	frame   []byte
	numbers []uint32 // of the Block's Records' Files
	plain   []byte   // descriptions before compression
}

// block returns b as a frame, valid until the next call. f holds what the header says beyond b.
func (e *encoder) block(t *table, b *Block, f frame) ([]byte, error) {
	e.numbers = e.numbers[:0]
	for i := range b.Records {
		e.numbers = append(e.numbers, t.number(&b.Records[i]))
	}
	p, err := e.descriptions(append(e.frame[:0], make([]byte, fixedSize)...), t, f.index)
	if err != nil {
		return nil, err
	}
	p = binary.AppendUvarint(p, uint64(len(b.Records)))
	for i := range b.Records {
		n := e.numbers[i]
		p = appendRecord(p, &b.Records[i], n, t.rows[n].base)
	}
	header := len(p) - fixedSize
	if header > maxHeader {
		return nil, fmt.Errorf("%w: its header has %d bytes", ErrTooLarge, header)
	}
	p = append(p, make([]byte, crcSize)...)
	f.kind, f.time, f.textLen = kindBlock, b.Time.UnixNano(), len(b.Text)
	if e.dense {
		p, f.codec = e.packer.pack(p, b.Text)
	} else {
		p, f.codec = e.packer.quick(p, b.Text)
	}
	e.frame = f.seal(p, header)
	return e.frame, nil
}

// descriptions appends those Files that the Segment has not described often enough yet.
func (e *encoder) descriptions(p []byte, t *table, index Index) ([]byte, error) {
	e.plain = e.plain[:0]
	count := 0
	for _, n := range e.numbers {
		r := &t.rows[n]
		if r.seen == index || r.uses == describeTwice {
			continue
		}
		text, err := describe(r.file)
		if err != nil {
			return nil, err
		}
		if len(text) > maxDescription || len(e.plain)+len(text) > maxDescriptions-16 {
			return nil, fmt.Errorf("%w: file %s has a description of %d bytes", ErrTooLarge, r.file.ID, len(text))
		}
		if r.uses == 0 {
			t.described += len(text)
		}
		r.seen, r.size = index, len(text)
		r.uses++
		count++
		e.plain = binary.AppendUvarint(e.plain, uint64(n))
		e.plain = binary.AppendUvarint(e.plain, uint64(len(text)))
		e.plain = append(e.plain, text...)
	}
	p = binary.AppendUvarint(p, uint64(count))
	if count == 0 {
		return p, nil
	}
	start := len(p)
	p, codec := e.packer.pack(p, e.plain)
	return appendSection(p, start, codec, len(e.plain)), nil
}

// describe returns f as JSON. What the Kubernetes API told is left out where it is beyond all measure: it is a pod's own, and must
// not stop the others.
func describe(f *File) ([]byte, error) {
	text, err := json.Marshal(f)
	if len(text) > maxDescription {
		bare := *f
		bare.ContainerID, bare.Image, bare.Owners, bare.Labels, bare.Annotations, bare.NamespaceLabels = "", "", nil, nil, nil, nil
		text, err = json.Marshal(&bare)
	}
	if err != nil {
		return nil, fmt.Errorf("describe file %s: %w", f.ID, err)
	}
	return text, nil
}

// appendSection puts codec, plain length and packed length before the packed bytes that begin at start.
func appendSection(p []byte, start int, codec byte, plain int) []byte {
	var head [1 + 2*binary.MaxVarintLen32]byte
	head[0] = codec
	n := 1 + binary.PutUvarint(head[1:], uint64(plain))
	n += binary.PutUvarint(head[n:], uint64(len(p)-start))
	p = append(p, head[:n]...)
	copy(p[start+n:], p[start:])
	copy(p[start:], head[:n])
	return p
}

func appendRecord(p []byte, r *Record, number uint32, base Offset) []byte {
	var flags byte
	if r.Chained {
		flags |= flagChained
	}
	if r.Cut {
		flags |= flagCut
	}
	if r.Parts != [2]uint16{} {
		flags |= flagParts
	}
	if r.Note != "" {
		flags |= flagNote
	}
	p = binary.AppendUvarint(p, uint64(number))
	p = append(p, flags)
	p = binary.AppendUvarint(p, uint64(r.Start))
	p = binary.AppendUvarint(p, uint64(r.End-r.Start))
	p = binary.AppendVarint(p, int64(r.Start-base))
	p = binary.LittleEndian.AppendUint32(p, r.Prefix)
	p = binary.LittleEndian.AppendUint32(p, r.Tail)
	if flags&flagParts != 0 {
		p = binary.AppendUvarint(p, uint64(r.Parts[0]))
		p = binary.AppendUvarint(p, uint64(r.Parts[1]))
	}
	if flags&flagNote != 0 {
		p = binary.AppendUvarint(p, uint64(len(r.Note)))
		p = append(p, r.Note...)
	}
	return p
}

// mustHold panics when b is not what the gatherer promises: written down, it would be taken for damage later.
func mustHold(b *Block) {
	if len(b.Records) == 0 || len(b.Records) > MaxRecords || len(b.Text) > maxBlockText {
		panic(fmt.Sprintf("BUG: a block of %d records and %d bytes", len(b.Records), len(b.Text)))
	}
	sum := 0
	for i := range b.Records {
		r := &b.Records[i]
		if r.File == nil || r.Start < 0 || r.End <= r.Start || int64(r.End-r.Start) != int64(len(r.Text)) || len(r.Note) > maxNote {
			panic(fmt.Sprintf("BUG: record %d is [%d, %d) with %d bytes of text", i, r.Start, r.End, len(r.Text)))
		}
		sum += len(r.Text)
	}
	if sum != len(b.Text) {
		panic(fmt.Sprintf("BUG: records of %d bytes in a block of %d", sum, len(b.Text)))
	}
}
