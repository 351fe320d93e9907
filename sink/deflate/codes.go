package deflate

import (
	mathbits "math/bits"
	"slices"
)

const (
	endOfBlock = 256
	litSymbols = 286
	disSymbols = 30
	lenSymbols = 19 // of the code that the lengths of the others are written in

	maxBits    = 12 // of a code: a little longer in all than with 15, and four literals fit into a word
	maxLenBits = 7

	headerRoom = 512 // bytes: codes, end of the block before, and a word to write into
)

// entry is a code, with what stands behind it.
type entry struct {
	bits uint32
	n    uint32
}

// codes is a prefix code for the symbols that were counted.
type codes struct {
	count []uint32
	code  []entry

	// Memory that is used again.
	order         []uint64               // symbols by count
	weight        [2 * litSymbols]uint64 // of inner nodes, which stand behind the leaves
	parent, depth [2 * litSymbols]uint16
}

func (c *codes) init(symbols int) {
	if c.count == nil {
		c.count, c.code, c.order = make([]uint32, symbols), make([]entry, symbols), make([]uint64, 0, symbols)
	}
	clear(c.count)
}

// make makes codes of up to most bits. At least two symbols have a count.
func (c *codes) make(most int) {
	clear(c.code)
	c.order = c.order[:0]
	for symbol, n := range c.count {
		if n > 0 {
			c.order = append(c.order, uint64(n)<<16|uint64(symbol))
		}
	}
	slices.Sort(c.order)
	var lengths [64]int // how many symbols have a code of so many bits
	for _, depth := range c.depths() {
		lengths[min(int(depth), most)]++
	}
	complete(&lengths, most)
	// The rarest have the longest. Codes of one length ascend with the symbols, shorter ones come first (RFC 1951, 3.2.2).
	i := 0
	for n := most; n > 0; n-- {
		for range lengths[n] {
			c.code[c.order[i]&0xffff].n = uint32(n)
			i++
		}
	}
	var next [maxBits + 2]uint32
	for n, code := 1, uint32(0); n <= most; n++ {
		code = (code + uint32(lengths[n-1])) << 1
		next[n] = code
	}
	for s := range c.code {
		if n := c.code[s].n; n > 0 {
			c.code[s].bits = uint32(mathbits.Reverse16(uint16(next[n])) >> (16 - n))
			next[n]++
		}
	}
}

// depths returns how deep each of order stands in a Huffman tree. It merges the two smallest of leaves and inner nodes, whose weights
// ascend as they are made.
func (c *codes) depths() []uint16 {
	n := len(c.order)
	leaf, inner, end := 0, n, n // the next leaf, the next inner node, and where the one behind the last will be
	least := func() (node int, weight uint64) {
		if leaf < n && (inner == end || c.order[leaf]>>16 <= c.weight[inner]) {
			leaf++
			return leaf - 1, c.order[leaf-1] >> 16
		}
		inner++
		return inner - 1, c.weight[inner-1]
	}
	for ; end < 2*n-1; end++ {
		a, wa := least()
		b, wb := least()
		c.parent[a], c.parent[b], c.weight[end] = uint16(end), uint16(end), wa+wb
	}
	c.depth[2*n-2] = 0 // the root
	for i := 2*n - 3; i >= 0; i-- {
		c.depth[i] = c.depth[c.parent[i]] + 1
	}
	return c.depth[:n]
}

// complete makes lengths those of a prefix code that leaves nothing over, where some were cut to most bits.
func complete(lengths *[64]int, most int) {
	total := 0
	for n := 1; n <= most; n++ {
		total += lengths[n] << (most - n)
	}
	for ; total > 1<<most; total-- {
		// One of the longest goes below a shorter one, which becomes one bit longer.
		n := most - 1
		for lengths[n] == 0 {
			n--
		}
		lengths[n]--
		lengths[n+1] += 2
		lengths[most]--
	}
}
