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
	tableBits = 12

	// wordless is how far apart places are looked at, in bytes, where no word starts: texts without words repeat, too.
	wordless = 64
)

func (f *finder) reset() { clear(f.table[:]) }

func hash(word uint64) uint64 { return word * 0x9e3779b185ebca87 >> (64 - tableBits) }

// search finds matches from f.done to end, and goes over it where one is longer. It looks where words start, and nowhere else: what two lines
// have in common begins with a word, wherever in them it stands, and what differs is mostly numbers, at which no time is lost.
func (f *finder) search(end int) {
	text, at, s := f.text, f.at, f.done
	limit := min(end, len(text)-8)
	mark := uint64(0x80) // the high bit of byte 0 says that there is a mark before s, or nothing
next:
	for s < limit {
		starts, marks := words(binary.LittleEndian.Uint64(text[s:]), mark)
		mark = marks >> 56
		if starts == 0 && (s-f.done)%wordless == wordless-8 {
			starts = 0x80
		}
		for ; starts != 0; starts &= starts - 1 {
			to := s + mathbits.TrailingZeros64(starts)>>3
			if to >= limit {
				return
			}
			word := binary.LittleEndian.Uint64(text[to:])
			place := &f.table[hash(word)]
			distance := int(uint16(at+to) - *place)
			*place = uint16(at + to)
			source := to - distance
			if uint(distance-1) >= Window || source < 0 || binary.LittleEndian.Uint64(text[source:]) != word {
				continue
			}
			n := 8 + same(text, to+8, source+8)
			for to > f.done && source > 0 && text[to-1] == text[source-1] {
				to, source, n = to-1, source-1, n+1
			}
			f.add(to, distance, n)
			s, mark = f.done, 0
			if text[s-1] < '0' {
				mark = 0x80
			}
			continue next
		}
		s += 8
	}
}

// words marks, in the high bits of their bytes, where in the 8 bytes of w words start, and where marks stand: what comes before '0', such as
// spaces and quotes. A word is a letter behind one; mark is 0x80 where there is one before w. What is not ASCII is as good as either.
func words(w, mark uint64) (starts, marks uint64) {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	w |= highs
	marks = ^(w - '0'*ones) & highs
	return (w - '@'*ones) & (marks<<8 | mark) & highs, marks
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
