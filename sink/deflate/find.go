package deflate

import (
	"encoding/binary"
	mathbits "math/bits"
)

// A sequence is some literals and a match behind them; the last of a piece has none, and length 0.
type sequence struct {
	literals uint32
	length   uint16
	distance uint16 // less 1
}

// finder makes sequences of a piece.
type finder struct {
	text      []byte
	at        int // of text, in the stream
	done      int // what lies before it has become sequences
	sequences []sequence

	// table has, by the hash of the bytes there, the lower half of the last place in the stream. A place that it gives is looked at
	// before it counts, so it need not know which half that was.
	table [1 << tableBits]uint16
}

const (
	tableBits = 13
	hashBytes = 5
)

func (f *finder) reset() { clear(f.table[:]) }

func hash(word uint64) uint64 {
	return word << (64 - 8*hashBytes) * 0x9e3779b185ebca87 >> (64 - tableBits)
}

// search finds matches from f.done to end, and goes over it where one is longer. It looks at every fourth place, and at ever fewer the longer it
// finds nothing.
func (f *finder) search(end int) {
	text, at, literals := f.text, f.at, f.done
	limit := min(end, len(text)-8)
	for s := literals; s < limit; {
		word := binary.LittleEndian.Uint64(text[s:])
		place := &f.table[hash(word)]
		distance := int(uint16(at+s) - *place)
		*place = uint16(at + s)
		source := s - distance
		if uint(distance-1) >= Window || source < 0 || binary.LittleEndian.Uint32(text[source:]) != uint32(word) {
			s += 4 + (s-literals)>>4
			continue
		}
		n := minMatch + same(text, s+minMatch, source+minMatch)
		for s > literals && source > 0 && text[s-1] == text[source-1] {
			s, source, n = s-1, source-1, n+1
		}
		f.add(s, distance, n)
		s += n
		for s < limit {
			// What comes behind a field that differs is often the same again, at the same distance.
			x := binary.LittleEndian.Uint64(text[s:]) ^ binary.LittleEndian.Uint64(text[s-distance:])
			if x>>40 != 0 {
				break
			}
			skip := 8 - mathbits.LeadingZeros64(x)>>3
			n = 8 - skip + same(text, s+8, s+8-distance)
			f.add(s+skip, distance, n)
			s += skip + n
		}
		literals = s
		if s < limit {
			f.table[hash(binary.LittleEndian.Uint64(text[s-2:]))] = uint16(at + s - 2)
		}
	}
}

// add makes sequences of a match of n bytes at s, and of the literals before it.
func (f *finder) add(s, distance, n int) {
	literals := uint32(s - f.done)
	f.done = s + n
	for n > maxMatch {
		m := min(maxMatch, n-3) // the rest is a match too
		f.sequences = append(f.sequences, sequence{literals, uint16(m), uint16(distance - 1)})
		literals, n = 0, n-m
	}
	f.sequences = append(f.sequences, sequence{literals, uint16(n), uint16(distance - 1)})
}

// same returns how many bytes at a are those at b, which lies before it.
func same(text []byte, a, b int) int {
	start := a
	for a+8 <= len(text) {
		if x := binary.LittleEndian.Uint64(text[a:]) ^ binary.LittleEndian.Uint64(text[b:]); x != 0 {
			return a - start + mathbits.TrailingZeros64(x)>>3
		}
		a, b = a+8, b+8
	}
	for a < len(text) && text[a] == text[b] {
		a, b = a+1, b+1
	}
	return a - start
}
