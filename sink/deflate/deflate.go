// Package deflate makes the gzip streams of bulk requests, for half of the processor time of an encoder that knows nothing of them.
//
// It promises what RFC 1951 and RFC 1952 ask for, whatever the text and the hints: any gzip reader gives the text back. A hint is
// compared before it is used, so a wrong one costs size and nothing else.
//
// The sink goes on with a general encoder where a backend does not take what this one made.
//
// How: most of a bulk request is a template that stood in the document before. Who renders it knows where, and says so in a Hint,
// so that is one comparison and two or three matches a document; only what lies between is searched for matches, where words begin (find.go). Codes are made
// from what a sample of the text has, and are used for what follows too (codes.go): a code for every symbol is among them.
//
//	gzip header | block of up to 32 pieces: [codes][piece][piece]... | block ... | last block, empty | CRC-32, length
//	piece: literals, match, literals, match, ...
//
// It costs about 50 KiB of memory for an Encoder, and none a call but for what the result needs. A piece that does not fit the codes
// of the one that was counted grows by up to a half; then the next one is counted.
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

	// sampled is the number of pieces that codes are used for.
	sampled = 32
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

	bits   bits
	block  bool // one is open
	pieces int  // of it
	crc    uint32
	size   uint32 // modulo 2^32, as gzip has it
}

// Begin appends the head of a new stream to dst.
func (e *Encoder) Begin(dst []byte) []byte {
	e.finder.reset()
	e.bits, e.block, e.pieces, e.crc, e.size = bits{}, false, 0, 0, 0
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
	e.finder.find(text, from, at, hints)
	dst = slices.Grow(dst, 2*len(piece)+headerRoom)
	before := len(dst)
	if e.pieces%sampled == 0 {
		if e.block {
			dst = e.bits.put(dst, e.lits.code[endOfBlock])
		}
		e.count(piece)
		dst = e.header(dst)
		e.block = true
	}
	e.pieces++
	dst = e.bits.write(dst, piece, e)
	if len(dst)-before > len(piece)/2 {
		e.pieces = 0 // these codes are no good: others for what follows
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

// find finds the matches of the piece text[from:].
func (f *finder) find(text []byte, from, at int, hints []Hint) {
	f.text, f.at, f.done, f.sequences = text, at, from, f.sequences[:0]
	for _, h := range hints {
		to, source, n := h.At-at, h.From-at, min(h.Len, len(text)-(h.At-at))
		if passed := f.done - to; passed > 0 {
			to, source, n = to+passed, source+passed, n-passed
		}
		if n < minMatch || source < 0 || uint(to-source-1) >= Window || !bytes.Equal(text[to:to+n], text[source:source+n]) {
			continue
		}
		if to-f.done > literalGap {
			f.search(to)
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
		f.add(to, to-source, n+same(text, to+n, source+n))
	}
	if len(text)-f.done > literalGap {
		f.search(len(text))
	}
	f.sequences = append(f.sequences, sequence{literals: uint32(len(text) - f.done)})
	f.text = nil
}
