package cutfs

import (
	"container/heap"
	"slices"
)

// numbers are inode numbers that wait to be used again, the lowest first.
type numbers []uint64

func (n numbers) Len() int           { return len(n) }
func (n numbers) Less(i, j int) bool { return n[i] < n[j] }
func (n numbers) Swap(i, j int)      { n[i], n[j] = n[j], n[i] }
func (n *numbers) Push(x any)        { *n = append(*n, x.(uint64)) }
func (n *numbers) Pop() any {
	last := (*n)[len(*n)-1]
	*n = (*n)[:len(*n)-1]
	return last
}

func (v *volume) takeNumber() uint64 {
	if len(v.free) > 0 {
		return heap.Pop(&v.free).(uint64)
	}
	v.lastNumber++
	return v.lastNumber
}

// reap lets go of n when no process can reach it any more.
func (v *volume) reap(n *inode) {
	if n == v.root || len(n.seen) > 0 || n.opens > 0 {
		return
	}
	if !n.gone {
		n.gone, v.dead[n] = true, true
		v.used -= n.cost()
		v.bury()
	}
	if n.lookups == 0 {
		delete(v.nodes, n.node)
	}
}

// bury gives the numbers of dead files free. Where the journal has one order for everything that is at once: if the
// disk loses the removal, then it never saw the file that got the number next.
func (v *volume) bury() {
	for n := range v.dead {
		if v.mode == Journal || n.stored == 0 && !v.waits(n) {
			heap.Push(&v.free, n.number)
			delete(v.dead, n)
		}
	}
}

func (v *volume) waits(n *inode) bool {
	return slices.ContainsFunc(v.journal, func(c change) bool {
		return slices.ContainsFunc(c.edits, func(e edit) bool { return e.to == n })
	})
}
