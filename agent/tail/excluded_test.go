package tail

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"logboom/wal"
)

// without excludes the Files of container app, as long as it says so.
func (n *node) without(excluded *bool) {
	n.inputs[0].Choose = func(d *wal.File) {
		if *excluded && d.Container == "app" {
			d.Excluded = "test"
		}
	}
}

// wantExcluded compares what excluded Files have in the report and in the checkpoint.
func (n *node) wantExcluded(files int, bytes int64) {
	n.t.Helper()
	var seen, kept int64
	count := 0
	for _, c := range n.tail.Report().Contents {
		if c.Excluded {
			count++
			seen += int64(c.Durable)
		}
	}
	for _, k := range n.states {
		if k.File.Excluded != "" {
			kept += int64(k.Offset)
		}
	}
	if count != files || seen != bytes || kept != bytes {
		n.t.Errorf("%d excluded Files with %d bytes, of which the checkpoint has %d; want %d with %d", count, seen, kept, files, bytes)
	}
}

func (n *node) pinned() int {
	found, err := filepath.Glob(filepath.Join(n.pins, "*", "*", "*"))
	must(n.t, err)
	return len(found)
}

func TestAnExcludedFileIsCountedAndNeverRead(t *testing.T) {
	n := newNode(t)
	excluded := true
	n.without(&excluded)
	n.lines("0.log", "a", "b")
	n.start()
	n.poll(0)
	size := int64(len(n.cri("F", "a")))
	n.wantExcluded(1, 2*size)
	n.lines("0.log", "c")
	n.poll(tallyEvery)
	n.wantExcluded(1, 3*size)
	if !n.tail.AtEnd() || n.tail.open > 0 || n.pinned() > 0 {
		t.Errorf("at its end: %v, %d open, %d pins", n.tail.AtEnd(), n.tail.open, n.pinned())
	}
	n.rename("0.log", "0.log.20261122-160141")
	n.lines("0.log", "d")
	n.poll(time.Second)
	n.zip("0.log.20261122-160141")
	n.poll(tallyEvery)
	n.wantExcluded(2, 4*size)
	excluded = false // holds for new Files only
	n.lines("0.log", "e")
	n.restart()
	n.poll(tallyEvery)
	n.poll(tallyEvery)
	n.wantExcluded(2, 5*size)
	n.rename("0.log", "0.log.20261122-160142")
	n.lines("0.log", "f")
	n.poll(time.Second)
	n.want("f")
	n.remove("0.log.20261122-160141.gz")
	n.remove("0.log.20261122-160142")
	for range 4 {
		n.poll(time.Second)
	}
	n.wantExcluded(0, 0)
	if len(n.losses) > 0 {
		t.Errorf("lost: %+v", n.losses)
	}
}

// A truncated file and one that was written anew are Files of their own, and nobody is in a loop about them.
func TestAnExcludedFileMayShrink(t *testing.T) {
	n := newNode(t)
	excluded := true
	n.without(&excluded)
	n.lines("0.log", "a", "b")
	n.start()
	n.poll(0)
	must(t, os.Truncate(n.path("0.log"), 0))
	n.lines("0.log", "c")
	for range 4 {
		n.poll(2 * time.Second)
	}
	n.wantExcluded(1, int64(len(n.cri("F", "a"))))
	scans := n.tail.Report().Scans
	n.poll(time.Second)
	if more := n.tail.Report().Scans - scans; more > 3 {
		t.Errorf("%d scans in a second", more)
	}
	n.restart()
	n.poll(0)
	n.wantExcluded(1, int64(len(n.cri("F", "a"))))
	n.want()
	if len(n.losses) > 0 {
		t.Errorf("lost: %+v", n.losses)
	}
}

// A pod that turns out to be excluded gives up the pins that its files had while they waited.
func TestAPodThatIsFoundExcludedNeedsNoPins(t *testing.T) {
	n := newNode(t)
	pods := told{}
	n.pods = pods
	n.inputs[0].ExcludeUnknown = true
	n.inputs[0].Choose = func(d *wal.File) {
		if d.Labels["app"] == "quiet" {
			d.Excluded = "labels"
		}
	}
	n.lines("0.log", "a")
	n.start()
	n.poll(0)
	if n.pinned() != 1 {
		t.Errorf("%d pins while it waits", n.pinned())
	}
	pods["web-1"] = app("quiet")
	n.poll(time.Second)
	n.wantExcluded(1, int64(len(n.cri("F", "a"))))
	if n.pinned() > 0 {
		t.Error("its pin is kept")
	}
	n.want()
}

func TestExcludeUnknownHoldsAfterTheWait(t *testing.T) {
	n := newNode(t)
	n.pods = told{"web-2": app("b")}
	n.inputs[0].ExcludeUnknown = true
	n.lines("0.log", "a")
	other := filepath.Join(n.root, "default_web-2_u2", "app")
	must(t, os.MkdirAll(other, 0o755))
	must(t, os.WriteFile(filepath.Join(other, "0.log"), []byte(n.cri("F", "b")), 0o640))
	n.start()
	n.poll(0)
	n.poll(podWait - time.Second)
	n.wantExcluded(0, 0)
	n.poll(time.Second)
	n.wantExcluded(1, int64(len(n.cri("F", "a"))))
	n.want("b")
}

// What waits for a checkpoint that can't be written does not grow with the time that takes.
func TestTheTallyOfExcludedFilesIsBounded(t *testing.T) {
	n := newNode(t)
	excluded := true
	n.without(&excluded)
	n.lines("0.log", "a")
	n.start()
	n.broken = true
	for range 5 {
		n.lines("0.log", "b")
		n.poll(tallyEvery)
	}
	if waiting := len(n.tail.changed.Files); waiting != 1 {
		t.Errorf("%d states of one File wait", waiting)
	}
	n.broken = false
	n.poll(time.Second)
	n.wantExcluded(1, 6*int64(len(n.cri("F", "a"))))
}

// A checkpoint that can't be written when an excluded File goes hears of all of it later.
func TestAnExcludedFileIsForgottenWhenItIsCounted(t *testing.T) {
	n := newNode(t)
	excluded := true
	n.without(&excluded)
	n.lines("0.log", "a")
	n.start()
	n.poll(0)
	n.broken = true
	n.lines("0.log", "b")
	n.poll(2 * time.Second)
	n.remove("0.log")
	for range 5 {
		n.poll(2 * time.Second)
	}
	n.broken = false
	for range 3 {
		n.poll(2 * time.Second)
	}
	if want := 2 * int64(len(n.cri("F", "a"))); n.passedOver != want || len(n.tail.byID) > 0 || len(n.states) > 0 {
		t.Errorf("%d bytes are counted as excluded, want %d; %d Files, %d states", n.passedOver, want, len(n.tail.byID), len(n.states))
	}
}
