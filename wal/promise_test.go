package wal

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestIndexIsAboveFloor(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "wal")
	l, _ := mustOpen(t, Options{Dir: dir, Acked: 41, Floor: 41})
	w := newWriter(1, 1)
	b := w.block(1, 0)
	mustAppend(t, l, b)
	if b.Index != 42 {
		t.Fatalf("index %d, want 42", b.Index)
	}
	mustClose(t, l)
	l, _ = mustOpen(t, Options{Dir: dir, Acked: 41, Floor: 60}) // Blocks 43 to 60 are gone
	b = w.block(1, 0)
	mustAppend(t, l, b)
	if b.Index != 61 {
		t.Fatalf("index %d, want 61", b.Index)
	}
}

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

// TestReleaseKeepsTheHead: the head stays, whatever is acknowledged, and so does what is not.
func TestReleaseKeepsTheHead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "wal")
	l, _ := mustOpen(t, Options{Dir: dir, SegmentSize: 2000})
	w := newWriter(2, 1)
	var want []*Block
	for range 20 {
		want = append(want, w.block(3, 0, 1))
		mustAppend(t, l, want[len(want)-1])
	}
	before := l.Stats()
	if err := l.Release(want[5].Index); err != nil {
		t.Fatal(err)
	}
	got, damaged := drain(t, l, want[5].Index)
	if len(damaged) > 0 {
		t.Fatalf("damaged %+v", damaged)
	}
	sameAll(t, got, want[6:])
	if l.Stats().Segments >= before.Segments {
		t.Fatal("nothing was removed")
	}
	if err := l.Release(l.Durable()); err != nil {
		t.Fatal(err)
	}
	after := l.Stats()
	if after.Segments != 1 || len(segmentFiles(t, dir)) != 1 || after.Bytes >= before.Bytes || !after.OldestBlock.IsZero() {
		t.Fatalf("before %+v, after %+v", before, after)
	}
	b := w.block(3, 0, 1)
	mustAppend(t, l, b)
	got, _ = drain(t, l, after.Durable)
	sameAll(t, got, []*Block{b})
}

// TestFullOfAcknowledgedBlocksFreesItself: when the head is all there is and all of it is acknowledged, no Release comes.
func TestFullOfAcknowledgedBlocksFreesItself(t *testing.T) {
	l, _ := mustOpen(t, Options{Dir: filepath.Join(t.TempDir(), "wal"), MaxSize: 8000})
	w := newWriter(1, 1)
	full := 0
	for range 200 {
		err := errors.Join(l.Append(w.block(3, 0)), l.Sync())
		if errors.Is(err, ErrFull) {
			full++
		} else if err != nil {
			t.Fatal(err)
		} else if err := l.Release(l.Durable()); err != nil {
			t.Fatal(err)
		}
	}
	if full == 0 || full > 100 {
		t.Fatalf("full %d times", full)
	}
}

// TestFullUntilReleased: ErrFull changes nothing, the limit holds on the disk, and a Release is always enough.
func TestFullUntilReleased(t *testing.T) {
	const limit = 20000
	dir := filepath.Join(t.TempDir(), "wal")
	l, _ := mustOpen(t, Options{Dir: dir, MaxSize: limit}) // the head is all there is
	w := newWriter(2, 1)
	var want []*Block
	var after Index
	for range 5 {
		for {
			b := w.block(3, 0, 1)
			err := l.Append(b)
			if errors.Is(err, ErrFull) {
				if b.Index != 0 {
					t.Fatal("a Block that was refused has an Index")
				}
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, b)
		}
		if err := l.Sync(); err != nil {
			t.Fatal(err)
		}
		var bytes int64
		for _, f := range segmentFiles(t, dir) {
			bytes += int64(len(readFile(t, f)))
		}
		if s := l.Stats(); bytes > limit || bytes < limit/2 || s.Bytes != bytes {
			t.Fatalf("%d bytes on disk, %d counted, the limit is %d", bytes, s.Bytes, limit)
		}
		got, _ := drain(t, l, after)
		sameAll(t, got, want)
		after, want = got[len(got)-1].Index, nil
		if err := l.Release(after); err != nil {
			t.Fatal(err)
		}
	}
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

func TestFilesArePrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data", "wal")
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	l, _ := mustOpen(t, Options{Dir: dir})
	mustAppend(t, l, newWriter(1, 1).block(1, 0))
	for path, want := range map[string]os.FileMode{
		filepath.Dir(dir):                 os.ModeDir | 0o700,
		dir:                               os.ModeDir | 0o700,
		filepath.Join(dir, folderName(1)): os.ModeDir | 0o700,
		filepath.Join(dir, folderName(1), folderName(1)): 0o600,
	} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v %v, want %v", path, info.Mode(), err, want)
		}
	}
}

// TestEmptyFolderIsHarmless: a kill may come between mkdir and the first write.
func TestEmptyFolderIsHarmless(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "wal")
	l, _ := mustOpen(t, Options{Dir: dir})
	w := newWriter(1, 1)
	b := w.block(1, 0)
	mustAppend(t, l, b)
	mustClose(t, l)
	os.Mkdir(filepath.Join(dir, folderName(9)), 0o700)
	writeFile(t, filepath.Join(dir, folderName(12), folderName(12)), nil)
	writeFile(t, filepath.Join(dir, "somebody's file"), []byte("x"))
	l, r := mustOpen(t, Options{Dir: dir})
	if r.Last != b.Index || r.Segments != 1 || len(r.Damaged) > 0 {
		t.Fatalf("%+v", r)
	}
	next := w.block(1, 0)
	mustAppend(t, l, next)
	got, _ := drain(t, l, 0)
	sameAll(t, got, []*Block{b, next})
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
	r, err := OpenReadOnly(dir)
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

// TestOldestBlockIsTheFirstUnreleased follows Stats.OldestBlock through a Delivery.
func TestOldestBlockIsTheFirstUnreleased(t *testing.T) {
	l, _ := mustOpen(t, Options{Dir: filepath.Join(t.TempDir(), "wal")})
	w := newWriter(1, 1)
	var times []time.Time
	oldest := func(want time.Time) {
		t.Helper()
		if got := l.Stats().OldestBlock; !got.Equal(want) {
			t.Fatalf("oldest is %v, want %v", got, want)
		}
	}
	oldest(time.Time{})
	for range 4 {
		b := w.block(1, 0)
		mustAppend(t, l, b)
		times = append(times, b.Time)
	}
	oldest(times[0])
	var b Block
	for i := range 3 {
		if err := l.Next(Index(i), &b); err != nil {
			t.Fatal(err)
		}
	}
	oldest(times[0])
	l.Release(1)
	oldest(times[1])
	l.Release(3)
	oldest(times[2]) // the fourth was not handed out: it is no older than that
	if err := l.Next(3, &b); err != nil {
		t.Fatal(err)
	}
	oldest(times[3])
	l.Release(4)
	oldest(time.Time{})
}

// TestNewDescriptionIsWrittenAgain: what was learnt of a File holds for the Records behind, and only for them.
func TestNewDescriptionIsWrittenAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "wal")
	l, _ := mustOpen(t, Options{Dir: dir})
	w := newWriter(1, 1)
	old := w.files[0]
	mustAppend(t, l, w.block(1, 0))
	learnt := *old
	learnt.Labels = map[string]string{"tier": "web"}
	w.files[0] = &learnt
	mustAppend(t, l, w.block(1, 0), w.block(1, 0))
	mustClose(t, l)
	l, r := mustOpen(t, Options{Dir: dir})
	got, _ := drain(t, l, 0)
	if got[0].Records[0].File.Labels["app"] != "cart" || got[1].Records[0].File.Labels["tier"] != "web" {
		t.Fatalf("%+v, %+v", got[0].Records[0].File, got[1].Records[0].File)
	}
	if got[1].Records[0].File != got[2].Records[0].File || r.Files[old.ID].File.Labels["tier"] != "web" || r.Files[old.ID].Start != 0 {
		t.Fatalf("%+v", r.Files)
	}
}

// TestRecordKeepsItsMarks covers the fields that plain Records leave empty.
func TestRecordKeepsItsMarks(t *testing.T) {
	l, _ := mustOpen(t, Options{Dir: filepath.Join(t.TempDir(), "wal")})
	w := newWriter(2, 1)
	b := w.block(1, 0, 1)
	b.Records[0].Parts, b.Records[0].Chained = [2]uint16{65535, 3}, true
	b.Records[1].Cut, b.Records[1].Note = true, "refused: mapper_parsing_exception"
	mustAppend(t, l, b)
	got, _ := drain(t, l, 0)
	sameAll(t, got, []*Block{b})
}

// TestLabelsBeyondMeasureAreLeftOut: a pod with half a megabyte of labels must not stop the others.
func TestLabelsBeyondMeasureAreLeftOut(t *testing.T) {
	l, _ := mustOpen(t, Options{Dir: filepath.Join(t.TempDir(), "wal")})
	w := newWriter(2, 1)
	w.files[0].Labels = map[string]string{}
	for i := range 10000 {
		w.files[0].Labels[fmt.Sprint("example.com/label-", i)] = "a value of a few dozen bytes, as they are"
	}
	mustAppend(t, l, w.block(1, 0, 1))
	got, _ := drain(t, l, 0)
	if f := got[0].Records[0].File; len(f.Labels) > 0 || f.Pod != w.files[0].Pod || len(got[0].Records[1].File.Labels) == 0 {
		t.Fatalf("%+v", f)
	}
}

// TestTooManyDescriptionsAreRefused: and what was appended before is as durable as an fsync makes it.
func TestTooManyDescriptionsAreRefused(t *testing.T) {
	l, _ := mustOpen(t, Options{Dir: filepath.Join(t.TempDir(), "wal")})
	w := newWriter(200, 1)
	good, bad, next := w.block(1, 0), new(Block), w.block(1, 1)
	for i := 2; i < 200; i++ {
		w.files[i].Path = strings.Repeat("x", 50000)
		w.put(bad, i, []byte("x\n"))
	}
	mustAppend(t, l, good)
	if err := l.Append(bad); !errors.Is(err, ErrTooLarge) {
		t.Fatal(err)
	}
	mustAppend(t, l, next)
	got, damaged := drain(t, l, 0)
	if len(damaged) > 0 {
		t.Fatal(damaged)
	}
	sameAll(t, got, []*Block{good, next})
}

func TestNothingUnpacksBeyondItsPromise(t *testing.T) {
	p, err := newPacker()
	if err != nil {
		t.Fatal(err)
	}
	u, err := newUnpacker()
	if err != nil {
		t.Fatal(err)
	}
	text := bytes.Repeat([]byte("a line of text\n"), 10000)
	packed, codec := p.pack(nil, text)
	for _, size := range []int{0, 100, len(text) - 1, len(text) + 1} {
		dst := make([]byte, 2*len(text))
		if _, err := u.unpack(dst, packed, codec, size); !errors.Is(err, errUnpack) {
			t.Errorf("%d bytes: %v", size, err)
		}
		if bytes.ContainsFunc(dst[min(size, len(text)):], func(r rune) bool { return r != 0 }) {
			t.Errorf("%d bytes were promised, and more were written", size)
		}
	}
	if got, err := u.unpack(nil, packed, codec, len(text)); err != nil || !bytes.Equal(got, text) {
		t.Error(err)
	}
}

func TestLargestBlockFits(t *testing.T) {
	l, _ := mustOpen(t, Options{Dir: filepath.Join(t.TempDir(), "wal")})
	w := newWriter(3, 1)
	b := new(Block)
	noise := make([]byte, MaxText)
	for i := range noise {
		noise[i] = byte(w.rand.Uint32())
	}
	w.put(b, 0, noise[:TargetText-(MaxRecords-2)])
	for range MaxRecords - 2 {
		w.put(b, 1, noise[:1])
	}
	w.put(b, 2, noise)
	mustAppend(t, l, b)
	got, _ := drain(t, l, 0)
	sameAll(t, got, []*Block{b})
}

func TestWrongBlocksPanic(t *testing.T) {
	l, _ := mustOpen(t, Options{Dir: filepath.Join(t.TempDir(), "wal")})
	for name, spoil := range map[string]func(b *Block){
		"no records":   func(b *Block) { b.Records = nil },
		"empty record": func(b *Block) { b.Records[0].End = b.Records[0].Start },
		"no file":      func(b *Block) { b.Records[0].File = nil },
		"short text":   func(b *Block) { b.Text = b.Text[1:] },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Fatal("was appended")
				}
			}()
			b := newWriter(1, 1).block(1, 0)
			spoil(b)
			l.Append(b)
		})
	}
}

// TestTwoLoops runs Intake and Delivery side by side, for the race detector above all.
func TestTwoLoops(t *testing.T) {
	l, _ := mustOpen(t, Options{Dir: filepath.Join(memoryDir(t), "wal"), SegmentSize: 10 << 10, MaxSize: 60 << 10})
	const blocks = 500
	var want []*Block
	w := newWriter(4, 1)
	for i := range blocks {
		want = append(want, w.block(5, i%4, (i+1)%4))
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; i < blocks; {
			switch err := l.Append(want[i]); {
			case err == nil:
				i++
			case errors.Is(err, ErrFull):
				runtime.Gosched()
			default:
				t.Error(err)
				return
			}
			if err := l.Sync(); err != nil {
				t.Error(err)
			}
			l.Stats()
		}
	})
	var b Block
	var after Index
	for i := 0; i < blocks; {
		err := l.Next(after, &b)
		if errors.Is(err, ErrNone) {
			<-l.Grown()
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b.Text, want[i].Text) {
			t.Fatalf("block %d is not the %dth", b.Index, i)
		}
		after = b.Index
		i++
		if i%7 == 0 || l.Stats().Bytes > 40<<10 {
			l.Release(after)
		}
	}
	wg.Wait()
}
