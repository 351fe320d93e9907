package tail

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"logboom/wal"
)

// More paths in trouble than are remembered are not told of at every scan.
func TestWarningsOfManyPathsDoNotRepeat(t *testing.T) {
	n := newNode(t)
	n.start()
	for range 3 {
		for i := range maxWarned + 10 {
			n.tail.warnOnce(fmt.Sprint("/", i), "can't read a log file", syscall.EIO)
		}
		n.look(1, time.Second)
	}
	if len(n.logged) > maxWarned+10 {
		t.Errorf("%d warnings", len(n.logged))
	}
}

// What has to wait while descriptors are short, as it may be a copy, does not make scans follow one another without a pause.
func TestWhatWaitsDoesNotHurryScans(t *testing.T) {
	n := newNode(t)
	n.files("*.log")
	n.write("app.log", "a\nb\n")
	n.start()
	n.poll(0)
	n.fault = func(path string) error {
		if filepath.Base(path) == "x.log" || filepath.Base(path) == "y.log" {
			return syscall.EMFILE
		}
		return nil
	}
	n.write("app.log.1", "a\n")
	n.write("x.log", "x\n")
	n.write("y.log", "y\n")
	n.poll(time.Second)
	scans := n.tail.scans
	for range 10 {
		n.poll(time.Millisecond)
	}
	if n.tail.scans > scans+1 {
		t.Errorf("%d scans in 10 ms", n.tail.scans-scans)
	}
}

// A copy whose original is read only later has a pin until then.
func TestThePinOfACopyGoesWhenItsOriginalIsRead(t *testing.T) {
	n := newNode(t)
	n.lines("0.log", "a")
	n.start()
	n.poll(0)
	stopped := true
	n.tail.o.Waits = func(*wal.File) bool { return stopped }
	n.lines("0.log", "b")
	text, err := os.ReadFile(n.path("0.log"))
	must(t, err)
	must(t, os.WriteFile(n.path("0.log.20261122-160000"), text, 0o640))
	n.poll(2 * time.Second)
	n.remove("0.log.20261122-160000")
	n.poll(2 * time.Second)
	n.poll(2 * time.Second)
	stopped = false
	for range 4 {
		n.poll(20 * time.Second)
	}
	n.want("a", "b")
	if got := n.pinFiles(); len(got) != 1 || got[0] != "0.log" {
		t.Errorf("pins when the copy is gone: %q", got)
	}
}

// While a log can't be opened again, what may be a copy of it that is being made is not taken for a new file.
func TestACopyOfALogThatCannotBeOpenedWaits(t *testing.T) {
	n := newNode(t)
	n.files("*.log")
	n.start()
	n.tail.o.MaxOpen = 1
	stopped := true
	n.tail.o.Waits = func(f *wal.File) bool { return stopped && filepath.Base(f.Path) == "z.log" }
	text := strings.Repeat("a", 8<<10) + "\nb\n"
	n.write("app.log", text)
	n.poll(time.Second)
	for _, f := range n.tail.byID {
		n.tail.close(f)
	}
	n.write("z.log", "z\n")
	n.look(1, time.Second)
	n.remove("z.log") // what is open now can't be opened again
	n.write("app.log.1", text[:8<<10+1])
	for range 3 {
		n.poll(time.Second)
	}
	n.write("app.log.1", "b\n")
	stopped = false
	for range 4 {
		n.poll(20 * time.Second)
	}
	if len(n.got) != 3 {
		t.Errorf("%d lines, want 3", len(n.got))
	}
	n.wantLost(0)
}

// And neither is a .gz that is being written beside it.
func TestAGzOfALogThatCannotBeOpenedWaits(t *testing.T) {
	n := newNode(t)
	n.files("*.log")
	n.start()
	n.tail.o.MaxOpen = 1
	stopped := true
	n.tail.o.Waits = func(f *wal.File) bool { return stopped && filepath.Base(f.Path) == "z.log" }
	text := ""
	for range 6000 {
		text += fmt.Sprintf("%x\n", rand.Uint64())
	}
	n.write("app.log", text)
	n.poll(time.Second)
	n.rename("app.log", "app.log.1")
	n.poll(time.Second)
	for _, f := range n.tail.byID {
		n.tail.close(f)
	}
	n.write("z.log", "z\n")
	n.look(1, time.Second)
	n.remove("z.log")
	n.write("copy", text)
	n.zip("copy")
	zip, err := os.ReadFile(n.path("copy.gz"))
	must(t, err)
	n.write("app.log.1.gz", string(zip[:len(zip)/2]))
	for range 3 {
		n.poll(time.Second)
	}
	stopped = false
	n.write("app.log.1.gz", string(zip[len(zip)/2:]))
	n.remove("app.log.1")
	for range 4 {
		n.poll(20 * time.Second)
	}
	if len(n.got) != 6001 {
		t.Errorf("%d lines, want 6001", len(n.got))
	}
	n.wantLost(0)
}
