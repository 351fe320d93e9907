package tail

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
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
			n.fault = func(path string) error {
				if strings.Contains(filepath.Base(path), ".log") {
					return errno
				}
				return nil
			}
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

// A folder of pins that can't be listed says nothing of the pins.
func TestPinsThatCannotBeListedAreNotGone(t *testing.T) {
	for _, folder := range []string{"", pod, filepath.Join(pod, "app")} {
		n := newNode(t)
		n.behind()
		n.look(1, time.Second)
		path := filepath.Join(n.pins, folder)
		n.fault = func(p string) error {
			if p == path {
				return syscall.EMFILE
			}
			return nil
		}
		for _, f := range n.tail.byID {
			n.tail.close(f)
		}
		n.look(relistEvery+5, time.Second) // folders of pins are listed anew
		n.fault = nil
		for range 4 {
			n.poll(20 * time.Second)
		}
		n.wantLost(0)
		if len(n.got) != 6 {
			t.Errorf("%q: %d of 6 lines", folder, len(n.got))
		}
	}
}

// Files that have no name any more, and can't be read yet, do not keep others from being met.
func TestNamelessFilesLeaveRoomToMeetOthers(t *testing.T) {
	n := newNode(t)
	n.start()
	n.tail.o.MaxOpen = 4
	stopped := true
	n.tail.o.Waits = func(*wal.File) bool { return stopped }
	var want []string
	for i := range 12 { // .gz that nobody knew, which have no pins
		name := fmt.Sprintf("0.log.20261122-1601%02d", i)
		want = append(want, fmt.Sprint("zip ", i))
		n.lines(name, want[i])
		n.zip(name)
		n.look(1, time.Second)
		if i < 4 {
			n.remove(name + ".gz")
			n.look(1, time.Second)
		}
	}
	n.lines("0.log", "last")
	n.look(2, time.Second)
	if f := n.tail.byID; len(f) != 13 {
		t.Errorf("%d Files are met, want 13", len(f))
	}
	if n.tail.open > 4 {
		t.Errorf("%d are open", n.tail.open)
	}
	stopped = false
	for range 6 {
		n.poll(quietFor)
	}
	slices.Sort(n.got)
	want = append(want, "last")
	slices.Sort(want)
	n.want(want...)
	n.wantLost(0)
}

// When the agent ends, a .gz that has no name any more is no loss if a pin has its bytes, however many pins there are.
func TestTheEndDoesNotListWhatAPinHas(t *testing.T) {
	t.Run("pins that could not be opened", func(t *testing.T) { endWithPins(t, true) })
	t.Run("pins that were passed over", func(t *testing.T) { endWithPins(t, false) })
}

func endWithPins(t *testing.T, unreadable bool) {
	n := newNode(t)
	begin := func() {
		n.start()
		n.tail.o.MaxOpen = 100 // and 25 of which nothing is known
		n.tail.o.Waits = func(*wal.File) bool { return true }
	}
	begin()
	for i := range 60 {
		name := fmt.Sprintf("0.log.20261122-1601%02d", i)
		n.lines("0.log", fmt.Sprint(i))
		n.look(1, time.Second)
		n.rename("0.log", name)
		n.zip(name)
	}
	n.stop() // as a SIGKILL: the next agent finds pins and .gz
	begin()
	n.fault = func(path string) error {
		if unreadable && strings.HasPrefix(path, n.pins) && strings.Contains(filepath.Base(path), ".log") {
			return syscall.EMFILE
		}
		return nil
	}
	n.look(4, time.Second)
	must(t, os.RemoveAll(filepath.Join(n.root, pod)))
	n.look(1, time.Second)
	n.fault = nil
	n.ending = true
	must(t, n.tail.Leave(n.now))
	n.wantLost(0)
	n.ending = false
	n.restart()
	for range 6 {
		n.poll(quietFor)
	}
	if len(n.got) != 60 {
		t.Errorf("%d of 60 lines", len(n.got))
	}
	n.wantLost(0)
}

// A .gz without a name ends with the agent, whether its folder can be listed or not.
func TestTheEndListsAGzOfAFolderThatCannotBeListed(t *testing.T) {
	n := newNode(t)
	n.pins = ""
	n.lines("0.log.20261122-160141", "a")
	n.zip("0.log.20261122-160141")
	n.start()
	n.tail.o.Waits = func(*wal.File) bool { return true }
	n.look(1, time.Second)
	n.remove("0.log.20261122-160141.gz")
	n.look(1, time.Second)
	n.lines("1.log", "b")
	n.fault = func(path string) error {
		if path == filepath.Dir(n.path("0.log")) {
			return syscall.EMFILE
		}
		return nil
	}
	n.ending = true
	must(t, n.tail.Leave(n.now))
	if len(n.losses) != 1 {
		t.Errorf("%+v", n.losses)
	}
}

// A process that is out of descriptors closes a file that has a pin, to open another one.
func TestAFileIsClosedForOneThatCannotBeOpened(t *testing.T) {
	n := newNode(t)
	n.fault = func(path string) error {
		if strings.Contains(filepath.Base(path), ".log") && n.tail.open >= 3 {
			return syscall.EMFILE
		}
		return nil
	}
	n.start()
	n.tail.o.MaxOpen = 100
	for i := range 10 {
		n.lines(fmt.Sprintf("%d.log", i), fmt.Sprint(i))
		n.poll(time.Second)
	}
	if len(n.got) != 10 {
		t.Errorf("%d of 10 lines", len(n.got))
	}
	n.wantLost(0)
}
