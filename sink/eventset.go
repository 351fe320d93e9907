package sink

import (
	"math/bits"
	"slices"
)

// eventSet is a set of Event numbers. It grows as needed.
type eventSet []uint64

func (s eventSet) has(n int) bool { return n>>6 < len(s) && s[n>>6]&(1<<(n&63)) != 0 }

func (s *eventSet) add(n int) {
	for n>>6 >= len(*s) {
		*s = append(*s, 0)
	}
	(*s)[n>>6] |= 1 << (n & 63)
}

// numbers returns what is in s, ascending.
func (s eventSet) numbers() (all []int32) {
	for i, word := range s {
		for ; word != 0; word &= word - 1 {
			all = append(all, int32(i<<6+bits.TrailingZeros64(word)))
		}
	}
	return all
}

func (s eventSet) remove(n int) {
	if n>>6 < len(s) {
		s[n>>6] &^= 1 << (n & 63)
	}
}

func (s eventSet) empty() bool {
	return !slices.ContainsFunc(s, func(word uint64) bool { return word != 0 })
}
