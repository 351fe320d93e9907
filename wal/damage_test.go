package wal

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
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

// TestTornTailKeepsWhatIsWhole damages an unsealed Segment from each of its bytes on.
func TestTornTailKeepsWhatIsWhole(t *testing.T) {
	m := newImage(t, 4, 1<<20, false)
	name := m.names()[0]
	whole := m.files[name]
	r := rand.New(rand.NewPCG(1, 1))
	damage := map[string]func(p []byte, at int) []byte{
		"cut":   func(p []byte, at int) []byte { return p[:at] },
		"zeros": func(p []byte, at int) []byte { clear(p[at:]); return p },
		"noise": func(p []byte, at int) []byte {
			for i := at; i < len(p); i++ {
				p[i] = byte(r.Uint32())
			}
			return p
		},
	}
	dir := filepath.Join(memoryDir(t), "wal")
	for kind, change := range damage {
		for at := 0; at <= len(whole); at += stride() {
			m.write(t, dir, map[string][]byte{name: change(slices.Clone(whole), at)})
			delivered, damaged := m.account(t, dir, Options{})
			if len(damaged) > 0 {
				t.Fatalf("%s at %d: a torn tail is called damage: %+v", kind, at, damaged)
			}
			for n, s := range m.starts {
				if (s[1] <= int64(at)) != delivered[n] && kind != "zeros" {
					t.Fatalf("%s at %d: block %d, which ends at %d, delivered: %v", kind, at, n, s[1], delivered[n])
				}
				if s[1] <= int64(at) && !delivered[n] {
					t.Fatalf("%s at %d: block %d, which ends at %d, is gone", kind, at, n, s[1])
				}
			}
			if at%11 == 0 {
				goesOn(t, m, dir, Index(len(delivered)))
			}
		}
	}
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

// TestDamagedBlockIsNamedExactly flips each byte of a sealed Segment that others follow.
func TestDamagedBlockIsNamedExactly(t *testing.T) {
	m := newImage(t, 14, 2000, true)
	names := m.names()
	if len(names) < 3 {
		t.Fatal("want 3 segments or more")
	}
	dir := filepath.Join(memoryDir(t), "wal")
	for _, name := range names[:2] {
		whole := m.files[name]
		m.write(t, dir, nil)
		for at := 0; at < len(whole); at += stride() {
			p := slices.Clone(whole)
			p[at] ^= 0x41
			writeFile(t, filepath.Join(dir, name, name), p)
			delivered, damaged := m.account(t, dir, Options{})
			hit := m.blockAt(name, at)
			if len(damaged) == 0 { // only bytes that nothing depends on: tidwall's lengths, the summary
				if len(delivered) != len(m.blocks) {
					t.Fatalf("%s byte %d: %d blocks delivered and no damage", name, at, len(delivered))
				}
				if hit != nil && int64(at) >= m.starts[hit.Index][0]+2 {
					t.Fatalf("%s byte %d of block %d was changed, and nobody cared", name, at, hit.Index)
				}
				continue
			}
			if hit == nil || len(delivered) != len(m.blocks)-1 || delivered[hit.Index] {
				t.Fatalf("%s byte %d: delivered %v", name, at, delivered)
			}
			exactly(t, fmt.Sprintf("%s byte %d", name, at), hit, damaged)
		}
	}
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

// TestDamageBeforeTheDurableMarkIsNamed flips bytes of a Segment that a kill left unsealed: the Blocks behind vouch for
// what was durable before them.
func TestDamageBeforeTheDurableMarkIsNamed(t *testing.T) {
	m := newImage(t, 8, 1<<20, false)
	name := m.names()[0]
	dir := filepath.Join(memoryDir(t), "wal")
	for at := 0; at < int(m.starts[5][1]); at += stride() { // each File has Records behind
		p := slices.Clone(m.files[name])
		p[at] ^= 0x41
		m.write(t, dir, map[string][]byte{name: p})
		delivered, damaged := m.account(t, dir, Options{})
		if len(damaged) == 0 {
			continue
		}
		hit := m.blockAt(name, at)
		if len(delivered) != len(m.blocks)-1 || delivered[hit.Index] {
			t.Fatalf("byte %d: delivered %v", at, delivered)
		}
		exactly(t, fmt.Sprintf("byte %d", at), hit, damaged)
	}
}

// TestDamageAddsUp breaks a WAL at random: bytes, ranges, ends, whole Segments.
func TestDamageAddsUp(t *testing.T) {
	m := newImage(t, 30, 2500, true)
	unsealed := newImage(t, 30, 2500, false)
	dir := filepath.Join(memoryDir(t), "wal")
	for seed := range 3000 / (4 + stride()) {
		r := rand.New(rand.NewPCG(uint64(seed), 4))
		m := m
		if seed%2 == 0 {
			m = unsealed
		}
		names := m.names()
		change := map[string][]byte{}
		for range 1 + r.IntN(3) {
			name := names[r.IntN(len(names))]
			p := slices.Clone(m.files[name])
			at := r.IntN(len(p))
			switch r.IntN(5) {
			case 0:
				p[at] ^= 1 << r.IntN(8)
			case 1:
				clear(p[at:min(len(p), at+r.IntN(2000))])
			case 2:
				p = p[:at]
			case 3:
				copy(p[at:], p[r.IntN(len(p)):])
			default:
				p = nil
			}
			change[name] = p
		}
		m.write(t, dir, change)
		o := Options{}
		if r.IntN(2) == 0 {
			o.Floor = m.blocks[len(m.blocks)-1].Index
		}
		t.Logf("seed %d", seed)
		m.account(t, dir, o)
	}
}

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

// TestDamageAfterCrashesAddsUp breaks WALs that have seen kills, power cuts and failing disks.
func TestDamageAfterCrashesAddsUp(t *testing.T) {
	for seed := range *runs {
		s := newSim(t, uint64(seed))
		s.open()
		for range 150 {
			switch n := s.rand.IntN(100); {
			case n < 60:
				s.append()
			case n < 85:
				s.settled(s.log.Sync())
			case n < 90:
				s.restart("kill", s.disk.release)
			case n < 94:
				s.restart("cut", func() { s.disk.cut(t, s.dir) })
			default:
				s.disk.fail = injecting(s.rand, 1+s.rand.IntN(6), 1+s.rand.IntN(4))
			}
		}
		s.disk.fail = nil
		s.settled(s.log.Sync())
		floor := s.log.Durable()
		s.log.Close()
		for range 1 + s.rand.IntN(3) {
			names := segmentFiles(t, s.dir)
			name := names[s.rand.IntN(len(names))]
			p := readFile(t, name)
			if len(p) == 0 {
				continue
			}
			at := s.rand.IntN(len(p))
			switch s.rand.IntN(4) {
			case 0:
				p[at] ^= 1 << s.rand.IntN(8)
			case 1:
				clear(p[at:min(len(p), at+s.rand.IntN(2000))])
			case 2:
				p = p[:at]
			default:
				os.RemoveAll(filepath.Dir(name))
				continue
			}
			writeFile(t, name, p)
		}
		s.account(Index(s.rand.IntN(2)) * floor)
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
