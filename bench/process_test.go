package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// measured runs this test binary in a role.
func measured(t *testing.T, role string) usage {
	t.Helper()
	t.Setenv(roleVariable, role)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p, err := start(role, filepath.Join(t.TempDir(), "log"), false, self)
	if err != nil {
		t.Fatal(err)
	}
	u, err := p.wait(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestProcessorTimeIsTheChilds(t *testing.T) {
	const least, most = 200 * time.Millisecond, 2 * time.Second
	if u := measured(t, "spin"); u.User < least || u.User > most || u.Wall < u.User/2 {
		t.Errorf("200 ms of user time: %+v", u)
	}
	if u := measured(t, "call"); u.System < least || u.System > most || u.cpu() != u.User+u.System {
		t.Errorf("200 ms of system time: %+v", u)
	}
}

func TestPeakMemoryIsTheChilds(t *testing.T) {
	if u := measured(t, "hold"); u.PeakRSS < 150e6 || u.PeakRSS > memory*200e6 {
		t.Errorf("a child that held 150 MB: %d bytes", u.PeakRSS)
	}
	// The kernel begins the ru_maxrss of a child with the memory of its parent.
	own := make([]byte, 300e6)
	for i := 0; i < len(own); i += 4096 {
		own[i] = 1
	}
	tries(t, func(time.Duration) error { // one that ended before it was looked at has the parent's as its bound
		if u := measured(t, "spin"); u.PeakRSS > memory*60e6 || u.PeakRSS < 1e6 {
			return fmt.Errorf("a small child of a large parent: %d bytes", u.PeakRSS)
		}
		return nil
	})
	runtime.KeepAlive(own)
}

func TestAChildTooQuickForASampleHasABound(t *testing.T) {
	own, err := statusBytes("/proc/self/status", "VmHWM:")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ rusage, sampled, want int64 }{
		{own, 0, own},
		{own, 5e6, 5e6},
		{2 * own, 5e6, 2 * own},
	} {
		if got := peakRSS(c.rusage, c.sampled); got != c.want {
			t.Errorf("peakRSS(%d, %d) of a parent with %d: %d, want %d", c.rusage, c.sampled, own, got, c.want)
		}
	}
}

func TestWritesAreCountedToTheEnd(t *testing.T) {
	dir := t.TempDir()
	accounted, err := accountsWrites(dir)
	if err != nil {
		t.Fatal(err)
	}
	least := int64(8 << 20)
	if !accounted { // on tmpfs, for instance
		least = 0
	}
	if u := measured(t, "write "+filepath.Join(dir, "written")); u.DiskWritten < least || u.DiskWritten > least+1<<20 {
		t.Errorf("8 MiB were written to %s, where that counts: %v; counted: %d", dir, accounted, u.DiskWritten)
	}
	if u := measured(t, "rest"); u.DiskWritten > 64<<10 {
		t.Errorf("nothing was written; counted: %d", u.DiskWritten)
	}
}

func TestTmpfsIsKnownToHaveNoAccount(t *testing.T) {
	dir := inMemory(t)
	if accounted, err := accountsWrites(dir); accounted || err != nil {
		t.Errorf("accounted: %v, %v", accounted, err)
	}
}

// inMemory is a folder on a tmpfs: one of our own where we may mount, or else in /dev/shm, which is one on every Linux that
// has it.
func inMemory(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m,mode=0700"); err == nil {
		t.Cleanup(func() {
			if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
				t.Error(err)
			}
		})
		return dir
	}
	shm, err := os.MkdirTemp("/dev/shm", "logboom-bench-")
	if err != nil {
		t.Fatalf("no tmpfs can be mounted here, and there is no other: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(shm) })
	return shm
}
