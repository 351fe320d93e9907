package cutfs

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestColdPagesShowTheDisk: some time after a failed fsync the kernel forgets the pages, and what was written seems never
// to have been. The size stays.
func TestColdPagesShowTheDisk(t *testing.T) {
	f, dir := mount(t, Options{})
	m := &machine{t: t, fs: f, mountpoint: dir}
	old, dirty := strings.Repeat("o", blockSize+100), strings.Repeat("n", blockSize)
	m.write("a", old)
	m.sync("a")
	m.sync(".")
	defer f.Inject(Rule{Op: Sync, Times: 1, Err: syscall.EIO, Cold: true})()
	m.append("a", dirty)
	m.holds("a", old+dirty) // so that the kernel has it
	m.syncFails("a", syscall.EIO)
	want := old + strings.Repeat("\x00", blockSize)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		got, err := os.ReadFile(filepath.Join(dir, "a"))
		m.must(err)
		if string(got) == want {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("readers still see %s", show(got))
		}
	}
	m.append("a", dirty) // into the page that was forgotten, which must not bring back what was in it
	m.sync("a")
	m.must(f.Cut(1))
	m.must(f.Restart())
	m.holds("a", want+dirty)
}

// TestColdPagesForgetWhatWasCutOff: a truncation that has not reached the disk still hides what was behind it.
func TestColdPagesForgetWhatWasCutOff(t *testing.T) {
	f := &file{}
	f.write(time.Time{}, 0, bytes.Repeat([]byte("o"), 3*blockSize))
	f.flush(1)
	f.truncate(time.Time{}, 1, blockSize+10)
	f.write(time.Time{}, 2*blockSize, []byte("new"))
	f.write(time.Time{}, blockSize, []byte("new"))
	f.fail(time.Time{})
	f.chill()
	want := append(bytes.Repeat([]byte("o"), blockSize+10), make([]byte, blockSize-10+3)...)
	if !bytes.Equal(f.now, want) {
		t.Fatalf("%s, want %s", show(f.now), show(want))
	}
}

// TestABadSectorFailsItsPagesOnly for as long as the Rule is there.
func TestABadSectorFailsItsPagesOnly(t *testing.T) {
	f, dir := mount(t, Options{})
	m := &machine{t: t, fs: f, mountpoint: dir}
	m.write("a", strings.Repeat("x", 40*blockSize))
	m.sync("a")
	lift := f.Inject(Rule{Op: Read, Path: "a", Err: syscall.EIO, From: 20*blockSize + 600, To: 20*blockSize + 1112})
	a, err := os.Open(filepath.Join(dir, "a"))
	m.must(err)
	defer a.Close()
	read := func() (bad []int) {
		m.must(unix.Fadvise(int(a.Fd()), 0, 0, unix.FADV_DONTNEED))
		for page := range 40 {
			if _, err := a.ReadAt(make([]byte, blockSize), int64(page)*blockSize); errors.Is(err, syscall.EIO) {
				bad = append(bad, page)
			} else if err != nil && err != io.EOF {
				t.Fatal(err)
			}
		}
		return bad
	}
	for range 2 {
		if bad := read(); len(bad) != 1 || bad[0] != 20 {
			t.Fatalf("pages %v can't be read, want 20", bad)
		}
	}
	lift()
	if bad := read(); len(bad) > 0 {
		t.Fatalf("pages %v can't be read any more", bad)
	}
}
