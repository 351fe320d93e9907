package deflate

import (
	"encoding/binary"
)

// Lengths and distances of matches: symbols, the bits behind their codes, and what those start from (RFC 1951, 3.2.5).
var (
	lengthSymbol [maxMatch - 2]uint16 // by length less 3
	lengthBase   [litSymbols]uint16
	lengthExtra  [litSymbols]uint8

	distanceSymbol [512]uint8 // by distance less 1: below 256, and behind that in steps of 128
	distanceBase   [disSymbols]uint16
	distanceExtra  [disSymbols]uint8
)

func init() {
	base := 0
	for i := range 28 {
		s := endOfBlock + 1 + i
		lengthBase[s], lengthExtra[s] = uint16(base), uint8(max(0, i/4-1))
		for range 1 << lengthExtra[s] {
			lengthSymbol[min(base, maxMatch-3)] = uint16(s)
			base++
		}
	}
	lengthBase[litSymbols-1] = maxMatch - 3 // has a symbol of its own
	lengthSymbol[maxMatch-3] = litSymbols - 1
	base = 0
	for s := range disSymbols {
		distanceBase[s], distanceExtra[s] = uint16(base), uint8(max(0, s/2-1))
		for d := base; d < base+1<<distanceExtra[s]; d++ {
			distanceSymbol[distancePlace(uint16(d))] = uint8(s)
		}
		base += 1 << distanceExtra[s]
	}
}

func distancePlace(d uint16) uint16 {
	if d < 256 {
		return d
	}
	return 256 + d>>7
}

// seen is how many times as often as what was not seen a symbol counts for each time it was.
const seen = 16

// count counts what write writes.
func (e *Encoder) count(literals []byte, length, distance int) {
	for _, b := range literals {
		e.lits.count[b] += seen
	}
	if length > 0 {
		e.lits.count[lengthSymbol[length-3]] += seen
		e.dists.count[distanceSymbol[distancePlace(uint16(distance-1))]] += seen
	}
}

// makeCodes makes codes from what was counted, and forgets that. What is not among that may come later, so it has a code as well.
func (e *Encoder) makeCodes() {
	lits, dists := e.lits.count, e.dists.count
	for i := range lits {
		lits[i]++
	}
	for i := range dists {
		dists[i]++
	}
	e.lits.make(maxBits)
	e.dists.make(maxBits)
	clear(lits)
	clear(dists)
	for i := range e.match {
		s := lengthSymbol[i]
		c := e.lits.code[s]
		e.match[i] = entry{c.bits | uint32(uint16(i)-lengthBase[s])<<c.n, c.n + uint32(lengthExtra[s])}
	}
}

// header begins a block with the codes that count made: their lengths, one after the other, in a code of their own. There are no zeros among
// them, so all that is shortened is what repeats.
func (e *Encoder) header(dst []byte) []byte {
	const repeat = 16 // the length before, 3 to 6 times more
	var lengths [litSymbols + disSymbols]uint8
	for i, c := range e.lits.code {
		lengths[i] = uint8(c.n)
	}
	for i, c := range e.dists.code {
		lengths[litSymbols+i] = uint8(c.n)
	}
	type symbol struct{ s, more uint8 }
	var written [litSymbols + disSymbols]symbol
	c := &e.lengths
	c.init(lenSymbols)
	n := 0
	add := func(s, more uint8) {
		written[n] = symbol{s, more}
		c.count[s]++
		n++
	}
	for i := 0; i < len(lengths); {
		run := 1
		for i+run < len(lengths) && lengths[i+run] == lengths[i] {
			run++
		}
		i += run
		l := lengths[i-1]
		add(l, 0)
		for run--; run >= 3; {
			r := min(run, 6)
			add(repeat, uint8(r-3))
			run -= r
		}
		for ; run > 0; run-- {
			add(l, 0)
		}
	}
	c.make(maxLenBits)
	dst = e.bits.put(dst, entry{0b100, 3}) // not the last, with codes of its own
	dst = e.bits.put(dst, entry{litSymbols - 257, 5})
	dst = e.bits.put(dst, entry{disSymbols - 1, 5})
	dst = e.bits.put(dst, entry{lenSymbols - 4, 4})
	for _, s := range [lenSymbols]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15} {
		dst = e.bits.put(dst, entry{c.code[s].n, 3})
	}
	for _, w := range written[:n] {
		dst = e.bits.put(dst, c.code[w.s])
		if w.s == repeat {
			dst = e.bits.put(dst, entry{uint32(w.more), 2})
		}
	}
	return dst
}

// bits are those that make no whole byte yet.
type bits struct {
	word uint64
	n    uint32 // below 8
}

// put appends what stands in c.
func (b *bits) put(dst []byte, c entry) []byte {
	b.word |= uint64(c.bits) << b.n
	for b.n += c.n; b.n >= 8; b.n -= 8 {
		dst = append(dst, byte(b.word))
		b.word >>= 8
	}
	return dst
}

// align appends the last bits.
func (b *bits) align(dst []byte) []byte {
	if b.n > 0 {
		dst = append(dst, byte(b.word))
	}
	*b = bits{}
	return dst
}

// write appends literals and a match, none with length 0, to out, which has room for them. Bits are gathered in a word of 64, and as many bytes
// of it as are whole go to out at once: 7 bits can be left, and four literals have 48 at most, a match 42.
func (e *Encoder) write(literals []byte, length, distance int) {
	if e.counting {
		e.count(literals, length, distance)
	}
	out, p := e.out[:cap(e.out)], len(e.out)
	word, n := e.bits.word, e.bits.n
	code, dists := (*[litSymbols]entry)(e.lits.code), (*[disSymbols]entry)(e.dists.code)
	for len(literals) >= 4 {
		c0, c1, c2, c3 := code[literals[0]], code[literals[1]], code[literals[2]], code[literals[3]]
		word |= uint64(c0.bits) << (n & 63)
		n += c0.n
		word |= uint64(c1.bits) << (n & 63)
		n += c1.n
		word |= uint64(c2.bits) << (n & 63)
		n += c2.n
		word |= uint64(c3.bits) << (n & 63)
		n += c3.n
		binary.LittleEndian.PutUint64(out[p:], word)
		p += int(n >> 3)
		word >>= n & 56
		n &= 7
		literals = literals[4:]
	}
	if len(literals) > 0 {
		for _, b := range literals {
			word |= uint64(code[b].bits) << (n & 63)
			n += code[b].n
		}
		binary.LittleEndian.PutUint64(out[p:], word)
		p += int(n >> 3)
		word >>= n & 56
		n &= 7
	}
	if length > 0 {
		less := uint16(distance - 1)
		m, d := e.match[length-3], distanceSymbol[distancePlace(less)&511]
		word |= uint64(m.bits) << (n & 63)
		n += m.n
		c := dists[d]
		word |= (uint64(c.bits) | uint64(less-distanceBase[d])<<(c.n&63)) << (n & 63)
		n += c.n + uint32(distanceExtra[d])
		binary.LittleEndian.PutUint64(out[p:], word)
		p += int(n >> 3)
		word >>= n & 56
		n &= 7
	}
	e.out, e.bits = out[:p], bits{word, n}
}
