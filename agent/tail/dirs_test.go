package tail

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// age gives the folder with the container's logs, and those above it, the time of change t.
func (n *node) age(t time.Time) {
	n.t.Helper()
	for dir := filepath.Dir(n.path("x")); len(dir) >= len(n.root); dir = filepath.Dir(dir) {
		must(n.t, os.Chtimes(dir, t, t))
	}
}

// The kernel's clock for times of change moves in steps: a name that comes right after a listing may not show in them.
func TestANameThatComesRightAfterAListingIsSeen(t *testing.T) {
	n := newNode(t)
	n.start()
	n.lines("0.log", "a")
	now := time.Now()
	n.age(now)
	n.poll(time.Second)
	n.lines("1.log", "b")
	n.age(now)
	n.poll(time.Second)
	n.want("a", "b")
}

// A file system that doesn't keep the times of folders at all costs a minute at most.
func TestAFolderWhoseTimesStandStillIsListedAgain(t *testing.T) {
	n := newNode(t)
	n.start()
	old := time.Now().Add(-time.Hour)
	n.lines("0.log", "a")
	n.age(old)
	n.poll(time.Second)
	n.lines("1.log", "b")
	n.age(old)
	for range relistEvery {
		n.poll(time.Second)
	}
	n.want("a", "b")
}

func TestFoldersThatDidNotChangeAreNotListed(t *testing.T) {
	n := newNode(t)
	for i := range 10 {
		n.lines(fmt.Sprint(i, ".log"), "a")
	}
	n.start()
	n.poll(0)
	old := time.Now().Add(-time.Hour)
	n.age(old)
	must(t, filepath.WalkDir(n.pins, func(path string, e os.DirEntry, err error) error {
		if e.IsDir() {
			must(t, os.Chtimes(path, old, old))
		}
		return err
	}))
	n.poll(time.Second)
	before := maps.Clone(n.tail.dirs)
	n.poll(time.Second)
	if len(before) != 6 || !maps.Equal(before, n.tail.dirs) {
		t.Errorf("listed again: %d folders before, %d after", len(before), len(n.tail.dirs))
	}
	must(t, os.RemoveAll(filepath.Join(n.root, pod)))
	n.poll(time.Second)
	if len(n.tail.dirs) != 4 {
		t.Errorf("%d folders are remembered", len(n.tail.dirs))
	}
}
