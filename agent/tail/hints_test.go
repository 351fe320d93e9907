package tail

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"logboom/wal"
)

// soon polls as Intake does for a while that is too short for a scan of its own.
func (n *node) soon() {
	n.t.Helper()
	scans := n.tail.nextScan
	for range 6 {
		n.poll(hintEvery)
	}
	if n.now.After(scans) {
		n.t.Fatal("the clock reached the next scan that needs no hint")
	}
}

// podDir is the folder of a pod's container app.
func (n *node) podDir(pod string) string {
	return filepath.Join(n.root, fmt.Sprintf("default_%s_%s", pod, pod), "app")
}

func TestANewFileIsReadAtOnce(t *testing.T) {
	n := newNode(t)
	n.lines("0.log", "a")
	n.start()
	n.poll(0)
	var b wal.Block
	if next := n.tail.Poll(n.now, &b); next.Sub(n.now) > hintEvery {
		t.Errorf("the queue is looked at in %v", next.Sub(n.now))
	}
	n.lines("1.log", "b")              // in a known folder
	n.in("other", "app", "0.log", "c") // in a new one
	n.soon()
	slices.Sort(n.got)
	n.want("a", "b", "c")
}

// A runtime makes the file before it has something to write.
func TestTheFirstLineOfANewFileIsReadAtOnce(t *testing.T) {
	n := newNode(t)
	n.start()
	n.poll(0)
	n.write("0.log", "")
	n.poll(hintEvery)
	n.lines("0.log", "a")
	n.soon()
	n.want("a")
}

func TestAShortLifeIsSeen(t *testing.T) {
	n := newNode(t)
	n.start()
	n.poll(0)
	for i := range 20 {
		pod := fmt.Sprint("job", i)
		n.in(pod, "app", "0.log", pod)
		n.poll(100 * time.Millisecond)
		n.now = n.now.Add(time.Millisecond)
		must(t, os.RemoveAll(filepath.Dir(n.podDir(pod))))
	}
	for range 3 {
		n.poll(time.Second)
	}
	if len(n.got) != 20 {
		t.Errorf("%d of 20 were read: %q", len(n.got), n.got)
	}
}

// When the kernel's queue runs over, it says only that.
func TestAFullQueueIsAHintToo(t *testing.T) {
	n := newNode(t)
	n.lines("0.log", "a")
	n.start()
	n.poll(0)
	text, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events")
	must(t, err)
	size := 0
	_, err = fmt.Sscan(string(text), &size)
	must(t, err)
	for range size/2 + 10 {
		must(t, os.Rename(n.path("0.log"), n.path("x")))
		must(t, os.Rename(n.path("x"), n.path("0.log")))
	}
	n.in("other", "app", "0.log", "b")
	n.soon()
	n.want("a", "b")
}

// Without hints, files are found once a second, and that is told once.
func TestWithoutHintsFilesAreFoundByScans(t *testing.T) {
	n := newNode(t)
	n.lines("0.log", "a")
	n.start()
	n.poll(0)
	other, err := os.Open(n.root) // takes no watches, as a queue at its limit
	must(t, err)
	n.tail.hints.close()
	n.tail.hints.fd = int(other.Fd())
	t.Cleanup(func() { n.tail.hints.fd = -1; other.Close() })
	for i := range 5 {
		n.in(fmt.Sprint("p", i), "app", "0.log", fmt.Sprint(i))
		n.poll(time.Second)
	}
	n.want("a", "0", "1", "2", "3", "4")
	if told := n.told("the kernel gives no hints"); told != 1 {
		t.Errorf("told %d times", told)
	}
}

func TestHintedScansKeepAPause(t *testing.T) {
	n := newNode(t)
	n.start()
	n.poll(0)
	scans := n.tail.scans
	for i := range 50 {
		n.lines(fmt.Sprint(i, ".log"), "x")
		n.poll(time.Millisecond)
	}
	if made := n.tail.scans - scans; made > 50/int(minHintPause/time.Millisecond) {
		t.Errorf("%d scans in 50 ms", made)
	}
}

// A watch is the kernel's memory, and root's are limited: it goes with its folder.
func TestWatchesGoWithTheirFolders(t *testing.T) {
	n := newNode(t)
	n.start()
	watches := func() int {
		text, err := os.ReadFile(fmt.Sprint("/proc/self/fdinfo/", n.tail.hints.fd))
		must(t, err)
		return strings.Count(string(text), "inotify wd:")
	}
	for i := range 5 {
		n.in(fmt.Sprint("p", i), "app", "0.log", "x")
	}
	for range 3 {
		n.poll(time.Second)
	}
	if watches() != 11 {
		t.Errorf("%d watches on 11 folders", watches())
	}
	for i := range 4 {
		must(t, os.Rename(filepath.Dir(n.podDir(fmt.Sprint("p", i))), filepath.Join(t.TempDir(), "away")))
	}
	n.poll(time.Second)
	if watches() != 3 {
		t.Errorf("%d watches on 3 folders", watches())
	}
}

// With hints, scans may follow one another at once. What none of them finds is lost only if that lasts.
func TestNothingIsLostWithinASecond(t *testing.T) {
	n := newNode(t)
	n.pins = ""
	n.lines("0.log", "a")
	n.start()
	n.poll(0)
	n.lines("0.log", "b")
	n.tail.scan(n.now)
	for _, f := range n.tail.byID {
		n.tail.close(f)
	}
	n.rename("0.log", "hidden")
	for range 5 {
		n.now = n.now.Add(hintEvery)
		n.tail.scan(n.now)
	}
	if len(n.losses) > 0 {
		t.Errorf("ledger: %+v", n.losses)
	}
	n.rename("hidden", "0.log")
	n.poll(time.Second)
	n.want("a", "b")
}
