package cutfs

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"
)

// history is what the model knows: every state that a cut may bring back.
type history struct {
	t    *testing.T
	v    *volume
	mode Mode

	trees    []tree             // of the whole volume, since the last change that must be durable
	folders  map[uint64][]names // of each folder, since its last fsync
	contents map[uint64][]content
	safe     map[uint64]bool // on the disk under a name, and since then nobody took a name away but by rename
	linked   map[uint64]bool // had two names at once since the last cut
}

type (
	names   map[string]uint64
	tree    map[uint64]names
	content []byte
)

func newHistory(t *testing.T, v *volume, mode Mode) *history {
	h := &history{t: t, v: v, mode: mode}
	h.begin()
	return h
}

// begin takes what is there as what the disk has.
func (h *history) begin() {
	h.trees, h.folders, h.contents = nil, make(map[uint64][]names), make(map[uint64][]content)
	h.safe, h.linked = make(map[uint64]bool), make(map[uint64]bool)
	for _, n := range h.v.walk() {
		h.safe[n.node] = true
	}
	h.note()
}

// note adds the present state.
func (h *history) note() {
	all := make(tree)
	for _, n := range h.v.walk() {
		if n.isDir() {
			all[n.node] = namesOf(n)
			h.folders[n.node] = append(h.folders[n.node], all[n.node])
		} else {
			had := h.contents[n.node]
			if len(had) == 0 || !bytes.Equal(had[len(had)-1], n.now) {
				h.contents[n.node] = append(had, bytes.Clone(n.now))
			}
			h.linked[n.node] = h.linked[n.node] || len(n.seen) > 1
		}
	}
	h.trees = append(h.trees, all)
}

func namesOf(dir *inode) names {
	all := make(names)
	for base, n := range dir.names {
		all[base] = n.node
	}
	return all
}

// synced forgets the states of one inode that a cut can't bring back any more.
func (h *history) synced(n *inode) {
	if n.isDir() {
		h.folders[n.node] = []names{namesOf(n)}
	} else {
		h.contents[n.node] = []content{bytes.Clone(n.now)}
	}
}

// check compares what a cut left with what it could leave.
func (h *history) check() {
	h.t.Helper()
	after, met := make(tree), make(map[uint64]bool)
	for at, n := range h.v.walk() {
		met[n.node] = true
		if !n.isDir() {
			h.checkContent(at, n.now, h.contents[n.node])
			if !h.linked[n.node] && len(n.seen) != 1 {
				h.t.Errorf("%s was renamed only, and has %d names", at, len(n.seen))
			}
			continue
		}
		after[n.node] = namesOf(n)
		if !slices.ContainsFunc(h.folders[n.node], func(s names) bool { return maps.Equal(s, after[n.node]) }) {
			h.t.Errorf("folder %q has %v, which it never had", at, after[n.node])
		}
	}
	for node := range h.safe {
		if !met[node] {
			h.t.Errorf("node %d is lost, although it was durable and only renamed", node)
		}
	}
	same := func(s tree) bool { return maps.EqualFunc(s, after, func(a, b names) bool { return maps.Equal(a, b) }) }
	if h.mode == Journal && !slices.ContainsFunc(h.trees, same) {
		h.t.Errorf("the tree is one that never was")
	}
}

// checkContent checks that got has a size that the file had, and that each sector of it, or each byte where sectors may
// be torn, is one that was written.
func (h *history) checkContent(at string, got []byte, had []content) {
	h.t.Helper()
	if !slices.ContainsFunc(had, func(c content) bool { return len(c) == len(got) }) {
		h.t.Errorf("%s has %d bytes, which it never had", at, len(got))
	}
	unit := sectorSize
	if h.mode == Chaotic {
		unit = 1
	}
	for off := 0; off < len(got); off += unit {
		part := got[off:min(off+unit, len(got))]
		if !slices.ContainsFunc(had, func(c content) bool { return bytes.Equal(part, padded(c, off, len(part))) }) {
			h.t.Errorf("%s has bytes at %d that were never written there", at, off)
			return
		}
	}
}

// padded returns n bytes of c from off on, with zeros behind its end.
func padded(c []byte, off, n int) []byte {
	b := make([]byte, n)
	if off < len(c) {
		copy(b, c[off:])
	}
	return b
}

// player makes random changes.
type player struct {
	r *rand.Rand
	v *volume
	h *history
}

func (p *player) pick(wanted func(*inode) bool) *inode {
	var all []*inode
	for _, n := range p.v.walk() {
		if wanted(n) {
			all = append(all, n)
		}
	}
	if len(all) == 0 {
		return p.v.root
	}
	return all[p.r.IntN(len(all))]
}

func (p *player) dir() *inode       { return p.pick(func(n *inode) bool { return n.isDir() }) }
func (p *player) file() *inode      { return p.pick(func(n *inode) bool { return !n.isDir() }) }
func (p *player) base() string      { return string(rune('a' + p.r.IntN(5))) }
func (p *player) below() *inode     { return p.pick(func(n *inode) bool { return n != p.v.root }) }
func (p *player) chance(n int) bool { return p.r.IntN(n) == 0 }

// step makes one change, and notes what it makes possible and impossible.
func (p *player) step() {
	switch p.r.IntN(12) {
	case 0, 1:
		p.v.create(p.dir(), p.base(), syscall.S_IFREG, attr{perm: 0o600}, "")
	case 2:
		p.v.create(p.dir(), p.base(), syscall.S_IFDIR, attr{perm: 0o700}, "")
	case 3, 4, 5:
		p.content()
	case 6:
		if n := p.file(); !n.isDir() {
			p.v.link(n, p.dir(), p.base())
		}
	case 7:
		p.remove()
	case 8, 9:
		p.move()
	default:
		p.sync()
		return
	}
	p.h.note()
}

func (p *player) content() {
	n := p.file()
	if n.isDir() {
		return
	}
	if p.chance(4) {
		size := p.r.IntN(6000)
		p.v.truncate(n, int64(size))
		for _, c := range p.h.contents[n.node] { // the data may be older than the size
			if len(c) > size {
				p.h.contents[n.node] = append(p.h.contents[n.node], c[:size])
			}
		}
		return
	}
	data := bytes.Repeat([]byte{byte(1 + p.r.IntN(255))}, 1+p.r.IntN(3000))
	p.v.write(n, int64(p.r.IntN(len(n.now)+100)), data)
}

func (p *player) remove() {
	dir, base := p.dir(), p.base()
	n := dir.names[base]
	if n != nil && (p.v.unlink(dir, base) == 0 || p.v.rmdir(dir, base) == 0) {
		delete(p.h.safe, n.node)
	}
}

func (p *player) move() {
	from, base, to, newBase := p.dir(), p.base(), p.dir(), p.base()
	n, old := from.names[base], to.names[newBase]
	for up := to; up != p.v.root; up = up.parent {
		if up == n {
			return // the kernel refuses to move a folder into itself
		}
	}
	if p.v.rename(from, base, to, newBase, 0) == 0 && old != nil && old != n {
		delete(p.h.safe, old.node)
	}
}

func (p *player) sync() {
	if n := p.below(); !n.isDir() && p.chance(2) {
		p.v.sync(n)
		p.h.synced(n)
	}
	if n := p.dir(); p.chance(2) {
		p.v.syncDir(n)
		p.h.synced(n)
	}
}

// TestCutLeavesAStateThatWas makes random changes on a volume and cuts the power: each folder must be as it was at some
// moment since its last fsync, each file's content be made of what was written, nothing lost by a rename, and in Journal
// mode the whole tree be one that was.
func TestCutLeavesAStateThatWas(t *testing.T) {
	for mode := range Mode(2) {
		for seed := range uint64(150) {
			t.Run(fmt.Sprintf("%v/%d", mode, seed), func(t *testing.T) {
				v := newVolume(Options{Mode: mode, Capacity: 1 << 20})
				now := time.Unix(1e9, 0)
				v.clock = func() time.Time { now = now.Add(time.Millisecond); return now }
				p := &player{r: rand.New(rand.NewPCG(seed, 1)), v: v, h: newHistory(t, v, mode)}
				for range 5 {
					for range 1 + p.r.IntN(120) {
						p.step()
					}
					checkBooks(t, v)
					v.cut(p.r)
					p.h.check()
					checkBooks(t, v)
					if t.Failed() {
						return
					}
					p.h.begin()
				}
			})
		}
	}
}

// TestMovedFoldersMakeNoRing moves a folder into another and back, and then the other into the first: if the disk had the
// first and the third move but not the second, each folder would hang from the other.
func TestMovedFoldersMakeNoRing(t *testing.T) {
	for seed := range uint64(200) {
		v := newVolume(Options{Capacity: 1 << 20})
		mkdir := func(dir *inode, base string) *inode {
			n, err := v.create(dir, base, syscall.S_IFDIR, attr{perm: 0o700}, "")
			if err != 0 {
				t.Fatal(err)
			}
			return n
		}
		p, q := mkdir(v.root, "p"), mkdir(v.root, "q")
		d, e := mkdir(p, "d"), mkdir(q, "e")
		v.syncAll()
		for _, m := range []struct{ n, from, to *inode }{{d, p, e}, {d, e, p}, {e, q, d}} {
			base := map[*inode]string{d: "d", e: "e"}[m.n]
			if err := v.rename(m.from, base, m.to, base, 0); err != 0 {
				t.Fatal(err)
			}
		}
		v.cut(rand.New(rand.NewPCG(seed, 6)))
		if v.nodes[d.node] == nil || v.nodes[e.node] == nil {
			t.Fatalf("seed %d: a folder hangs from nothing", seed)
		}
	}
}

// checkBooks counts again what the volume keeps count of.
func checkBooks(t *testing.T, v *volume) {
	t.Helper()
	var used int64
	numbers, seen := make(map[uint64]string), make(map[*inode]int)
	for at, n := range v.walk() {
		used += n.cost()
		if other, twice := numbers[n.number]; twice {
			t.Errorf("%q and %q have the same inode number %d", at, other, n.number)
		}
		numbers[n.number] = at
		if v.nodes[n.node] != n {
			t.Errorf("%q is not in the table of nodes", at)
		}
		for _, child := range n.names {
			seen[child]++
		}
	}
	if used != v.used {
		t.Errorf("%d bytes are in use, and the volume says %d", used, v.used)
	}
	for n, count := range seen {
		if len(n.seen) != count {
			t.Errorf("node %d has %d names and knows %d", n.node, count, len(n.seen))
		}
	}
}

// TestSameSeedSameCut makes the same changes twice: the same must be left.
func TestSameSeedSameCut(t *testing.T) {
	run := func(seed uint64) string {
		v := newVolume(Options{Capacity: 1 << 20})
		p := &player{r: rand.New(rand.NewPCG(seed, 1)), v: v, h: newHistory(t, v, Chaotic)}
		for range 200 {
			p.step()
		}
		lost := v.cut(p.r)
		for at, n := range v.walk() {
			lost += fmt.Sprintf("%s %d %x\n", at, n.number, n.now)
		}
		return lost
	}
	for seed := range uint64(20) {
		if first, second := run(seed), run(seed); first != second {
			t.Fatalf("seed %d left different volumes", seed)
		}
	}
}
