package wal

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

func TestMissingSegmentIsDamage(t *testing.T) {
	m := newImage(t, 14, 2000, true)
	dir := filepath.Join(memoryDir(t), "wal")
	names := m.names()
	m.write(t, dir, map[string][]byte{names[1]: nil})
	delivered, damaged := m.account(t, dir, Options{})
	lost := map[FileID]Offset{}
	for _, d := range damaged {
		lost[d.File.ID] += d.End - d.Start
	}
	want := map[FileID]Offset{}
	for _, b := range m.blocks {
		if m.segmentOf(b.Index) != names[1] {
			continue
		}
		for _, r := range b.Records {
			want[r.File.ID] += r.End - r.Start
		}
		if delivered[b.Index] {
			t.Fatalf("block %d of a missing segment was delivered", b.Index)
		}
	}
	if len(want) == 0 || !maps.Equal(lost, want) {
		t.Fatalf("lost %v, want %v", lost, want)
	}
}

// TestDeadSegmentStopsNobody: the disk does not even open a Segment's file; the start and the other Segments go on.
func TestDeadSegmentStopsNobody(t *testing.T) {
	m := newImage(t, 14, 2000, true)
	dir := filepath.Join(memoryDir(t), "wal")
	for at := range m.names() {
		for _, op := range []string{"size", "open", "open later"} {
			m.write(t, dir, nil)
			broken := m.names()[at]
			bad := func(path, now string) error {
				if filepath.Base(path) == broken && op == now {
					return &os.PathError{Op: op, Path: path, Err: syscall.EIO}
				}
				return nil
			}
			a := access{
				func(path string) (int64, error) {
					if err := bad(path, "size"); err != nil {
						return 0, err
					}
					return size(path)
				},
				func(path string) (readable, error) {
					if err := bad(path, "open"); err != nil {
						return nil, err
					}
					return realAccess.open(path)
				},
			}
			l, r, err := open(Options{Dir: dir, Floor: 1}, realDisk{}, a)
			if err != nil {
				t.Fatal(err)
			}
			if op == "open later" {
				op = "open"
			}
			got, damaged := drain(t, l, 0)
			var want []*Block
			for _, b := range m.blocks {
				if m.segmentOf(b.Index) != broken {
					want = append(want, b)
				}
			}
			sameAll(t, got, want)
			last := at == len(m.names())-1
			if (len(damaged) == 0) != (last && r.Last < m.blocks[13].Index) {
				t.Fatalf("%s of segment %d: damaged %+v", op, at, damaged)
			}
			b := newWriter(1, 9).block(1, 0)
			mustAppend(t, l, b)
			if b.Index <= m.blocks[len(m.blocks)-1].Index && m.segmentOf(b.Index) != broken {
				t.Fatalf("index %d again", b.Index)
			}
			if _, err := os.Stat(filepath.Join(dir, broken, broken)); err != nil {
				t.Fatal("it was removed: ", err)
			}
			mustClose(t, l)
		}
	}
}

// TestUnreadableSegmentGoesWithItsIndexes: not with those before it, which is all that could be read.
func TestUnreadableSegmentGoesWithItsIndexes(t *testing.T) {
	m := newImage(t, 14, 2000, true)
	dir := filepath.Join(memoryDir(t), "wal")
	names := m.names()
	m.write(t, dir, map[string][]byte{names[1]: make([]byte, 3000)})
	l, _ := mustOpen(t, Options{Dir: dir, Floor: 1})
	var before, in Index
	for _, b := range m.blocks {
		switch m.segmentOf(b.Index) {
		case names[0]:
			before = b.Index
		case names[1]:
			in = b.Index
		}
	}
	for _, acked := range []Index{before, in - 1, in} {
		if err := l.Release(acked); err != nil {
			t.Fatal(err)
		}
		if there := exists(filepath.Join(dir, names[1])); there != (acked < in) {
			t.Fatalf("after Release(%d) it is there: %v", acked, there)
		}
	}
}

// TestRemovedFolderIsMadeAgain: somebody removes the whole WAL while we run.
func TestRemovedFolderIsMadeAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data", "wal")
	l, _ := mustOpen(t, Options{Dir: dir, SegmentSize: 1})
	w := newWriter(1, 1)
	mustAppend(t, l, w.block(1, 0))
	os.RemoveAll(filepath.Dir(dir))
	b := w.block(1, 0)
	mustAppend(t, l, b)
	got, damaged := drain(t, l, 0)
	if len(damaged) != 1 {
		t.Fatalf("damaged: %+v", damaged)
	}
	sameAll(t, got, []*Block{b})
}

// TestMissingUpToFloorIsDamage: the checkpoint knows of Blocks, and the WAL is gone.
func TestMissingUpToFloorIsDamage(t *testing.T) {
	l, r := mustOpen(t, Options{Dir: filepath.Join(t.TempDir(), "wal"), Floor: 7, Acked: 4})
	if len(r.Damaged) != 1 || r.Damaged[0].Index != 7 || r.Damaged[0].File != nil {
		t.Fatalf("damaged: %+v", r.Damaged)
	}
	var d *DamageError
	if err := l.Next(4, new(Block)); !errors.As(err, &d) || d.Index != 7 {
		t.Fatalf("Next: %v", err)
	}
	if err := l.Next(7, new(Block)); err != ErrNone {
		t.Fatalf("Next behind it: %v", err)
	}
	b := newWriter(1, 1).block(1, 0)
	mustAppend(t, l, b)
	if b.Index != 8 {
		t.Fatalf("index %d, want 8", b.Index)
	}
}

// TestAcknowledgedDamageIsNone: what has its home already may rot.
func TestAcknowledgedDamageIsNone(t *testing.T) {
	m := newImage(t, 8, 1<<20, true)
	name := m.names()[0]
	p := slices.Clone(m.files[name])
	p[m.starts[2][0]+40]++
	p[m.starts[3][1]-2]++
	dir := filepath.Join(memoryDir(t), "wal")
	m.write(t, dir, map[string][]byte{name: p})
	l, r := mustOpen(t, Options{Dir: dir, Acked: 4, Floor: 8})
	for id, e := range r.Files {
		if e.Index <= 4 {
			t.Fatalf("file %s: block %d is acknowledged; the checkpoint knows more", id, e.Index)
		}
	}
	got, damaged := drain(t, l, 4)
	if len(r.Damaged)+len(damaged) > 0 || len(got) != 4 {
		t.Fatalf("%d blocks, damaged %+v %+v", len(got), r.Damaged, damaged)
	}
}

// TestExtentOfAcknowledgedBlocksIsTheCheckpoints: an old Segment may come back after a power cut, and know less.
func TestExtentOfAcknowledgedBlocksIsTheCheckpoints(t *testing.T) {
	m := newImage(t, 8, 1<<20, true)
	dir := filepath.Join(memoryDir(t), "wal")
	m.write(t, dir, nil)
	if _, r := mustOpen(t, Options{Dir: dir, Acked: 8, Floor: 8}); len(r.Files) > 0 {
		t.Fatalf("%+v", r.Files)
	}
}

// TestPrevOfALostSegmentCounts: all Blocks of the last Segment are torn, but its frames tell what was durable before.
func TestPrevOfALostSegmentCounts(t *testing.T) {
	m := newImage(t, 14, 2000, false)
	dir := filepath.Join(memoryDir(t), "wal")
	names := m.names()
	change := map[string][]byte{}
	for _, name := range names[:len(names)-1] {
		change[name] = nil
	}
	last := names[len(names)-1]
	change[last] = m.files[last][:fixedSize+10]
	m.write(t, dir, change)
	var first int
	fmt.Sscanf(last, "%d", &first)
	l, r := mustOpen(t, Options{Dir: dir, Floor: 1})
	if len(r.Damaged) != 1 || r.Damaged[0].Index != r.Last || r.Last < Index(first)-3 || r.Last >= Index(first) {
		t.Fatalf("segment %d is torn: %+v", first, r)
	}
	if _, damaged := drain(t, l, 0); len(damaged) != 1 {
		t.Fatalf("Next: %+v", damaged)
	}
}

// TestDeadLettersLeaveNoGaps: Records with a Note do not follow one another, and what lies between them was never here.
func TestDeadLettersLeaveNoGaps(t *testing.T) {
	dir := filepath.Join(memoryDir(t), "wal")
	l, _ := mustOpen(t, Options{Dir: dir, SegmentSize: 1})
	w := newWriter(2, 1)
	for range 6 {
		w.block(5, 0, 1) // was stored
		b := w.block(1, 0, 1)
		for i := range b.Records {
			b.Records[i].Note = "refused"
		}
		mustAppend(t, l, b)
	}
	mustClose(t, l)
	names := segmentFiles(t, dir)
	if len(names) != 6 {
		t.Fatalf("%d segments", len(names))
	}
	os.RemoveAll(filepath.Dir(names[1])) // Block 3
	p := readFile(t, names[3])           // Block 7
	p[fixedSize+3]++
	writeFile(t, names[3], p)
	l, _ = mustOpen(t, Options{Dir: dir})
	got, damaged := drain(t, l, 0)
	if len(got) != 4 || len(damaged) != 2 || damaged[0].Index != 3 || damaged[1].Index != 7 || damaged[0].File != nil || damaged[1].File != nil {
		t.Fatalf("%d blocks, damaged %+v", len(got), damaged)
	}

	dir = filepath.Join(memoryDir(t), "unsealed")
	l, _ = mustOpen(t, Options{Dir: dir})
	var at [2]int64
	for i := range 4 {
		w.block(5, 0)
		b := w.block(1, 0)
		b.Records[0].Note = "refused"
		mustAppend(t, l, b)
		if i < 2 {
			at[i] = l.head.size
		}
	}
	file := segmentFiles(t, dir)[0]
	p = readFile(t, file)
	p[at[0]+fixedSize+5]++ // the header of the second
	writeFile(t, file, p)
	l, _ = mustOpen(t, Options{Dir: dir})
	if got, damaged = drain(t, l, 0); len(got) != 3 || len(damaged) != 1 || damaged[0].File != nil {
		t.Fatalf("%d blocks, damaged %+v", len(got), damaged)
	}
}
