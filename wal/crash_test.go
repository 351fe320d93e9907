package wal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// tears are what a crash does to a Segment's end from byte at on. What follows the torn part may have reached the disk
// before it: sectors are written in any order.
var tears = []struct {
	name   string
	stride int // of the positions that are tried
	tear   func(p []byte, at int, r *rand.Rand) []byte
}{
	{"cut", 1, func(p []byte, at int, _ *rand.Rand) []byte { return p[:at] }},
	{"zeros", 1, func(p []byte, at int, _ *rand.Rand) []byte { clear(p[at:]); return p }},
	{"noise", 1, func(p []byte, at int, r *rand.Rand) []byte { return noise(p, at, len(p), r) }},
	{"a sector of zeros", 7, func(p []byte, at int, _ *rand.Rand) []byte { clear(p[at:min(len(p), at+512)]); return p }},
	{"a sector of noise", 7, func(p []byte, at int, r *rand.Rand) []byte { return noise(p, at, min(len(p), at+512), r) }},
}

func noise(p []byte, from, to int, r *rand.Rand) []byte {
	for i := from; i < to; i++ {
		p[i] = byte(r.Uint32())
	}
	return p
}

// crashScene is a WAL whose process was killed, in memory.
type crashScene struct {
	node    *node
	files   map[string][]byte
	head    string // name of the Segment that can be torn
	durable int64  // bytes of it that are
}

// newCrashScene writes some Segments, and a last one with Blocks that were fsynced and some that were not; sealed: and were
// sealed, without the fsync that ends it.
func newCrashScene(t *testing.T, before, synced, loose int, sealed bool) *crashScene {
	t.Helper()
	n := newNode(t, filepath.Join(memoryDir(t), "wal"))
	n.open(1)
	for range before {
		n.append(true)
	}
	n.log.segmentSize = 1 << 20
	if n.log.head != nil {
		if err := n.log.seal(); err != nil {
			t.Fatal(err)
		}
	}
	s := &crashScene{node: n, files: map[string][]byte{}}
	for range synced {
		n.append(true)
		s.durable = n.log.head.size
	}
	for range loose {
		n.append(false)
	}
	s.head = folderName(n.log.head.first)
	if sealed {
		if err := n.log.seal(); err != nil {
			t.Fatal(err)
		}
	}
	n.kill()
	for _, f := range segmentFiles(t, n.dir) {
		s.files[filepath.Base(f)] = readFile(t, f)
	}
	return s
}

// play lets one crash happen: the head is torn at byte at, in one of the ways, and an Intake starts on it.
func (s *crashScene) play(t *testing.T, kind, at int) *node {
	t.Helper()
	n := s.node.clone(t, fmt.Sprintf("%s at %d", tears[kind].name, at))
	p := tears[kind].tear(slices.Clone(s.files[s.head]), at, rand.New(rand.NewPCG(uint64(at), uint64(kind))))
	if last := len(n.blocks) - 1; last >= 0 && at%2 == 1 {
		n.floor = n.blocks[last].Index
	}
	os.RemoveAll(n.dir)
	for name, whole := range s.files {
		if name == s.head {
			whole = p
		}
		writeFile(t, filepath.Join(n.dir, name, name), whole)
	}
	n.crashed(s.files[s.head], p)
	n.restart()
	return n
}

// TestEveryCrashImageOfTheTail tears the last Segment at each byte that was not durable, in each way: the start finds all that
// was durable and what is whole behind it, gives no Index out again, and writes on. Then the next crash comes, at a byte of
// its own, and an orderly end.
func TestEveryCrashImageOfTheTail(t *testing.T) {
	for _, c := range []struct {
		name                  string
		before, synced, loose int
		sealed                bool
	}{
		{"the first segment, nothing durable", 0, 0, 3, false},
		{"behind others", 2, 2, 3, false},
		{"being sealed", 1, 1, 2, true},
	} {
		s := newCrashScene(t, c.before, c.synced, c.loose, c.sealed)
		for kind := range tears {
			t.Run(c.name+"/"+tears[kind].name, func(t *testing.T) {
				for at := int(s.durable); at <= len(s.files[s.head]); at += tears[kind].stride * stride() {
					n := s.play(t, kind, at)
					n.append(true)
					if at%5 > 0 {
						n.kill()
						n.restart()
						n.kill()
						continue
					}
					n.append(false)
					n.kill()
					n.again(rand.New(rand.NewPCG(uint64(at), uint64(kind))))
				}
			})
		}
	}
}

// TestEverySecondCrash tears the Segment that was begun after a crash at each of its bytes that were not durable.
func TestEverySecondCrash(t *testing.T) {
	s := newCrashScene(t, 1, 1, 2, false)
	n := s.play(t, 2, int(s.durable)+700)
	n.append(true)
	second := &crashScene{node: n, files: map[string][]byte{}, durable: n.log.head.size, head: folderName(n.log.head.first)}
	n.append(false)
	n.append(false)
	n.kill()
	for _, f := range segmentFiles(t, n.dir) {
		second.files[filepath.Base(f)] = readFile(t, f)
	}
	for kind := range tears {
		for at := int(second.durable); at <= len(second.files[second.head]); at += tears[kind].stride * stride() {
			n := second.play(t, kind, at)
			n.append(true)
			mustClose(t, n.log)
			n.restart()
			n.kill()
		}
	}
}

// again is the next crash, somewhere in the Segment that was begun after the first, then an orderly end and another start.
func (n *node) again(r *rand.Rand) {
	n.t.Helper()
	h := n.log.head
	p, err := os.ReadFile(h.seg.file())
	if err != nil {
		n.fatal("%v", err)
	}
	durable := int(h.seg.end)
	at := durable + r.IntN(len(p)-durable+1)
	kind := r.IntN(len(tears))
	n.what += fmt.Sprintf(", then %s at %d", tears[kind].name, at)
	torn := tears[kind].tear(slices.Clone(p), at, r)
	if err := os.WriteFile(h.seg.file(), torn, 0o600); err != nil {
		n.fatal("%v", err)
	}
	n.crashed(p, torn)
	n.restart()
	n.append(true)
	if err := n.log.Close(); err != nil {
		n.fatal("close: %v", err)
	}
	n.restart()
	n.kill()
}

// TestTornDurableEndIsDamage: the same images where the checkpoint knows that all was durable. What is missing then is
// named, exactly, whatever the disk has done to it.
func TestTornDurableEndIsDamage(t *testing.T) {
	m := newImage(t, 4, 1<<20, false)
	name := m.names()[0]
	dir := filepath.Join(memoryDir(t), "wal")
	last := m.blocks[len(m.blocks)-1]
	for kind := range tears {
		for at := 0; at < len(m.files[name]); at += 7 * stride() {
			p := tears[kind].tear(slices.Clone(m.files[name]), at, rand.New(rand.NewPCG(uint64(at), 7)))
			m.write(t, dir, map[string][]byte{name: p})
			what := fmt.Sprintf("%s at %d", tears[kind].name, at)
			delivered, damaged := m.account(t, dir, Options{Floor: last.Index})
			for _, b := range m.blocks {
				named := slices.ContainsFunc(damaged, func(d Damage) bool { return d.Index >= b.Index })
				if !delivered[b.Index] && !named {
					t.Fatalf("%s: block %d is gone without a word", what, b.Index)
				}
			}
			l, _ := mustOpen(t, Options{Dir: dir, Floor: last.Index})
			b := newWriter(1, 9).block(1, 0)
			if err := errors.Join(l.Append(b), l.Close()); err != nil || b.Index <= last.Index {
				t.Fatalf("%s: index %d again, %v", what, b.Index, err)
			}
		}
	}
}
