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

// count makes codes from what piece and its sequences have. What is not among them may come later, so it has a code as well.
func (e *Encoder) count(piece []byte) {
	const seen = 16 // times as often as what was not seen
	e.lits.reset(litSymbols)
	e.dists.reset(disSymbols)
	lits, dists := e.lits.count, e.dists.count
	for _, s := range e.finder.sequences {
		for _, b := range piece[:s.literals] {
			lits[b] += seen
		}
		if s.length == 0 {
			break
		}
		piece = piece[int(s.literals)+int(s.length):]
		lits[lengthSymbol[s.length-3]] += seen
		dists[distanceSymbol[distancePlace(s.distance)]] += seen
	}
	for i := range lits {
		lits[i]++
	}
	for i := range dists {
		dists[i]++
	}
	e.lits.make(maxBits)
	e.dists.make(maxBits)
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
	c.reset(lenSymbols)
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

// write appends piece to dst, which has room for it. Bits are gathered in a word of 64, and as many bytes of it as are whole go to dst at once:
// 7 bits can be left, and four literals have 48 at most, a match 42.
func (b *bits) write(dst, piece []byte, e *Encoder) []byte {
	out, p := dst[:cap(dst)], len(dst)
	word, n := b.word, b.n
	code, match, dists := (*[litSymbols]entry)(e.lits.code), &e.match, (*[disSymbols]entry)(e.dists.code)
	for _, s := range e.finder.sequences {
		text := piece[:s.literals]
		for len(text) >= 4 {
			c0, c1, c2, c3 := code[text[0]], code[text[1]], code[text[2]], code[text[3]]
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
			text = text[4:]
		}
		if len(text) > 0 {
			for _, c := range text {
				word |= uint64(code[c].bits) << (n & 63)
				n += code[c].n
			}
			binary.LittleEndian.PutUint64(out[p:], word)
			p += int(n >> 3)
			word >>= n & 56
			n &= 7
		}
		if s.length == 0 {
			break
		}
		piece = piece[int(s.literals)+int(s.length):]
		m, d := match[s.length-3], distanceSymbol[distancePlace(s.distance)&511]
		word |= uint64(m.bits) << (n & 63)
		n += m.n
		c := dists[d]
		word |= (uint64(c.bits) | uint64(s.distance-distanceBase[d])<<(c.n&63)) << (n & 63)
		n += c.n + uint32(distanceExtra[d])
		binary.LittleEndian.PutUint64(out[p:], word)
		p += int(n >> 3)
		word >>= n & 56
		n &= 7
	}
	b.word, b.n = word, n
	return out[:p]
}
