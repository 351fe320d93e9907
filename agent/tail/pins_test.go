package tail

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"logboom/checkpoint"
	"logboom/wal"
)

// pinFiles returns the names of all pins, without inodes.
func (n *node) pinFiles() (names []string) {
	n.t.Helper()
	paths, err := filepath.Glob(filepath.Join(n.pins, "*", "*", "*"))
	must(n.t, err)
	for _, path := range paths {
		names = append(names, strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)))
	}
	return names
}

// behind makes three files of 16 KiB that were pinned and not read, the oldest of them 1.log, and removes their pod. Nothing
// is read meanwhile, as with a full WAL.
func (n *node) behind() {
	n.t.Helper()
	for i, name := range []string{"0.log", "1.log", "2.log"} {
		n.lines(name, fmt.Sprint("first of ", i))
	}
	n.start()
	n.poll(0)
	for i, name := range []string{"0.log", "1.log", "2.log"} {
		n.lines(name, fmt.Sprint("second of ", i, strings.Repeat(" ", 16<<10-90)))
		written := n.now.Add(-time.Duration([]int{20, 30, 10}[i]) * time.Minute)
		must(n.t, os.Chtimes(n.path(name), written, written))
	}
	n.now = n.now.Add(time.Second)
	n.tail.Look(n.now)
	must(n.t, os.RemoveAll(filepath.Join(n.root, pod)))
}

func (n *node) look(times int, wait time.Duration) {
	for range times {
		n.now = n.now.Add(wait)
		n.tail.Look(n.now)
	}
}

func (n *node) messages() (all []string) {
	for _, m := range n.got {
		all = append(all, strings.TrimSpace(m))
	}
	slices.Sort(all)
	return all
}

func TestTheOldestPinsAreGivenUp(t *testing.T) {
	limits := map[string]func(n *node){
		"over max_size": func(n *node) { n.tail.o.MaxPins = 40 << 10 },
		"short of space": func(n *node) {
			asked := 0
			n.tail.o.Shortage = func() int64 { asked++; return []int64{4096, 0}[min(asked, 2)-1] }
		},
	}
	for name, limit := range limits {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			n.behind()
			limit(n)
			n.look(3, 20*time.Second)
			if got := n.pinFiles(); !slices.Equal(got, []string{"0.log", "2.log"}) {
				t.Errorf("pins left: %q", got)
			}
			if len(n.losses) != 1 {
				t.Fatalf("ledger: %+v", n.losses)
			}
			l := n.losses[0]
			if l.File.Path != n.path("1.log") || l.Cause != checkpoint.CauseDropped || l.Read || int(l.Start) != len(n.cri("F", "first of 1")) ||
				int(l.End-l.Start) != len(n.cri("F", fmt.Sprint("second of 1", strings.Repeat(" ", 16<<10-90)))) || l.AtLeast {
				t.Errorf("ledger: %+v", l)
			}
			for range 4 {
				n.poll(20 * time.Second)
			}
			if d := slices.Compare(n.messages(), []string{"first of 0", "first of 1", "first of 2", "second of 0", "second of 2"}); d != 0 {
				t.Errorf("delivered: %q", n.messages())
			}
			if len(n.losses) != 1 || len(n.pinFiles()) > 0 || len(n.states) > 0 || n.tail.open != 0 {
				t.Errorf("%d losses, pins %q, %d states, %d open", len(n.losses), n.pinFiles(), len(n.states), n.tail.open)
			}
		})
	}
}

// Folders of pins are listed only when a pin was made or removed.
func TestAPinBesideOthersIsKnownAtOnce(t *testing.T) {
	n := newNode(t)
	n.lines("0.log", "a")
	n.start()
	n.poll(0)
	n.poll(time.Second)
	n.lines("1.log", "b")
	n.poll(time.Second)
	n.poll(time.Second)
	for _, f := range n.tail.byID {
		if f.pin == "" {
			t.Errorf("no pin is known of %s", f.path)
		}
	}
	must(t, os.RemoveAll(filepath.Join(n.root, pod)))
	for range 3 {
		n.poll(20 * time.Second)
	}
	if left := n.pinFiles(); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	n.want("a", "b")
}

// A pin goes only when the ledger says so, on the disk.
func TestNoPinGoesBeforeTheLedgerHasIt(t *testing.T) {
	n := newNode(t)
	n.max = 40 << 10
	n.behind()
	n.broken = true
	n.look(3, 20*time.Second)
	if len(n.pinFiles()) != 3 || len(n.losses) > 0 {
		t.Errorf("pins %q, ledger %+v", n.pinFiles(), n.losses)
	}
	n.broken = false
	n.look(1, 20*time.Second)
	if len(n.pinFiles()) != 2 || len(n.losses) != 1 {
		t.Errorf("pins %q, ledger %+v", n.pinFiles(), n.losses)
	}
}

// What was read and is not durable may have to be read again.
func TestAPinStaysUntilWhatWasReadIsDurable(t *testing.T) {
	n := newNode(t)
	n.behind()
	var b wal.Block
	n.tail.Poll(n.now, &b)
	n.tail.o.MaxPins = 1
	n.look(3, 20*time.Second)
	if len(b.Records) != 3 || len(n.pinFiles()) != 3 || len(n.losses) > 0 {
		t.Errorf("%d records, pins %q, ledger %+v", len(b.Records), n.pinFiles(), n.losses)
	}
	n.tail.Rewind()
	n.look(3, 20*time.Second)
	if len(n.pinFiles()) != 0 || len(n.losses) != 3 || int(n.losses[0].Start) != len(n.cri("F", "first of 1")) {
		t.Errorf("pins %q, ledger %+v", n.pinFiles(), n.losses)
	}
}

// The pin of a copy has nothing that its original has not, and nobody would ever let go of it.
func TestThePinOfACopyGoesWithItsName(t *testing.T) {
	n := newNode(t)
	n.lines("0.log", "a", "b")
	n.start()
	n.poll(0)
	text, err := os.ReadFile(n.path("0.log"))
	must(t, err)
	must(t, os.WriteFile(n.path("0.log.20261122-160000"), text, 0o640))
	n.poll(2 * time.Second)
	if got := n.pinFiles(); len(got) != 2 {
		t.Errorf("pins of a log and its copy: %q", got)
	}
	n.remove("0.log.20261122-160000")
	for range 3 {
		n.poll(20 * time.Second)
	}
	if got := n.pinFiles(); len(got) != 1 || got[0] != "0.log" {
		t.Errorf("pins when the copy is gone: %q", got)
	}
	n.want("a", "b")
}

func TestPinsOfFilesWithANameStay(t *testing.T) {
	n := newNode(t)
	n.max = 1
	n.lines("0.log", "a")
	n.start()
	n.poll(0)
	n.lines("0.log", "b")
	n.look(3, 20*time.Second)
	if len(n.pinFiles()) != 1 || len(n.losses) > 0 {
		t.Errorf("pins %q, ledger %+v", n.pinFiles(), n.losses)
	}
	n.poll(time.Second)
	n.want("a", "b")
}

// What was read, and what a .gz has as well, goes first and is no loss.
func TestAPinThatCostsNothingGoesFirst(t *testing.T) {
	n := newNode(t)
	n.max = 20 << 10
	n.lines("0.log", "a"+strings.Repeat(" ", 16<<10))
	n.start()
	n.poll(0)
	n.lines("0.log", "b"+strings.Repeat(" ", 16<<10))
	n.rename("0.log", "0.log.20261122-160141")
	n.lines("0.log", "c")
	n.look(2, time.Second)
	n.zip("0.log.20261122-160141")
	n.look(3, 20*time.Second)
	if got := n.pinFiles(); !slices.Equal(got, []string{"0.log"}) || len(n.losses) > 0 {
		t.Errorf("pins %q, ledger %+v", got, n.losses)
	}
	for range 3 {
		n.poll(20 * time.Second)
	}
	if got := n.messages(); !slices.Equal(got, []string{"a", "b", "c"}) || len(n.losses) > 0 {
		t.Errorf("delivered %q, ledger %+v", got, n.losses)
	}
}

// The writer may go on after the file was compressed. What was seen of that and not read is a loss like any other.
func TestWhatAGzLacksIsListed(t *testing.T) {
	n := newNode(t)
	n.pins = ""
	n.lines("0.log", "a")
	n.start()
	n.poll(0)
	text, err := os.ReadFile(n.path("0.log"))
	must(t, err)
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	_, err = z.Write(text)
	must(t, err)
	must(t, z.Close())
	n.rename("0.log", "0.log.20261122-160141")
	n.lines("0.log.20261122-160141", "late")
	n.lines("0.log", "b")
	n.look(1, time.Second)
	must(t, os.WriteFile(n.path("0.log.20261122-160141.gz"), buf.Bytes(), 0o640))
	for _, f := range n.tail.byID {
		n.tail.close(f) // as makeRoom does
	}
	n.remove("0.log.20261122-160141")
	for range 3 {
		n.poll(20 * time.Second)
	}
	n.want("a", "b")
	late := len(n.cri("F", "late"))
	if len(n.losses) != 1 || int(n.losses[0].Start) != len(text) || int(n.losses[0].End) != len(text)+late || n.losses[0].Cause != checkpoint.CauseDeleted {
		t.Errorf("ledger: %+v", n.losses)
	}
}

// One root on another mount leaves the pins of the others alone, and start-up says what protects which.
func TestARootOnAnotherMountStopsNoOtherPins(t *testing.T) {
	n := newNode(t)
	shm, err := os.MkdirTemp("/dev/shm", "logboom-test-") // on another file system than what TempDir gives
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(shm) })
	if err := sameMount(shm, n.root); err == nil {
		t.Fatal("this test needs /dev/shm and the folder of temporary files on different mounts")
	}
	other := filepath.Join(shm, "default_web-2_22222222-2222-3333-4444-555555555555", "app")
	must(t, os.MkdirAll(other, 0o755))
	must(t, os.WriteFile(filepath.Join(other, "0.log"), []byte(n.cri("F", "b")), 0o640))
	n.inputs = []Input{{Root: shm, Route: "logs"}, {Root: n.root, Route: "logs"}}
	n.lines("1.log", "a")
	n.start()
	n.poll(0)
	slices.Sort(n.got)
	n.want("a", "b")
	if got := n.pinFiles(); !slices.Equal(got, []string{"1.log"}) {
		t.Errorf("pins: %q", got)
	}
	if n.tail.Report().Pins {
		t.Error("the report says that pins protect everything")
	}
	if n.told("open descriptors protect what rotates away") != 1 || n.told("root="+shm) != 1 || n.told("pins protect what rotates away") != 1 || n.told("root="+n.root) != 1 {
		t.Errorf("told: %q", n.logged)
	}
}

// A mount below a root shows only when a link is made.
func TestAMountBelowARootIsTold(t *testing.T) {
	n := newNode(t)
	shm, err := os.MkdirTemp("/dev/shm", "logboom-test-")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(shm) })
	n.inputs[0].AllowedRoots = []string{shm}
	must(t, os.WriteFile(filepath.Join(shm, "x"), []byte(n.cri("F", "a")), 0o640))
	n.link(filepath.Join(shm, "x"), "0.log")
	n.start()
	for range 3 {
		n.poll(time.Second)
	}
	n.want("a")
	if n.told("open descriptors protect") != 1 || n.tail.Report().Pins {
		t.Errorf("told: %q", n.logged)
	}
}
