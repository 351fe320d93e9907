package cutfs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestAnUnlinkedFileLivesWhileOpen(t *testing.T) {
	fs, dir := mount(t, Options{})
	f := create(t, filepath.Join(dir, "a"), "text")
	defer f.Close()
	if err := os.Remove(f.Name()); err != nil {
		t.Fatal(err)
	}
	used := usedBytes(fs)
	got, err := io.ReadAll(f)
	if err != nil || string(got) != "text" {
		t.Errorf("read %q, %v", got, err)
	}
	f.Close()
	waitFor(t, func() bool { return usedBytes(fs) < used })
}

func usedBytes(f *FS) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.vol.used
}

// waitFor waits for what the kernel does when it likes to, such as telling that a file was closed.
func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited a minute in vain")
		}
	}
}

func create(t *testing.T, p, text string) *os.File {
	t.Helper()
	f, err := os.Create(p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte(text), 0); err != nil {
		t.Fatal(err)
	}
	return f
}

// TestInodeNumbersStay checks that a file keeps its number and its birth time across renames and cuts, and that a number
// is used again once its file is gone from the disk.
func TestInodeNumbersStay(t *testing.T) {
	f, dir := mount(t, Options{})
	a := filepath.Join(dir, "a")
	create(t, a, "x").Close()
	before := statx(t, a)
	if before.Btime.Sec == 0 {
		t.Error("no birth time")
	}
	b := filepath.Join(dir, "b")
	if err := os.Rename(a, b); err != nil {
		t.Fatal(err)
	}
	restart(t, f)
	after := statx(t, b)
	if after.Ino != before.Ino || after.Btime != before.Btime {
		t.Errorf("inode %d born %v was %d born %v", after.Ino, after.Btime, before.Ino, before.Btime)
	}
	if err := errors.Join(os.Remove(b), f.Sync()); err != nil {
		t.Fatal(err)
	}
	create(t, a, "y").Close()
	if now := statx(t, a); now.Ino != before.Ino || now.Btime == before.Btime {
		t.Errorf("the next file is inode %d born %v, was %d born %v", now.Ino, now.Btime, before.Ino, before.Btime)
	}
}

// restart makes all durable, cuts the power and brings it back.
func restart(t *testing.T, f *FS) {
	t.Helper()
	if err := errors.Join(f.Sync(), f.Cut(1), f.Restart()); err != nil {
		t.Fatal(err)
	}
}

func statx(t *testing.T, p string) (st unix.Statx_t) {
	t.Helper()
	if err := unix.Statx(unix.AT_FDCWD, p, 0, unix.STATX_BASIC_STATS|unix.STATX_BTIME, &st); err != nil {
		t.Fatal(err)
	}
	return st
}

func TestNothingWorksWithoutPower(t *testing.T) {
	f, dir := mount(t, Options{})
	a := filepath.Join(dir, "a")
	h := create(t, a, "text")
	defer h.Close()
	if _, err := os.ReadFile(a); err != nil { // now it is in the page cache
		t.Fatal(err)
	}
	if err := errors.Join(f.Sync(), f.Restart()); !errors.Is(err, ErrOn) {
		t.Fatalf("Restart with power: %v", err)
	}
	if err := f.Cut(1); err != nil {
		t.Fatal(err)
	}
	<-f.Off()
	for what, call := range map[string]func() error{
		"read":   func() error { _, err := h.ReadAt(make([]byte, 4), 0); return err },
		"write":  func() error { _, err := h.WriteAt([]byte("x"), 0); return err },
		"fsync":  h.Sync,
		"stat":   func() error { _, err := os.Stat(a); return err },
		"open":   func() error { _, err := os.Open(a); return err },
		"create": func() error { _, err := os.Create(a + "b"); return err },
		"list":   func() error { _, err := os.ReadDir(dir); return err },
	} {
		if err := call(); !errors.Is(err, syscall.EIO) {
			t.Errorf("%s says %v, want EIO", what, err)
		}
	}
	if err := errors.Join(f.Cut(2)); !errors.Is(err, ErrOff) {
		t.Errorf("a second cut: %v", err)
	}
	if err := f.Restart(); err != nil {
		t.Fatal(err)
	}
	if _, err := h.ReadAt(make([]byte, 4), 0); err == nil {
		t.Error("a handle from before the cut can be read after it")
	}
	if got, err := os.ReadFile(a); err != nil || string(got) != "text" {
		t.Errorf("after the cut: %q, %v", got, err)
	}
}

func TestAFullVolumeSaysSo(t *testing.T) {
	f, dir := mount(t, Options{Capacity: 1 << 20})
	h := create(t, filepath.Join(dir, "a"), "x")
	defer h.Close()
	if n, err := syscall.Pwrite(int(h.Fd()), make([]byte, 1<<20), 0); n != 1<<20-blockSize || err != nil {
		t.Errorf("the write that fills it: %d bytes, %v", n, err)
	}
	if n, err := syscall.Pwrite(int(h.Fd()), []byte("x"), 1<<20-blockSize); err != syscall.ENOSPC {
		t.Errorf("the next write: %d bytes, %v", n, err)
	}
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil || st.Bavail != 0 || st.Blocks != 256 {
		t.Errorf("statfs: %d of %d blocks, %v", st.Bavail, st.Blocks, err)
	}
	if err := os.Mkdir(filepath.Join(dir, "d"), 0o755); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("mkdir: %v", err)
	}
	f.SetCapacity(2 << 20)
	if err := os.Mkdir(filepath.Join(dir, "d"), 0o755); err != nil {
		t.Errorf("mkdir with space: %v", err)
	}
}

func TestRulesHitWhatTheyAreFor(t *testing.T) {
	f, dir := mount(t, Options{})
	a := create(t, filepath.Join(dir, "a"), "")
	b := create(t, filepath.Join(dir, "b.db"), "")
	defer a.Close()
	defer b.Close()
	write := func(h *os.File) string {
		n, err := h.WriteAt([]byte("1234"), 0)
		return fmt.Sprint(n, errno(err))
	}
	lift := f.Inject(Rule{Op: Write, Path: "*.db", Skip: 1, Times: 2, Err: syscall.EIO})
	got := []string{write(b), write(b), write(a), write(b), write(b)}
	if want := []string{"4 errno 0", "0 input/output error", "4 errno 0", "0 input/output error", "4 errno 0"}; !slices.Equal(got, want) {
		t.Errorf("the 2nd and 3rd write to *.db fail: %q", got)
	}
	lift()
	lift = f.Inject(Rule{Op: Write, Short: true, Times: 1})
	if n, err := syscall.Pwrite(int(a.Fd()), []byte("5678"), 0); n != 2 || err != nil {
		t.Errorf("a short write: %d, %v", n, err)
	}
	lift()
	f.Inject(Rule{Op: Rename, Path: "c", Err: syscall.ENOSPC})
	if err := os.Rename(a.Name(), filepath.Join(dir, "c")); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("rename to c: %v", err)
	}
	if f.Wrong() != 4 {
		t.Errorf("%d operations went wrong, want 4", f.Wrong())
	}
	before := f.Changes()
	f.Inject(Rule{Op: Change, Skip: 2, Cut: true})
	got = []string{write(a), write(a), write(a)}
	if want := []string{"4 errno 0", "4 errno 0", "0 input/output error"}; !slices.Equal(got, want) || f.Changes() != before+3 {
		t.Errorf("a cut at the third change: %q after %d changes", got, f.Changes()-before)
	}
	<-f.Off()
}

func TestAKilledCallerLeavesADelayedOperationUndone(t *testing.T) {
	f, dir := mount(t, Options{})
	f.Inject(Rule{Op: Write, Delay: 10 * time.Minute})
	cmd := exec.Command("sh", "-c", "echo text > "+filepath.Join(dir, "a"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	before := f.Changes()
	waitFor(t, func() bool { return f.Changes() > before+1 }) // create and write
	cmd.Process.Kill()
	start := time.Now()
	cmd.Wait()
	if took := time.Since(start); took > time.Minute {
		t.Errorf("it took %v to die", took)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "a")); err != nil || len(got) > 0 {
		t.Errorf("the file holds %q, %v", got, err)
	}
}

func TestLocksHoldWhileMounted(t *testing.T) {
	f, dir := mount(t, Options{})
	a, b := create(t, filepath.Join(dir, "LOCK"), ""), create(t, filepath.Join(dir, "LOCK"), "")
	defer a.Close()
	defer b.Close()
	if err := syscall.Flock(int(a.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(b.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != syscall.EWOULDBLOCK {
		t.Errorf("a second lock: %v", err)
	}
	restart(t, f)
	c, err := os.Open(filepath.Join(dir, "LOCK"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := syscall.Flock(int(c.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		t.Errorf("a lock outlived the power: %v", err)
	}
}
