package tail

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"logboom/wal"
)

// emfile is a process that has no descriptor left, for nothing or for some paths.
func emfile(parts ...string) func(path string) error {
	return func(path string) error {
		for _, part := range parts {
			if strings.Contains(path, part) {
				return syscall.EMFILE
			}
		}
		return nil
	}
}

// While a process is out of descriptors, or the disk fails, a container's file is rotated, compressed and removed.
func TestWhatCannotBeOpenedIsPinned(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.EIO, syscall.EACCES} {
		t.Run(errno.Error(), func(t *testing.T) {
			n := newNode(t)
			n.fault = func(string) error { return errno }
			n.lines("0.log", "a", "b")
			n.start()
			n.poll(0)
			n.rename("0.log", "0.log.20261122-160141")
			n.lines("0.log", "c")
			n.poll(time.Second)
			n.zip("0.log.20261122-160141")
			n.poll(time.Second)
			must(t, os.RemoveAll(filepath.Join(n.root, pod)))
			for range 4 {
				n.poll(20 * time.Second)
			}
			n.want()
			n.restart() // as a SIGKILL
			n.poll(time.Second)
			n.fault = nil
			for range 4 {
				n.poll(20 * time.Second)
			}
			n.want("a", "b", "c")
			n.wantLost(0)
			if left := n.pinFiles(); len(left) > 0 {
				t.Errorf("pins are left: %q", left)
			}
		})
	}
}

// More files than can be open come and go between two looks.
func TestWhatWaitsForItsTurnToBeOpenedIsPinned(t *testing.T) {
	n := newNode(t)
	n.start()
	n.tail.o.MaxOpen = 4
	for i := range 60 {
		n.lines(fmt.Sprintf("0.log.20261122-1601%02d", i), fmt.Sprint(i))
	}
	n.now = n.now.Add(time.Second)
	n.tail.Look(n.now)
	must(t, os.RemoveAll(filepath.Join(n.root, pod)))
	for range 8 {
		n.poll(quietFor)
	}
	if len(n.got) != 60 {
		t.Errorf("%d of 60 lines", len(n.got))
	}
	n.wantLost(0)
}

// A pin that is made without a descriptor is of what was listed, where the input may read.
func TestAPinWithoutADescriptorStaysInItsRoot(t *testing.T) {
	n := newNode(t)
	n.fault = emfile("0.log")
	outside := filepath.Join(filepath.Dir(n.root), "outside.log")
	must(t, os.WriteFile(outside, []byte(n.cri("F", "secret")), 0o600))
	must(t, os.MkdirAll(filepath.Dir(n.path("0.log")), 0o755))
	must(t, os.Symlink(outside, n.path("0.log")))
	n.start()
	n.poll(0)
	n.poll(time.Second)
	if pins := n.pinFiles(); len(pins) > 0 {
		t.Errorf("pins: %q", pins)
	}
	n.remove("0.log")
	n.fault = nil
	for range 3 {
		n.poll(20 * time.Second)
	}
	n.want()
}

// Where it can have no pin, the ledger tells what was there, as soon as no name of it is left.
func TestWhatCannotBeOpenedIsListedWhenItIsGone(t *testing.T) {
	size := func(n *node, name string) int64 {
		info, err := os.Stat(n.path(name))
		must(n.t, err)
		return info.Size()
	}
	t.Run("plain", func(t *testing.T) {
		n := newNode(t)
		n.pins, n.fault = "", emfile("0.log")
		n.lines("0.log", "a", "b")
		n.start()
		n.poll(0)
		n.rename("0.log", "0.log.20261122-160141")
		n.lines("0.log.20261122-160141", "c")
		n.poll(time.Second)
		want := size(n, "0.log.20261122-160141")
		n.remove("0.log.20261122-160141")
		n.poll(time.Second)
		n.wantLost(0) // a scan may miss a name
		for range 4 {
			n.poll(time.Second)
		}
		n.wantLost(want)
		if l := n.losses[0]; !l.AtLeast || l.File.Pod != "web-1" || l.File.Path != n.path("0.log.20261122-160141") || !strings.Contains(l.Detail, "too many open files") {
			t.Errorf("%+v %+v", l, l.File)
		}
	})
	t.Run("file of a program", func(t *testing.T) {
		n := newNode(t)
		n.fault = emfile("app.log")
		n.files("app.log")
		n.write("app.log", "a\n")
		n.start()
		for range 2 {
			n.poll(time.Second)
		}
		n.remove("app.log")
		for range 4 {
			n.poll(time.Second)
		}
		n.wantLost(2)
	})
	t.Run("gz", func(t *testing.T) {
		n := newNode(t)
		n.pins, n.fault = "", emfile("0.log")
		n.lines("0.log", "a", "b")
		n.start()
		n.poll(0)
		want := size(n, "0.log")
		n.rename("0.log", "0.log.20261122-160141")
		n.poll(time.Second)
		n.zip("0.log.20261122-160141")
		n.poll(time.Second)
		want = max(want, size(n, "0.log.20261122-160141.gz"))
		n.poll(time.Second)
		n.poll(time.Second)
		n.remove("0.log.20261122-160141.gz")
		for range 4 {
			n.poll(time.Second)
		}
		n.wantLost(want)
	})
	t.Run("the rest of a known File", func(t *testing.T) {
		n := newNode(t)
		n.pins = ""
		n.lines("0.log", "a", "b")
		n.start()
		n.poll(0)
		n.stop()
		before := size(n, "0.log")
		n.lines("0.log", "c")
		rest := size(n, "0.log") - before
		n.fault = emfile("0.log")
		n.start()
		n.poll(time.Second)
		n.remove("0.log")
		for range 4 {
			n.poll(time.Second)
		}
		n.wantLost(rest)
		if len(n.losses) == 1 && int64(n.losses[0].Start) != before {
			t.Errorf("%+v", n.losses)
		}
	})
	t.Run("read from now", func(t *testing.T) {
		n := newNode(t)
		n.pins, n.fault = "", emfile("0.log")
		n.inputs[0].FromNow = true
		n.lines("0.log", "before")
		n.start()
		n.poll(time.Second)
		before := size(n, "0.log")
		n.lines("0.log", "after")
		n.poll(time.Second)
		rest := size(n, "0.log") - before
		n.remove("0.log")
		for range 4 {
			n.poll(time.Second)
		}
		n.wantLost(rest)
	})
	t.Run("more than can be opened at once", func(t *testing.T) {
		n := newNode(t)
		n.pins = ""
		n.start()
		n.tail.o.MaxOpen = 4
		n.tail.o.Waits = func(*wal.File) bool { return true }
		var total int64
		sizes := map[string]int64{}
		for i := range 60 {
			name := fmt.Sprintf("0.log.20261122-1601%02d", i)
			n.lines(name, fmt.Sprint(i))
			sizes[fmt.Sprint(i)] = size(n, name)
			total += size(n, name)
		}
		n.now = n.now.Add(time.Second)
		n.tail.Look(n.now)
		must(t, os.RemoveAll(filepath.Join(n.root, pod)))
		for range 4 {
			n.poll(time.Second)
		}
		n.tail.o.Waits = nil
		for range 4 {
			n.poll(quietFor)
		}
		var read int64
		for _, message := range n.got {
			read += sizes[message]
		}
		n.wantLost(total - read)
		if len(n.got) == 60 {
			t.Error("nothing was lost: this tests nothing")
		}
	})
}

// What could not be opened as a plain file can be read from the .gz that was made of it.
func TestWhatWasCompressedIsNotListed(t *testing.T) {
	for _, seen := range []bool{true, false} { // the name that it had before it was compressed
		n := newNode(t)
		n.pins, n.fault = "", emfile("0.log")
		n.lines("0.log", "a", "b")
		n.start()
		n.poll(0)
		n.rename("0.log", "0.log.20261122-160141")
		if seen {
			n.poll(time.Second)
		}
		n.fault = nil
		n.zip("0.log.20261122-160141")
		for range 4 {
			n.poll(20 * time.Second)
		}
		n.want("a", "b")
		n.wantLost(0)
	}
}

// The copy of a File that was read is no loss.
func TestACopyThatCannotBeOpenedIsNotListed(t *testing.T) {
	n := newNode(t)
	n.lines("0.log", "a")
	n.start()
	n.poll(0)
	n.rename("0.log", "0.log.20261122-160141")
	n.poll(20 * time.Second)
	n.poll(20 * time.Second)
	n.fault = emfile(".gz")
	n.zip("0.log.20261122-160141")
	n.poll(time.Second)
	n.poll(time.Second)
	n.remove("0.log.20261122-160141.gz")
	for range 5 {
		n.poll(time.Second)
	}
	n.want("a")
	n.wantLost(0)
}

// A ledger that can't be written takes it later, once.
func TestWhatCannotBeOpenedIsListedOnce(t *testing.T) {
	n := newNode(t)
	n.pins, n.fault, n.broken = "", emfile("0.log"), true
	n.lines("0.log", "a")
	n.start()
	n.poll(0)
	n.remove("0.log")
	for range 4 {
		n.poll(time.Second)
	}
	n.broken = false
	for range 4 {
		n.poll(time.Second)
	}
	if len(n.losses) != 1 || len(n.states) > 0 {
		t.Errorf("%+v, %v", n.losses, n.states)
	}
}
