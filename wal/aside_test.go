package wal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// drainKept reads all Blocks and returns where Next says that damaged Segments are kept.
func drainKept(t *testing.T, l *Log, after Index) (kept []string, notKept []error) {
	t.Helper()
	for {
		var b Block
		err := l.Next(after, &b)
		var d *DamageError
		switch {
		case errors.Is(err, ErrNone):
			return slices.Compact(kept), notKept
		case errors.As(err, &d):
			kept, after = append(kept, d.Kept...), d.Index
			if d.NotKept != nil {
				notKept = append(notKept, d.NotKept)
			}
		case err != nil:
			t.Fatal(err)
		default:
			after = b.Index
		}
	}
}

// TestDamagedSegmentIsKeptAside breaks the second of some Segments in every way. When all is released, what was damaged is
// still there, byte by byte, and nothing else.
func TestDamagedSegmentIsKeptAside(t *testing.T) {
	m := newImage(t, 20, 2000, true)
	names := m.names()
	name := names[1]
	whole := m.files[name]
	flipped := slices.Clone(whole)
	flipped[fixedSize+200] ^= 0x41
	tests := map[string]struct {
		damage []byte
		in     string // name of the Segment
		kept   bool
	}{
		"a byte":           {flipped, name, true},
		"noise":            {bytes.Repeat([]byte("noise"), 500), name, true},
		"its end":          {whole[:len(whole)/2], name, true},
		"the durable end":  {m.files[names[len(names)-1]][:30], names[len(names)-1], true},
		"nothing":          {whole, name, false},
		"the whole folder": {nil, name, false},
	}
	for what, c := range tests {
		t.Run(what, func(t *testing.T) {
			dir := filepath.Join(memoryDir(t), "wal")
			aside := filepath.Join(filepath.Dir(dir), "damaged", "wal")
			m.write(t, dir, map[string][]byte{c.in: c.damage})
			last := m.blocks[len(m.blocks)-1].Index
			o := Options{Dir: dir, Aside: aside, Floor: last}
			l, _ := mustOpen(t, o)
			kept, notKept := drainKept(t, l, 0)
			var want []string
			if c.kept {
				want = []string{filepath.Join(aside, c.in)}
			}
			if !slices.Equal(kept, want) || notKept != nil {
				t.Fatalf("kept %v, want %v; not kept: %v", kept, want, notKept)
			}
			mustAppend(t, l, newWriter(1, 9).block(1, 0)) // so that no Segment is the last one
			if err := l.Release(last); err != nil {
				t.Fatal(err)
			}
			if left := segmentFiles(t, dir); len(left) != 1 {
				t.Fatalf("Release left %v", left)
			}
			files := segmentFiles(t, aside)
			if len(files) != len(want) {
				t.Fatalf("in the folder aside: %v", files)
			}
			if c.kept && !bytes.Equal(readFile(t, files[0]), c.damage) {
				t.Fatal("what is kept is not what was damaged")
			}
		})
	}
}

// TestKeptSegmentIsReadAsAWAL: so a person needs no other tool for it.
func TestKeptSegmentIsReadAsAWAL(t *testing.T) {
	m := newImage(t, 20, 2000, true)
	dir := filepath.Join(memoryDir(t), "wal")
	aside := filepath.Join(filepath.Dir(dir), "damaged", "wal")
	name := m.names()[1]
	p := slices.Clone(m.files[name])
	hit := m.blockAt(name, 500)
	p[500] ^= 0x41
	m.write(t, dir, map[string][]byte{name: p})
	l, _ := mustOpen(t, Options{Dir: dir, Aside: aside})
	drainKept(t, l, 0)
	if err := l.Release(l.Durable()); err != nil {
		t.Fatal(err)
	}
	r, err := OpenReadOnly(View{Dir: aside})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, damaged := drain(t, r, 0)
	exactly(t, "kept aside", hit, damaged)
	for _, b := range m.blocks {
		if m.segmentOf(b.Index) == name && b != hit && !slices.ContainsFunc(got, func(g *Block) bool { return g.Index == b.Index }) {
			t.Errorf("block %d is not there", b.Index)
		}
	}
}

// TestKeepingIsDurableBeforeTheDamageIsTold: whoever writes into a ledger where a Segment is kept relies on it. The second
// start finds a link whose folders were not fsynced.
func TestKeepingIsDurableBeforeTheDamageIsTold(t *testing.T) {
	dir, o := damagedWAL(t)
	root := filepath.Dir(dir)
	var done []string
	o.Fault = func(op, path string) error {
		if rel, err := filepath.Rel(root, path); err == nil {
			done = append(done, op+" "+rel)
		}
		return nil
	}
	folder := filepath.Join("damaged", "wal", folderName(1))
	for start := range 2 {
		l, _ := mustOpen(t, o)
		done = nil
		if err := l.Next(0, new(Block)); err == nil {
			t.Fatal("no damage")
		}
		from := 0
		if start == 0 {
			from = slices.Index(done, "link "+filepath.Join(folder, folderName(1)))
		}
		for _, d := range []string{folder, filepath.Dir(folder), filepath.Dir(filepath.Dir(folder)), "."} {
			if from < 0 || !slices.Contains(done[from:], "syncdir "+d) {
				t.Errorf("start %d: %s is not fsynced: %v", start, d, done)
			}
		}
		l.Close()
	}
}

// damagedWAL is a WAL whose first Block is damaged.
func damagedWAL(t *testing.T) (dir string, o Options) {
	t.Helper()
	m := newImage(t, 3, 1<<20, true)
	dir = filepath.Join(memoryDir(t), "wal")
	p := slices.Clone(m.files[m.names()[0]])
	p[fixedSize+10] ^= 0x41
	m.write(t, dir, map[string][]byte{m.names()[0]: p})
	return dir, Options{Dir: dir, Aside: filepath.Join(filepath.Dir(dir), "damaged", "wal")}
}

// TestWhatCantBeKeptStopsNobody fails each operation of the keeping: the damage is told all the same, once, and says why.
func TestWhatCantBeKeptStopsNobody(t *testing.T) {
	for n := 0; ; n++ {
		_, o := damagedWAL(t)
		count, keeping := 0, false
		o.Fault = func(op, path string) error {
			if !keeping {
				return nil
			}
			if count++; count-1 == n {
				return fmt.Errorf("%s: %w", op, syscall.ENOSPC)
			}
			return nil
		}
		l, _ := mustOpen(t, o)
		keeping = true
		kept, notKept := drainKept(t, l, 0)
		keeping = false
		if count <= n {
			if n < 6 || len(kept) != 1 || notKept != nil {
				t.Fatalf("%d operations were made to fail; kept %v %v", n, kept, notKept)
			}
			return
		}
		if len(kept) > 0 || len(notKept) != 1 || !errors.Is(notKept[0], syscall.ENOSPC) {
			t.Fatalf("operation %d failed: kept %v, not kept: %v", n, kept, notKept)
		}
		if err := l.Release(l.Durable()); err != nil {
			t.Fatal(err)
		}
		l.Close()
	}
}

// TestKeptSegmentsAreBounded by number and by bytes; the oldest go.
func TestKeptSegmentsAreBounded(t *testing.T) {
	for what, c := range map[string]struct {
		old  []int64 // bytes of what is kept already
		left int     // of those
	}{
		"few":            {[]int64{1, 1, 1}, 3},
		"many":           {slices.Repeat([]int64{1}, 70), maxAsideCount - 1},
		"large":          {[]int64{30 << 20, 30 << 20, 30 << 20, 30 << 20}, 2},
		"one very large": {[]int64{maxAside}, 0},
	} {
		t.Run(what, func(t *testing.T) {
			m := newImage(t, 3, 1<<20, true)
			dir := memoryDir(t)
			aside := filepath.Join(dir, "damaged", "wal")
			for i, size := range c.old {
				name := folderName(Index(i + 1))
				writeFile(t, filepath.Join(aside, name, name), nil)
				if err := os.Truncate(filepath.Join(aside, name, name), size); err != nil {
					t.Fatal(err)
				}
			}
			l, _ := mustOpen(t, Options{Dir: filepath.Join(dir, "wal"), Aside: aside, Acked: 99})
			b := &Block{Records: m.blocks[0].Records, Text: m.blocks[0].Text}
			mustAppend(t, l, b)
			file := segmentFiles(t, filepath.Join(dir, "wal"))[0]
			p := readFile(t, file)
			p[len(p)-1]++
			writeFile(t, file, p)
			if kept, _ := drainKept(t, l, 99); len(kept) != 1 {
				t.Fatalf("kept %v", kept)
			}
			files := segmentFiles(t, aside)
			if len(files) != c.left+1 || filepath.Base(files[c.left]) != folderName(100) {
				t.Fatalf("%d of %d are left, want the newest %d", len(files)-1, len(c.old), c.left)
			}
		})
	}
}

// TestKeptSegmentOfARemovedWALGivesWay: somebody removed the WAL, and its Indexes began again.
func TestKeptSegmentOfARemovedWALGivesWay(t *testing.T) {
	dir, o := damagedWAL(t)
	name := folderName(1)
	writeFile(t, filepath.Join(o.Aside, name, name), []byte("another one"))
	l, _ := mustOpen(t, o)
	if kept, notKept := drainKept(t, l, 0); len(kept) != 1 {
		t.Fatalf("kept %v %v", kept, notKept)
	}
	if !bytes.Equal(readFile(t, filepath.Join(o.Aside, name, name)), readFile(t, filepath.Join(dir, name, name))) {
		t.Fatal("the other one is still there")
	}
}

// TestGivenUpAsideIsKeptAgain: somebody who needs space removes the folder while we run.
func TestGivenUpAsideIsKeptAgain(t *testing.T) {
	_, o := damagedWAL(t)
	l, _ := mustOpen(t, o)
	for range 2 {
		if kept, _ := drainKept(t, l, 0); len(kept) != 1 || len(segmentFiles(t, o.Aside)) != 1 {
			t.Fatalf("kept %v", kept)
		}
		os.RemoveAll(filepath.Dir(o.Aside))
	}
}

// TestRemovedSegmentLeavesNothingToKeep: and that is no failure to keep it.
func TestRemovedSegmentLeavesNothingToKeep(t *testing.T) {
	dir, o := damagedWAL(t)
	l, _ := mustOpen(t, o)
	os.RemoveAll(filepath.Join(dir, folderName(1)))
	if kept, notKept := drainKept(t, l, 0); len(kept) > 0 || notKept != nil {
		t.Fatalf("kept %v, not kept: %v", kept, notKept)
	}
}

// TestSegmentThatWasGivenUpIsNotKept for the damage of the one behind it.
func TestSegmentThatWasGivenUpIsNotKept(t *testing.T) {
	dir := filepath.Join(memoryDir(t), "wal")
	o := Options{Dir: dir, Aside: filepath.Join(filepath.Dir(dir), "damaged", "wal")}
	n := newNode(t, dir)
	for range 2 { // lives, of which the first ends with a kill
		n.open(1 << 20)
		n.append(true)
		n.append(true)
		n.kill()
	}
	files := segmentFiles(t, dir)
	p := readFile(t, files[1])
	p[fixedSize+10] ^= 0x41
	writeFile(t, files[1], p)
	l, _ := mustOpen(t, o)
	if kept, notKept := drainKept(t, l, 0); len(kept) != 1 || filepath.Base(kept[0]) != filepath.Base(files[1]) {
		t.Fatalf("kept %v %v, want %s only", kept, notKept, filepath.Base(files[1]))
	}
}
