package deflate

import (
	"encoding/binary"
	mathbits "math/bits"
)

// finder is where the Encoder is in a piece, and what it knows of the text before.
type finder struct {
	text []byte
	at   int // of text, in the stream
	done int // what lies before it is written

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

// search writes the piece up to end, or farther where a match is longer, but for the last literals. It looks for matches where words begin, at the
// first in 8 bytes, and nowhere else: what two lines have in common begins with a word, wherever in them it stands, and what differs is mostly
// numbers, at which no time is lost.
func (e *Encoder) search(end int) {
	f := &e.finder
	text, at := f.text, f.at
	limit := min(end, len(text)-8)
	for s := max(1, f.done); s < limit; {
		starts := words(binary.LittleEndian.Uint64(text[s:]), binary.LittleEndian.Uint64(text[s-1:]))
		if starts == 0 && (s-f.done)%wordless < wordless-8 {
			s += 8
			continue
		}
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
			s += 8
			continue
		}
		n := 8 + same(text, to+8, source+8)
		for to > f.done && source > 0 && text[to-1] == text[source-1] {
			to, source, n = to-1, source-1, n+1
		}
		e.add(to, distance, n)
		s = f.done
	}
}

// words marks, in the high bits of their bytes, where in the 8 bytes of here words begin: with a letter, behind what comes before '0', such as
// a space or a quote. before are the 8 bytes that begin one earlier. What is not ASCII is as good as either.
func words(here, before uint64) uint64 {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	return ((here | highs) - '@'*ones) &^ ((before | highs) - '0'*ones) & highs
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
