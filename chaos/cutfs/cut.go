package cutfs

import (
	"container/heap"
	"fmt"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"
)

// cut is the end of the power: what waits reaches the disk or not, as r decides, and all that processes knew is
// forgotten. It returns in words what was lost.
func (v *volume) cut(r *rand.Rand) string {
	var lost strings.Builder
	v.expire()
	last := v.cutTree(r, &lost)
	v.reload()
	for at, n := range v.walk() {
		if n.kind == syscall.S_IFREG {
			n.file.cut(r, v.mode, last, at, &lost)
			v.used += n.cost()
		}
		if r.IntN(2) == 0 {
			n.attr = n.diskAttr
		}
		n.diskAttr = n.attr
	}
	return lost.String()
}

// expire brings to the disk what is older than Age, as the kernel's flusher does.
func (v *volume) expire() {
	if v.age <= 0 {
		return
	}
	before := v.clock().Add(-v.age)
	old, _ := slices.BinarySearchFunc(v.journal, before, func(c change, when time.Time) int { return c.at.Compare(when) })
	if old > 0 {
		v.commitUntil(v.journal[old-1].seq)
	}
	for _, n := range v.sorted() {
		old, _ := slices.BinarySearchFunc(n.dirty, before, func(w write, when time.Time) int { return w.at.Compare(when) })
		v.flush(n, old)
	}
}

// cutTree decides which changes of the tree reach the disk. It returns the last truncation that does, in Journal mode.
func (v *volume) cutTree(r *rand.Rand, lost *strings.Builder) uint64 {
	last := v.committed + uint64(some(r, int(v.seq-v.committed)))
	kept := func(c *change) bool { return c.seq <= last }
	if v.mode == Chaotic {
		kept = v.chaoticChoice(r)
	}
	v.commit(kept)
	for _, c := range v.journal {
		fmt.Fprintf(lost, "%s\n", c.what)
	}
	v.journal, v.committed = nil, v.seq
	return last
}

// chaoticChoice keeps, for each folder, some changes from the oldest on; of a change that is made in two folders both
// halves or none; and none without what it needs.
func (v *volume) chaoticChoice(r *rand.Rand) func(*change) bool {
	total := make(map[*inode]int)
	var dirs []*inode
	for _, c := range v.journal {
		for _, d := range c.dirs {
			if total[d]++; total[d] == 1 {
				dirs = append(dirs, d)
			}
		}
	}
	left := make(map[*inode]int)
	for _, d := range dirs {
		left[d] = some(r, total[d])
	}
	chosen, waits := make(map[uint64]bool), make(map[uint64]bool)
	for _, c := range v.journal {
		waits[c.seq] = true
		if slices.ContainsFunc(c.dirs, func(d *inode) bool { return left[d] == 0 }) ||
			slices.ContainsFunc(c.needs, func(seq uint64) bool { return waits[seq] && !chosen[seq] }) {
			for _, d := range c.dirs {
				left[d] = 0
			}
			continue
		}
		chosen[c.seq] = true
		for _, d := range c.dirs {
			left[d]--
		}
	}
	return func(c *change) bool { return chosen[c.seq] }
}

// some returns a number from 0 to n: often all or nothing, which cuts right after a pause or a flush would give.
func some(r *rand.Rand, n int) int {
	switch r.IntN(4) {
	case 0:
		return 0
	case 1:
		return n
	default:
		return r.IntN(n + 1)
	}
}

// reload forgets everything that is not on the disk.
func (v *volume) reload() {
	v.nodes, v.used = make(map[uint64]*inode), 0
	v.free, v.dead, v.lastNumber = nil, make(map[*inode]bool), 10
	v.root.parent = v.root
	v.root.forget()
	v.root.load(map[*inode]bool{v.root: true})
	taken := make(map[uint64]bool)
	for _, n := range v.walk() {
		v.nodes[n.node] = n
		taken[n.number] = true
		v.lastNumber = max(v.lastNumber, n.number)
		if n.isDir() {
			v.used += n.cost()
		}
	}
	for number := uint64(11); number < v.lastNumber; number++ {
		if !taken[number] {
			heap.Push(&v.free, number)
		}
	}
}

// forget drops what only processes and the kernel knew of n.
func (n *inode) forget() {
	n.seen, n.stored, n.opens, n.lookups, n.last, n.named, n.gone = make(map[name]bool), 0, 0, 0, 0, 0, false
}

// load gives the folder n, and all folders below, the names that the disk has.
func (n *inode) load(met map[*inode]bool) {
	n.names = maps.Clone(n.diskNames)
	for base, child := range n.names {
		if !met[child] {
			met[child] = true
			child.forget()
			if child.isDir() {
				child.parent = n
				child.load(met)
			}
		}
		child.seen[name{n, base}] = true
		child.stored++
	}
}

// walk yields every inode once, by its first path, parents before children, in the order of names.
func (v *volume) walk() func(yield func(string, *inode) bool) {
	met := make(map[*inode]bool)
	var visit func(at string, n *inode, yield func(string, *inode) bool) bool
	visit = func(at string, n *inode, yield func(string, *inode) bool) bool {
		if met[n] {
			return true
		}
		met[n] = true
		if !yield(at, n) {
			return false
		}
		for _, base := range v.list(n) {
			if !visit(path.Join(at, base), n.names[base], yield) {
				return false
			}
		}
		return true
	}
	return func(yield func(string, *inode) bool) { visit("", v.root, yield) }
}
