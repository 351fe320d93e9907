// Package deflate makes the gzip streams of bulk requests, for half of the processor time of an encoder that knows nothing of them.
//
// It promises what RFC 1951 and RFC 1952 ask for, whatever the text and the hints: any gzip reader gives the text back. A hint is
// compared before it is used, so a wrong one costs size and nothing else.
//
// The sink goes on with a general encoder where a backend does not take what this one made.
//
// How: most of a bulk request is a template that stood in the document before. Who renders it knows where, and says so in a Hint,
// so that is one comparison and two or three matches a document; only what lies between is searched for matches, where words
// begin (find.go). What is found is written at once, in codes that were made before: from a sample of what was compressed
// earlier, of the stream before this one, too (codes.go). A code for every symbol is among them.
//
//	gzip header | block of about 2 MiB: [codes][piece][piece]... | block ... | last block, empty | CRC-32, length
//	piece: literals, match, literals, match, ...
//
// It costs about 40 KiB of memory for an Encoder, and none a call but for what the result needs. A piece that does not fit the codes
// of the sample grows by up to a half; then the next one is the sample.
package deflate

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"slices"
)

// Window is how far back a match reaches, in bytes: what the caller keeps of the text.
const Window = 32 << 10

const (
	minMatch = 4   // bytes; less is not worth its time
	maxMatch = 258 // bytes

	// literalGap is up to where text between two hints is not searched: random parts of ids and times.
	literalGap = 16 // bytes

	// Codes are made from a sample of so many bytes at least, and used for so many behind it.
	sample  = 16 << 10
	sampled = 2 << 20
)

// Hint says that Len bytes at At are probably those at From. Both are counted from the start of the stream.
type Hint struct{ At, From, Len int }

// Encoder makes one stream after the other. One goroutine uses it.
type Encoder struct {
	finder  finder
	lits    codes // literals, end of block, lengths of matches
	dists   codes
	lengths codes               // the lengths of the codes of those
	match   [maxMatch - 2]entry // by length less 3

	bits     bits
	out      []byte // what is appended to, in an Append
	block    bool   // one is open
	good     int    // for how many bytes more the codes are used before the next are made
	counting bool   // this piece belongs to the sample for the next
	counted  int    // bytes of the sample
	crc      uint32
	size     uint32 // modulo 2^32, as gzip has it
}

// Begin appends the head of a new stream to dst.
func (e *Encoder) Begin(dst []byte) []byte {
	e.finder.reset()
	e.bits, e.block, e.crc, e.size = bits{}, false, 0, 0
	return append(dst, 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255) // deflate; made for speed, on an unknown system
}

// Append appends the piece text[from:] in compressed form to dst. text[:from] is what was before it, of which Window bytes are of use;
// text begins at byte at of the stream. The hints stand in the order of their At, each in the piece.
func (e *Encoder) Append(dst, text []byte, from, at int, hints []Hint) []byte {
	piece := text[from:]
	if len(piece) == 0 {
		return dst
	}
	e.crc = crc32.Update(e.crc, crc32.IEEETable, piece)
	e.size += uint32(len(piece))
	if e.lits.code == nil {
		e.lits.init(litSymbols)
		e.dists.init(disSymbols)
		e.makeCodes() // one as long as the other
	}
	dst = slices.Grow(dst, 2*len(piece)+headerRoom)
	if !e.block {
		dst = e.header(dst)
		e.block = true
	}
	e.counting = e.good <= 0
	before := len(dst)
	e.out = dst
	e.find(text, from, at, hints)
	dst, e.out = e.out, nil
	e.good -= len(piece)
	if e.counting {
		e.counted += len(piece)
	}
	if e.counted >= sample {
		dst = e.bits.put(dst, e.lits.code[endOfBlock])
		e.block = false
		e.makeCodes()
		e.counted, e.good = 0, sampled
	}
	if len(dst)-before > len(piece)/2 {
		e.good = 0 // these codes are no good: others soon
	}
	return dst
}

// Finish appends the end of the stream.
func (e *Encoder) Finish(dst []byte) []byte {
	if e.block {
		dst = e.bits.put(dst, e.lits.code[endOfBlock])
	}
	dst = e.bits.put(dst, entry{0b011, 3}) // the last block, with fixed codes, in which the end is seven zeros
	dst = e.bits.put(dst, entry{0, 7})
	dst = e.bits.align(dst)
	dst = binary.LittleEndian.AppendUint32(dst, e.crc)
	return binary.LittleEndian.AppendUint32(dst, e.size)
}

// find finds the matches of the piece text[from:] and writes it.
func (e *Encoder) find(text []byte, from, at int, hints []Hint) {
	f := &e.finder
	f.text, f.at, f.done = text, at, from
	for _, h := range hints {
		to, source, n := h.At-at, h.From-at, min(h.Len, len(text)-(h.At-at))
		if passed := f.done - to; passed > 0 {
			to, source, n = to+passed, source+passed, n-passed
		}
		if n < minMatch || source < 0 || uint(to-source-1) >= Window || !bytes.Equal(text[to:to+n], text[source:source+n]) {
			continue
		}
		if to-f.done > literalGap {
			e.search(to)
			if passed := f.done - to; passed > 0 {
				if n -= passed; n < minMatch {
					continue
				}
				to, source = to+passed, source+passed
			}
		}
		for to > f.done && source > 0 && text[to-1] == text[source-1] {
			to, source, n = to-1, source-1, n+1
		}
		e.add(to, to-source, n+same(text, to+n, source+n))
	}
	if len(text)-f.done > literalGap {
		e.search(len(text))
	}
	e.write(text[f.done:], 0, 0)
	f.text = nil
}

// add writes a match of n bytes at s, and the literals before it.
func (e *Encoder) add(s, distance, n int) {
	literals := e.finder.text[e.finder.done:s]
	e.finder.done = s + n
	for n > maxMatch {
		m := min(maxMatch, n-3) // the rest is a match too
		e.write(literals, m, distance)
		literals, n = nil, n-m
	}
	e.write(literals, n, distance)
}
