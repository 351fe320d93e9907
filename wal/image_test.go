package wal

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// image is a WAL's folder in memory, with what was written into it.
type image struct {
	files  map[string][]byte // by Segment name
	blocks []*Block
	starts map[Index][2]int64 // where a Block's entry begins and ends in its file
	at     []Offset           // each File's end
	ids    []*File
}

// newImage writes blocks of three Files, in Segments of segmentSize; sealed says whether the last one is.
func newImage(t testing.TB, blocks int, segmentSize int64, sealed bool) *image {
	t.Helper()
	dir := filepath.Join(memoryDir(t), "wal")
	l, _ := mustOpen(t, Options{Dir: dir, SegmentSize: segmentSize})
	w := newWriter(3, 5)
	m := &image{files: map[string][]byte{}, starts: map[Index][2]int64{}, at: w.at, ids: w.files}
	for i := range blocks {
		var before int64
		if !l.due() && l.head != nil {
			before = l.head.size
		}
		b := w.block(1+i%3, i%3, (i+1)%3)
		mustAppend(t, l, b)
		m.blocks = append(m.blocks, b)
		m.starts[b.Index] = [2]int64{before, l.head.size}
	}
	if sealed {
		mustClose(t, l)
	}
	for _, f := range segmentFiles(t, dir) {
		m.files[filepath.Base(f)] = readFile(t, f)
	}
	return m
}

func (m *image) names() []string { return slices.Sorted(maps.Keys(m.files)) }

// write puts m into dir, with what is in change instead of its own files; nil there: the folder is missing.
func (m *image) write(t testing.TB, dir string, change map[string][]byte) {
	t.Helper()
	os.RemoveAll(dir)
	os.MkdirAll(dir, 0o700)
	for name, p := range m.files {
		if c, ok := change[name]; ok {
			p = c
		}
		if p != nil {
			writeFile(t, filepath.Join(dir, name, name), p)
		}
	}
}

// account checks that what dir gives out is what was written, and that with the damage it makes up each File up to where
// Open says it was read: nothing is missing silently, and nothing that arrived is called lost.
func (m *image) account(t testing.TB, dir string, o Options) (delivered map[Index]bool, damaged []Damage) {
	t.Helper()
	o.Dir = dir
	l, r, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got, damaged := drain(t, l, o.Acked)
	if fmt.Sprint(damaged[:min(len(damaged), len(r.Damaged))]) != fmt.Sprint(r.Damaged) && len(damaged) < len(r.Damaged) {
		t.Fatalf("Open said %+v, Next %+v", r.Damaged, damaged)
	}
	delivered = map[Index]bool{}
	held := map[FileID][]bool{}
	for i, f := range m.ids {
		held[f.ID] = make([]bool, m.at[i])
	}
	silent := false
	for _, d := range damaged {
		if d.File == nil {
			silent = true
			continue
		}
		for i := d.Start; i < d.End; i++ {
			if held[d.File.ID][i] {
				t.Fatalf("byte %d of %s is lost twice: %+v", i, d.File.Pod, damaged)
			}
			held[d.File.ID][i] = true
		}
	}
	for _, b := range got {
		same(t, b, m.blocks[slices.IndexFunc(m.blocks, func(w *Block) bool { return w.Index == b.Index })])
		delivered[b.Index] = true
		for _, rec := range b.Records {
			for i := rec.Start; i < rec.End; i++ {
				if held[rec.File.ID][i] {
					t.Fatalf("byte %d of %s arrived, but is called lost: %+v", i, rec.File.Pod, damaged)
				}
				held[rec.File.ID][i] = true
			}
		}
	}
	for id, e := range r.Files {
		for i := e.Start; i < e.End; i++ {
			if !held[id][i] && !silent {
				t.Fatalf("byte %d of %s is gone without a word; damaged: %+v", i, e.File.Pod, damaged)
			}
		}
	}
	return delivered, damaged
}

// stride is how many bytes the tables below move on; -short, for the slow race detector, takes a prime.
func stride() int {
	if testing.Short() {
		return 17
	}
	return 1
}

// goesOn checks that after the damage a Block is appended under an Index that is new, and comes back behind the others.
func goesOn(t *testing.T, m *image, dir string, last Index) {
	t.Helper()
	l, _ := mustOpen(t, Options{Dir: dir})
	b := newWriter(1, 9).block(1, 0)
	if err := errors.Join(l.Append(b), l.Sync()); err != nil {
		t.Fatal(err)
	}
	if b.Index <= last {
		t.Fatalf("index %d is used again, %d was delivered", b.Index, last)
	}
	got, damaged := drain(t, l, last)
	if len(got) != 1 || len(damaged) != 0 {
		t.Fatalf("%d blocks and damage %+v behind %d", len(got), damaged, last)
	}
	same(t, got[0], b)
	mustClose(t, l)
	l, _ = mustOpen(t, Options{Dir: dir})
	got, damaged = drain(t, l, 0)
	if len(got) != int(last)+1 || len(damaged) != 0 {
		t.Fatalf("after another start: %d blocks and damage %+v, want %d", len(got), damaged, last+1)
	}
	same(t, got[last], b)
	mustClose(t, l)
}

// blockAt returns the Block that byte at of a Segment belongs to, or nil.
func (m *image) blockAt(name string, at int) *Block {
	for _, b := range m.blocks {
		if s := m.starts[b.Index]; m.segmentOf(b.Index) == name && int64(at) >= s[0] && int64(at) < s[1] {
			return b
		}
	}
	return nil
}

func (m *image) segmentOf(n Index) string {
	var in string
	for _, name := range m.names() {
		if name <= folderName(n) {
			in = name
		}
	}
	return in
}

// exactly fails unless damaged is the Records of b.
func exactly(t testing.TB, what string, b *Block, damaged []Damage) {
	t.Helper()
	if len(damaged) != len(b.Records) {
		t.Fatalf("%s: %d damages, want %d: %+v", what, len(damaged), len(b.Records), damaged)
	}
	for _, r := range b.Records {
		if !slices.ContainsFunc(damaged, func(d Damage) bool {
			return d.Index == b.Index && d.File != nil && d.File.ID == r.File.ID && d.File.Pod == r.File.Pod && d.Start == r.Start && d.End == r.End && d.Reason != ""
		}) {
			t.Fatalf("%s: [%d, %d) of %s is not in %+v", what, r.Start, r.End, r.File.Pod, damaged)
		}
	}
}

// account is that of image, for what a sim has written. A Record may arrive twice: when the Segment is lost that says which
// Blocks before it were given up.
func (s *sim) account(floor Index) {
	s.t.Helper()
	l, r, err := Open(Options{Dir: s.dir, Floor: floor})
	if err != nil {
		s.fatal("open: %v", err)
	}
	defer l.Close()
	got, damaged := drain(s.t, l, 0)
	held := map[FileID]map[Offset]string{}
	for _, f := range s.files {
		held[f.ID] = map[Offset]string{}
	}
	hold := func(f *File, start, end Offset, what string) {
		for i := start; i < end; i++ {
			if old := held[f.ID][i]; old != "" && (old == "damaged" || what == "damaged") {
				s.fatal("byte %d of %s: %s, and %s; damaged %+v", i, f.Pod, old, what, damaged)
			}
			held[f.ID][i] = what
		}
	}
	silent := false
	for _, d := range damaged {
		if d.File == nil {
			silent = true
		} else {
			hold(d.File, d.Start, d.End, "damaged")
		}
	}
	for _, b := range got {
		for i := range b.Records {
			s.check(&b.Records[i])
			hold(b.Records[i].File, b.Records[i].Start, b.Records[i].End, "delivered")
		}
	}
	for id, e := range r.Files {
		for i := e.Start; i < e.End; i++ {
			if held[id][i] == "" && !silent {
				s.fatal("byte %d of %s is gone without a word; damaged %+v", i, e.File.Pod, damaged)
			}
		}
	}
}
