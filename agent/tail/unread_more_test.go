package tail

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"logboom/checkpoint"
	"logboom/wal"
)

// unreadable is a disk that gives no log file.
func unreadable(path string) error {
	if strings.Contains(filepath.Base(path), ".log") {
		return syscall.EIO
	}
	return nil
}

// Pins of files that can't be read count as others do, and go when they hold more than they may.
func TestPinsOfWhatCannotBeReadAreGivenUp(t *testing.T) {
	for _, known := range []bool{false, true} {
		n := newNode(t)
		if known {
			n.lines("0.log", "read")
			n.start()
			n.poll(0)
			n.stop()
		}
		n.lines("0.log", strings.Repeat("a", 16<<10))
		old := n.now.Add(-time.Hour)
		n.lines("1.log", strings.Repeat("b", 16<<10))
		must(t, os.Chtimes(n.path("0.log"), old, old))
		info, err := os.Stat(n.path("0.log"))
		must(t, err)
		want := info.Size()
		if known {
			for _, k := range n.states {
				want -= int64(k.Offset)
			}
		}
		n.fault, n.max = unreadable, 30<<10
		n.start()
		n.poll(0)
		must(t, os.RemoveAll(filepath.Join(n.root, pod)))
		n.broken = true
		n.look(2, time.Second)
		if pins := n.pinFiles(); len(pins) != 2 {
			t.Errorf("pins before the ledger has it: %q", pins)
		}
		fault := n.fault
		n.fault = nil // it must not be read any more, as it will be listed
		n.look(1, time.Second)
		n.fault, n.broken = fault, false
		n.look(3, 20*time.Second)
		if pins := n.pinFiles(); len(pins) != 1 || pins[0] != "1.log" {
			t.Errorf("pins: %q", pins)
		}
		if len(n.losses) != 1 || n.losses[0].Cause != checkpoint.CauseDropped || int64(n.losses[0].End-n.losses[0].Start) != want {
			t.Errorf("want %d bytes lost: %+v", want, n.losses)
		}
		n.fault = nil
		for range 4 {
			n.poll(20 * time.Second)
		}
		if last := n.got[len(n.got)-1]; len(n.got) != map[bool]int{false: 1, true: 2}[known] || last[0] != 'b' {
			t.Errorf("%d lines, the last begins with %q", len(n.got), last[:1])
		}
		if len(n.losses) != 1 || len(n.pinFiles()) > 0 {
			t.Errorf("%+v, pins %q", n.losses, n.pinFiles())
		}
	}
}

// What was there before a first start that reads from now on stays unwanted, however late it can be opened.
func TestWhatWasThereBeforeStaysUnwantedWhenItCanBeRead(t *testing.T) {
	n := newNode(t)
	n.inputs[0].FromNow = true
	n.lines("0.log", "before")
	n.fault = emfile("0.log")
	n.start()
	n.poll(0)
	n.poll(time.Second)
	n.lines("0.log", "after")
	n.poll(time.Second)
	n.fault = nil
	n.poll(time.Second)
	n.want("after")
	n.wantLost(0)
}

// A file whose name is gone since the last scan is not closed for another one.
func TestAFileThatHasJustLostItsNameStaysOpen(t *testing.T) {
	n := newNode(t)
	n.pins = ""
	n.start()
	n.tail.o.MaxOpen = 1
	stopped := true
	n.tail.o.Waits = func(*wal.File) bool { return stopped }
	n.lines("0.log", "a")
	n.look(1, time.Second)
	n.remove("0.log")
	n.lines("1.log", "b")
	n.look(3, time.Second)
	stopped = false
	for range 4 {
		n.poll(20 * time.Second)
	}
	n.wantLost(0)
	if len(n.got) != 2 {
		t.Errorf("%q", n.got)
	}
}

// What was written last, before the name went, is listed at the end.
func TestTheEndListsWhatCameAfterTheLastScan(t *testing.T) {
	n := newNode(t)
	n.pins = ""
	n.lines("0.log", "a")
	n.start()
	n.poll(0)
	n.lines("0.log", "b")
	n.remove("0.log")
	n.ending = true
	must(t, n.tail.Leave(n.now))
	n.wantLost(int64(len(n.cri("F", "b"))))
}

// What stands in the place of a File that was cut is not that File's.
func TestWhatCannotBeReadBehindATruncationIsAnotherFile(t *testing.T) {
	n := newNode(t)
	n.files("app.log")
	n.write("app.log", "long line\n")
	n.start()
	n.poll(0)
	must(t, os.Truncate(n.path("app.log"), 0))
	n.write("app.log", "b\n")
	n.fault = emfile("app.log")
	n.poll(time.Second)
	n.write("app.log", "long line that is longer\n")
	for range 4 {
		n.poll(time.Second)
	}
	n.wantLost(0)
	n.remove("app.log")
	for range 4 {
		n.poll(time.Second)
	}
	n.wantLost(int64(len("b\nlong line that is longer\n")))
}

// After a restart, what stands in the inode of a File may be another one: that is found in its copy.
func TestWhatCannotBeReadBesideACopyIsAnotherFile(t *testing.T) {
	n := newNode(t)
	n.files("app.log")
	n.write("app.log", "a\n")
	n.start()
	n.poll(0)
	n.stop()
	n.write("app.log.1", "a\n")
	must(t, os.Truncate(n.path("app.log"), 0))
	n.write("app.log", "longer\n")
	n.fault = unreadable
	n.start()
	n.poll(time.Second)
	n.fault = func(path string) error {
		if filepath.Base(path) == "app.log" {
			return syscall.EMFILE
		}
		return nil
	}
	for range 3 {
		n.poll(20 * time.Second)
	}
	n.fault = nil
	n.poll(time.Second)
	n.want("a", "longer")
	n.wantLost(0)
}
