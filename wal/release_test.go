package wal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
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
