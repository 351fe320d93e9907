package wal

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

func TestOpenReadsSummariesOnly(t *testing.T) {
	m := newImage(t, 30, 2500, true)
	dir := filepath.Join(memoryDir(t), "wal")
	change := map[string][]byte{}
	names := m.names()
	for _, name := range names[:len(names)-1] { // all but the last, for which nobody vouches, are noise up to the summary
		p := slices.Clone(m.files[name])
		for i := range m.summaryAt(name) {
			p[i] = byte(i * 7)
		}
		change[name] = p
	}
	m.write(t, dir, change)
	_, r := mustOpen(t, Options{Dir: dir})
	if len(r.Damaged) > 0 {
		t.Fatalf("Open read Blocks: %+v", r.Damaged)
	}
	for i, f := range m.ids {
		if e := r.Files[f.ID]; e.Start != 0 || e.End != m.at[i] {
			t.Fatalf("file %d: %+v, want the end %d", i, e, m.at[i])
		}
	}
}

// summaryAt is where the summary of a Segment begins.
func (m *image) summaryAt(name string) int64 {
	var at int64
	for _, b := range m.blocks {
		if m.segmentOf(b.Index) == name {
			at = m.starts[b.Index][1]
		}
	}
	return at
}

func TestNextGoesBackAndForth(t *testing.T) {
	l, _ := mustOpen(t, Options{Dir: filepath.Join(t.TempDir(), "wal"), SegmentSize: 2000})
	w := newWriter(2, 1)
	byIndex := map[Index]*Block{}
	for range 30 {
		b := w.block(3, 0, 1)
		mustAppend(t, l, b)
		byIndex[b.Index] = b
	}
	r := rand.New(rand.NewPCG(3, 3))
	var b Block
	for range 300 {
		after := Index(r.Uint64N(uint64(l.Durable())))
		if err := l.Next(after, &b); err != nil {
			t.Fatal(err)
		}
		for n := after + 1; ; n++ {
			if w := byIndex[n]; w != nil {
				same(t, &b, w)
				break
			}
		}
	}
}

// TestLogLineThatIsABlockIsNotOne: a container may write the bytes of a Block into its log. Incompressible, they stand in
// our payload as they are; damage before them must not make a Block of them.
func TestLogLineThatIsABlockIsNotOne(t *testing.T) {
	forge := filepath.Join(t.TempDir(), "forge")
	l, _ := mustOpen(t, Options{Dir: forge, Acked: 1})
	mustAppend(t, l, newWriter(1, 8).block(1, 0)) // Index 2
	fake := readFile(t, segmentFiles(t, forge)[0])

	dir := filepath.Join(t.TempDir(), "wal")
	l, _ = mustOpen(t, Options{Dir: dir})
	w := newWriter(2, 1)
	var want []*Block
	for i := range 4 {
		b := new(Block)
		if i == 1 {
			noise := make([]byte, 3000)
			for k := range noise {
				noise[k] = byte(w.rand.Uint32())
			}
			w.put(b, 0, append(noise, fake...))
		} else {
			w.add(b, 0, 2)
		}
		mustAppend(t, l, b)
		want = append(want, b)
	}
	file := segmentFiles(t, dir)[0]
	p := readFile(t, file)
	if bytes.Count(p, []byte(magic)) != 5 {
		t.Fatal("the fake is not there as it is")
	}
	at := bytes.Index(p, []byte(magic))
	at += 1 + bytes.Index(p[at+1:], []byte(magic))
	p[at+30]++ // the salt in the second Block's fixed part
	writeFile(t, file, p)
	got, damaged := drain(t, l, 0)
	exactly(t, "second block", want[1], damaged)
	sameAll(t, got, []*Block{want[0], want[2], want[3]})
}

// TestForgedIndexIsRefused: where the first Block is damaged nobody knows the salt yet. An Index out of all proportion must
// not be taken from what follows: all further ones would have to be higher.
func TestForgedIndexIsRefused(t *testing.T) {
	forge := filepath.Join(t.TempDir(), "forge")
	l, _ := mustOpen(t, Options{Dir: forge, Acked: 1 << 40})
	mustAppend(t, l, newWriter(1, 8).block(1, 0))
	fake := readFile(t, segmentFiles(t, forge)[0])

	dir := filepath.Join(t.TempDir(), "wal")
	l, _ = mustOpen(t, Options{Dir: dir})
	w := newWriter(1, 1)
	b := new(Block)
	noise := make([]byte, 3000)
	for k := range noise {
		noise[k] = byte(w.rand.Uint32())
	}
	w.put(b, 0, append(noise, fake...))
	mustAppend(t, l, b, w.block(1, 0))
	file := segmentFiles(t, dir)[0]
	p := readFile(t, file)
	p[20]++ // in the first one's fixed part
	writeFile(t, file, p)
	_, r := mustOpen(t, Options{Dir: dir})
	if r.Last != 2 || len(r.Damaged) != 1 || r.Damaged[0].Index != 1 || r.Damaged[0].End != Offset(len(b.Text)) {
		t.Fatalf("%+v", r)
	}
}

// badDisk has sectors that can't be read.
type badDisk struct {
	p        []byte
	from, to int64
}

func (d badDisk) ReadAt(p []byte, at int64) (int, error) {
	if at < d.to && at+int64(len(p)) > d.from {
		return 0, &os.PathError{Op: "read", Path: "x", Err: syscall.EIO}
	}
	return bytes.NewReader(d.p).ReadAt(p, at)
}

func TestBadSectorCostsItsBlocksOnly(t *testing.T) {
	m := newImage(t, 60, 1<<20, true)
	p := m.files[m.names()[0]]
	var s scanner
	bad := badDisk{p, 8192, 8192 + 512}
	s.reset(bad, int64(len(p)), 1)
	u, err := newUnpacker()
	if err != nil {
		t.Fatal(err)
	}
	d := decoder{unpacker: u}
	d.names.reset()
	l, err := d.look(&s)
	if err != nil || len(l.holes) == 0 || l.seen != 60 {
		t.Fatalf("%+v %v", l, err)
	}
	for n, at := range m.starts {
		hit := at[0] < 8192+page && at[1] > 8192
		lost := slices.ContainsFunc(l.holes, func(h hole) bool { return h.from <= n && n <= h.to })
		if hit != lost {
			t.Fatalf("block %d at %v: lost %v, holes %+v", n, at, lost, l.holes)
		}
	}
}

// TestNewerFormatIsNoDamage: after a rollback nothing is skipped; Open says so and stops.
func TestNewerFormatIsNoDamage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "wal")
	l, _ := mustOpen(t, Options{Dir: dir})
	w := newWriter(1, 1)
	mustAppend(t, l, w.block(1, 0), w.block(1, 0))
	file := segmentFiles(t, dir)[0]
	p := readFile(t, file)
	at := bytes.LastIndex(p, []byte(magic))
	p[at+8] = version + 1
	f := frame{}
	f.reseal(p[at:])
	writeFile(t, file, p)
	if _, _, err := Open(Options{Dir: dir}); !errors.Is(err, ErrVersion) {
		t.Fatalf("Open: %v", err)
	}
	if err := l.Next(1, new(Block)); !errors.Is(err, ErrVersion) {
		t.Fatalf("Next: %v", err)
	}
}

func TestReadOnlyChangesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "wal")
	l, _ := mustOpen(t, Options{Dir: dir, SegmentSize: 2000, Acked: 1000, Floor: 1000})
	w := newWriter(2, 1)
	var want []*Block
	for range 20 {
		b := w.block(3, 0, 1)
		mustAppend(t, l, b)
		want = append(want, b)
	}
	os.Mkdir(filepath.Join(dir, folderName(5000)), 0o700)
	list := func() (out []string) {
		filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
			out = append(out, path, info.ModTime().String())
			return err
		})
		return out
	}
	before := list()
	r, err := OpenReadOnly(View{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, damaged := drain(t, r, 0)
	if len(damaged) > 0 {
		t.Fatalf("damaged: %+v", damaged)
	}
	sameAll(t, got, want)
	if !slices.Equal(before, list()) {
		t.Fatal("something changed")
	}
	segs := r.Segments()
	if len(segs) < 3 || segs[0].First != 1001 || !segs[0].Sealed || segs[0].Last < 1001 || segs[1].Prev != segs[0].Last {
		t.Fatalf("%+v", segs)
	}
	if err := l.Release(1010); err != nil { // while it reads
		t.Fatal(err)
	}
	if got, damaged = drain(t, r, 0); len(damaged) > 0 || got[len(got)-1].Index != want[19].Index {
		t.Fatalf("after a Release: damaged %+v", damaged)
	}
}
