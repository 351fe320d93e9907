package wal

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	tidwall "github.com/tidwall/wal"
	"golang.org/x/sys/unix"
)

// openSim opens a WAL on a recording disk.
func openSim(t testing.TB, o Options) (*Log, *simDisk) {
	t.Helper()
	d := newSimDisk(rand.New(rand.NewPCG(7, 7)))
	o.Dir = filepath.Join(memoryDir(t), "data", "wal")
	l, _, err := open(o, d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l, d
}

func TestAppendIsDurableOnlyAfterFileAndFolders(t *testing.T) {
	l, d := openSim(t, Options{})
	if want := []string{"mkdir data", "syncdir " + filepath.Base(filepath.Dir(filepath.Dir(l.shelf.dir))), "mkdir wal", "syncdir data", "syncdir data"}; !slices.Equal(d.ops, want) {
		t.Fatalf("Open did %v, want %v", d.ops, want)
	}
	w := newWriter(1, 1)
	for i, want := range []string{
		"mkdir 1, create 1, open 1, write 1, sync 1, syncdir 1, syncdir wal",
		"write 1, sync 1",
	} {
		d.ops = nil
		b := w.block(1, 0)
		if err := l.Append(b); err != nil {
			t.Fatal(err)
		}
		d.fail = func(op string) error {
			if strings.HasPrefix(op, "sync") && l.Durable() != Index(i) {
				t.Errorf("durable grew to %d before %s", l.Durable(), op)
			}
			return nil
		}
		if err := l.Sync(); err != nil {
			t.Fatal(err)
		}
		d.fail = nil
		if l.Durable() != b.Index {
			t.Fatalf("durable is %d after the sync of %d", l.Durable(), b.Index)
		}
		if got := strings.ReplaceAll(strings.Join(d.ops, ", "), "0000000000000000000", ""); got != want {
			t.Fatalf("did %q, want %q", got, want)
		}
	}
}

func TestNothingIsGivenOutBeforeItIsDurable(t *testing.T) {
	l, _ := openSim(t, Options{})
	w := newWriter(1, 1)
	b := w.block(1, 0)
	if err := l.Append(b); err != nil {
		t.Fatal(err)
	}
	if err := l.Next(0, new(Block)); !errors.Is(err, ErrNone) {
		t.Fatalf("Next before Sync: %v", err)
	}
	select {
	case <-l.Grown():
		t.Fatal("Grown before Sync")
	default:
	}
	if err := l.Sync(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-l.Grown():
	default:
		t.Fatal("no Grown after Sync")
	}
	got, _ := drain(t, l, 0)
	sameAll(t, got, []*Block{b})
}

// TestUnsealedSegmentIsSyncedBeforeItIsTrusted: a SIGKILL leaves Blocks that only the page cache has.
func TestUnsealedSegmentIsSyncedBeforeItIsTrusted(t *testing.T) {
	l, d := openSim(t, Options{})
	w := newWriter(1, 1)
	mustAppend(t, l, w.block(1, 0))
	b := w.block(1, 0)
	if err := l.Append(b); err != nil {
		t.Fatal(err)
	}
	d.ops = nil
	next, r, err := open(Options{Dir: l.shelf.dir}, d)
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	if r.Last != b.Index {
		t.Fatalf("last is %d, want %d", r.Last, b.Index)
	}
	name := folderName(1)
	if want := []string{"syncdir data", "settle " + name, "syncdir " + name, "syncdir wal"}; !slices.Equal(d.ops, want) {
		t.Fatalf("Open did %v, want %v", d.ops, want)
	}
	d.fail = func(op string) error {
		if op == "settle" {
			return syscall.EIO
		}
		return nil
	}
	if _, _, err := open(Options{Dir: l.shelf.dir}, d); !errors.Is(err, syscall.EIO) {
		t.Fatalf("Open trusts what it can't fsync: %v", err)
	}
}

// TestEachFailureGivesUpAndLosesNothing fails the nth operation, for each n and kind of error, while Blocks are appended.
func TestEachFailureGivesUpAndLosesNothing(t *testing.T) {
	for n := 0; ; n++ {
		l, d := openSim(t, Options{SegmentSize: 1500})
		count, hit := 0, ""
		d.fail = func(op string) error {
			if count++; count-1 != n {
				return nil
			}
			hit = op
			return syscall.EIO
		}
		w := newWriter(2, 1)
		var want []*Block
		for range 12 {
			want = append(want, w.block(3, 0, 1))
		}
		for next := 0; next < len(want) || l.Durable() < want[len(want)-1].Index; {
			var err error
			if next < len(want) {
				err = l.Append(want[next])
				next++
			}
			if err == nil && next%2 == 0 {
				err = l.Sync()
			}
			if err == nil {
				continue
			}
			if !errors.Is(err, ErrGivenUp) || !errors.Is(err, syscall.EIO) {
				t.Fatalf("%s failed: %v", hit, err)
			}
			for next > 0 && (want[next-1].Index == 0 || want[next-1].Index > l.Durable()) {
				next--
				want[next].Index = 0
			}
		}
		got, damaged := drain(t, l, 0)
		if len(damaged) > 0 {
			t.Fatalf("%s failed: damaged %+v", hit, damaged)
		}
		sameAll(t, got, want)
		if s := l.Stats(); hit != "" && (s.Failures != 1 || s.LastError == "") {
			t.Fatalf("stats after a failed %s: %+v", hit, s)
		}
		d.fail = nil
		mustClose(t, l)
		l, r, err := open(Options{Dir: l.shelf.dir}, d)
		if err != nil || len(r.Damaged) > 0 {
			t.Fatalf("%s failed: %v %+v", hit, err, r)
		}
		got, _ = drain(t, l, 0)
		sameAll(t, got, want)
		l.Close()
		if hit == "" {
			if n < 30 {
				t.Fatalf("only %d operations failed", n)
			}
			return
		}
	}
}

// TestGivenUpBlocksAreNotGivenOutAgain: even when they can't be cut off, the next Segment's Prev says that they don't
// count; the same for a Segment that was given up behind its summary.
func TestGivenUpBlocksAreNotGivenOutAgain(t *testing.T) {
	for name, c := range map[string]struct{ cut, sealing bool }{
		"cut off": {true, false}, "left there": {false, false}, "sealed, cut off": {true, true}, "sealed": {false, true},
	} {
		t.Run(name, func(t *testing.T) {
			l, d := openSim(t, Options{})
			w := newWriter(1, 1)
			first, second, again := w.block(1, 0), w.block(1, 0), w.block(1, 0)
			mustAppend(t, l, first)
			file := segmentFiles(t, l.shelf.dir)[0]
			good := readFile(t, file)
			if err := l.Append(second); err != nil {
				t.Fatal(err)
			}
			d.fail = func(op string) error {
				if op == "sync" || op == "truncate" && !c.cut {
					return syscall.EIO
				}
				return nil
			}
			err := l.Sync
			if c.sealing {
				err = l.seal
			}
			if err := err(); !errors.Is(err, ErrGivenUp) {
				t.Fatal(err)
			}
			d.fail = nil
			if left := readFile(t, file); c.cut != (len(left) == len(good)) {
				t.Fatalf("%d bytes are left, %d are durable", len(left), len(good))
			}
			again.Records, again.Text = second.Records, second.Text
			mustAppend(t, l, again)
			if again.Index <= second.Index {
				t.Fatalf("index %d after %d was given up", again.Index, second.Index)
			}
			for range 2 {
				got, damaged := drain(t, l, 0)
				if len(damaged) > 0 {
					t.Fatalf("damaged: %+v", damaged)
				}
				sameAll(t, got, []*Block{first, again})
				l.Close()
				var err error
				if l, _, err = open(Options{Dir: l.shelf.dir}, d); err != nil {
					t.Fatal(err)
				}
			}
			l.Close()
		})
	}
}

// TestGivingUpLeavesNothingOpen: tidwall keeps its file open when the fsync of its Close fails.
func TestGivingUpLeavesNothingOpen(t *testing.T) {
	l, d := openSim(t, Options{})
	if err := l.Append(newWriter(1, 1).block(1, 0)); err != nil {
		t.Fatal(err)
	}
	fails := 2
	d.fail = func(op string) error {
		if op != "sync" || fails == 0 {
			return nil
		}
		fails--
		return syscall.EIO
	}
	file := d.files[folderName(1)].real
	if err := l.Sync(); !errors.Is(err, ErrGivenUp) {
		t.Fatal(err)
	}
	if err := file.Sync(); !errors.Is(err, tidwall.ErrClosed) {
		t.Fatalf("the file is still open: %v", err)
	}
	if files := segmentFiles(t, l.shelf.dir); len(files) > 0 || l.Stats().Segments > 0 || l.Stats().Bytes > 0 {
		t.Fatalf("nothing of it was durable, and it is there: %v, %+v", files, l.Stats())
	}
}

// TestSealWithoutFsyncVouchesForNothing: a power cut may keep a summary and lose a page of the Blocks before it. Nobody was
// promised those, so they are read again, and are no damage.
func TestSealWithoutFsyncVouchesForNothing(t *testing.T) {
	l, d := openSim(t, Options{})
	w := newWriter(1, 1)
	blocks := []*Block{w.block(1, 0), w.block(1, 0), w.block(1, 0)}
	for _, b := range blocks {
		if err := l.Append(b); err != nil {
			t.Fatal(err)
		}
	}
	size := l.head.size
	mustClose(t, l)
	file := segmentFiles(t, l.shelf.dir)[0]
	p := readFile(t, file)
	p[size/2]++ // in the second one
	writeFile(t, file, p)
	l, r, err := open(Options{Dir: l.shelf.dir}, d)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got, damaged := drain(t, l, 0)
	if e := r.Files[w.files[0].ID]; len(damaged)+len(r.Damaged) > 0 || e.End != blocks[0].Records[0].End {
		t.Fatalf("read up to %d, damaged %+v %+v", e.End, r.Damaged, damaged)
	}
	sameAll(t, got, blocks[:1])
}

func TestEveryErrorSaysWhatFailed(t *testing.T) {
	l, d := openSim(t, Options{})
	d.fail = func(op string) error {
		if op == "mkdir" {
			return fmt.Errorf("mkdir: %w", syscall.ENOSPC)
		}
		return nil
	}
	err := l.Append(newWriter(1, 1).block(1, 0))
	if !errors.Is(err, ErrGivenUp) || !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "create segment 1") {
		t.Fatal(err)
	}
}

// TestSettleForgetsThePageCache: after a failed fsync the page cache shows what the disk does not have.
func TestSettleForgetsThePageCache(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	writeFile(t, path, make([]byte, 16*page))
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err != nil || fs.Type == unix.TMPFS_MAGIC || fs.Type == unix.OVERLAYFS_SUPER_MAGIC {
		t.Skip("needs a file system on a disk")
	}
	if err := (realDisk{}).Settle(path); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p, err := unix.Mmap(int(f.Fd()), 0, 16*page, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(p)
	var in [16]byte
	if _, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&p[0])), 16*page, uintptr(unsafe.Pointer(&in[0]))); errno != 0 {
		t.Fatal(errno)
	}
	if bytes.ContainsFunc(in[:], func(r rune) bool { return r != 0 }) {
		t.Fatalf("still in memory: %v", in)
	}
}
