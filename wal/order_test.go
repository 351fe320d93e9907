package wal

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// openSim opens a WAL on a recording disk.
func openSim(t testing.TB, o Options) (*Log, *simDisk) {
	t.Helper()
	d := newSimDisk(rand.New(rand.NewPCG(7, 7)))
	o.Dir = filepath.Join(memoryDir(t), "data", "wal")
	l, _, err := open(o, d, realAccess)
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
	next, r, err := open(Options{Dir: l.shelf.dir}, d, realAccess)
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
	if _, _, err := open(Options{Dir: l.shelf.dir}, d, realAccess); !errors.Is(err, syscall.EIO) {
		t.Fatalf("Open trusts what it can't fsync: %v", err)
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
	l, r, err := open(Options{Dir: l.shelf.dir}, d, realAccess)
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

// TestSettleForgetsThePageCache: after a failed fsync the page cache shows what the disk does not have.
func TestSettleForgetsThePageCache(t *testing.T) {
	path := filepath.Join(diskDir(t), "file")
	writeFile(t, path, make([]byte, 16*page))
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

// diskDir is a folder on a disk, since a file in memory is nowhere but in the cache: where temporary files are made, or else
// beside the sources.
func diskDir(t *testing.T) string {
	t.Helper()
	inMemory := func(dir string) bool {
		var fs unix.Statfs_t
		if err := unix.Statfs(dir, &fs); err != nil {
			t.Fatal(err)
		}
		return fs.Type == unix.TMPFS_MAGIC || fs.Type == unix.RAMFS_MAGIC
	}
	dir := t.TempDir()
	if !inMemory(dir) {
		return dir
	}
	dir, err := os.MkdirTemp(".", ".disk-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if inMemory(dir) {
		t.Fatal("temporary files and the sources are all in memory: TMPDIR must name a folder on a disk")
	}
	return dir
}
