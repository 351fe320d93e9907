package tail

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"logboom/checkpoint"
	"logboom/wal"
)

// leave ends the agent as a SIGTERM does: it may still look and read for a moment.
func (n *node) leave() {
	n.t.Helper()
	n.ending = true
	n.poll(time.Second) // what is found in this scan may have begun to wait before the one of LookedAgain
	n.poll(time.Second)
	must(n.t, n.tail.Leave(n.now))
	n.ending = false
	n.stop()
}

// wantLost compares the bytes in the ledger.
func (n *node) wantLost(bytes int64) {
	n.t.Helper()
	var lost int64
	for _, l := range n.losses {
		if l.Cause != checkpoint.CauseDeleted || l.Read {
			n.t.Errorf("a loss of another kind: %+v", l)
		}
		lost += int64(l.End - l.Start)
	}
	if lost != bytes {
		n.t.Errorf("%d bytes in the ledger, want %d: %d entries", lost, bytes, len(n.losses))
		for _, l := range n.losses[:min(len(n.losses), 5)] {
			n.t.Errorf("%+v %s", l, l.File.Path)
		}
	}
}

// Where nothing can be pinned, what waits for its pod is read before the only descriptor of it is closed.
func TestWhatOnlyADescriptorKeepsDoesNotWaitBehindTheEnd(t *testing.T) {
	n := newNode(t)
	pods := told{}
	n.pods, n.pins = pods, ""
	n.lines("0.log", "a")
	n.start()
	n.poll(0)
	n.rename("0.log", "0.log.20261122-160141")
	n.lines("0.log", "b")
	n.write("0.log", "2026-11-22T16:01:42.000000000Z stdout F torn")
	n.poll(time.Second)
	n.remove("0.log.20261122-160141")
	n.remove("0.log")
	n.poll(time.Second)
	n.lines("1.log", "c") // these have names, and lose them while no agent runs
	n.poll(time.Second)
	n.lines("2.log", "d")
	n.want()
	n.leave()
	n.want("a", "b", "torn", "c", "d")
	n.remove("1.log")
	n.remove("2.log")
	n.start()
	for range 4 {
		n.poll(quietFor)
	}
	n.want("a", "b", "torn", "c", "d")
	n.wantLost(0)
}

// A pin keeps it for the next start, which may know the labels.
func TestWhatAPinKeepsWaitsForItsPodBehindTheEnd(t *testing.T) {
	n := newNode(t)
	pods := told{}
	n.pods = pods
	n.lines("0.log", "a")
	n.start()
	n.poll(0)
	n.remove("0.log")
	n.poll(time.Second)
	n.leave()
	n.want()
	pods["web-1"] = app("web")
	n.start()
	n.poll(0)
	n.poll(quietFor)
	n.want("a")
	n.wantLabels("web")
	n.wantLost(0)
}

// Where unknown pods are excluded, what has a name is left to the next start, which may know them; the rest is counted as excluded.
func TestTheEndExcludesOnlyWhatHasNoName(t *testing.T) {
	n := newNode(t)
	pods := told{}
	n.pods, n.pins = pods, ""
	n.inputs[0].ExcludeUnknown = true
	n.lines("0.log", "a")
	n.lines("1.log", "b")
	size := int64(len(n.cri("F", "a")))
	n.start()
	n.poll(0)
	n.remove("0.log")
	n.poll(time.Second)
	n.leave()
	if n.passedOver != size {
		t.Errorf("%d bytes are counted as excluded, want %d", n.passedOver, size)
	}
	pods["web-1"] = app("web")
	n.start()
	n.poll(0)
	n.want("b")
	n.wantLost(0)
}

// What an Event waits for never comes, and nobody else can send it. Nor is there a later turn for a pod that has its share.
func TestWhatHasNoNameHasItsTurnAtTheEnd(t *testing.T) {
	n := newNode(t)
	n.pins = ""
	n.lines("0.log", "a")
	n.start()
	n.poll(0)
	n.poll(time.Second)
	n.write("0.log", n.cri("P", "half"))
	n.poll(100 * time.Millisecond)
	n.tail.o.Waits = func(*wal.File) bool { return true }
	n.remove("0.log")
	n.ending = true
	n.want("a")
	n.tail.LookedAgain()
	n.poll(time.Millisecond)
	n.want("a", "half")
	n.leave()
	n.wantLost(0)
}

// What can't be read before the end is in the ledger, whatever it waited for.
func TestWhatEndsWithTheProcessIsListed(t *testing.T) {
	for name, waits := range map[string]bool{"waits for its pod": true, "waits for room": false} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			n.pins = ""
			if waits {
				n.pods = told{}
			}
			n.lines("0.log", "a", "b")
			named := filepath.Join(n.root, "default_other_u2", "app")
			must(t, os.MkdirAll(named, 0o755))
			must(t, os.WriteFile(filepath.Join(named, "0.log"), []byte(n.cri("F", "other")), 0o640))
			size := int64(len(n.cri("F", "a")) * 2)
			n.start()
			n.tail.Look(n.now)
			var b wal.Block
			n.tail.Poll(n.now, &b) // which never becomes durable
			n.remove("0.log")
			for range 2 {
				n.now = n.now.Add(time.Second)
				n.tail.Look(n.now)
			}
			n.ending = true
			must(n.t, n.tail.Leave(n.now)) // the time was over at once
			n.ending = false
			n.wantLost(size)
			n.pods = nil
			n.restart()
			for range 3 {
				n.poll(quietFor)
			}
			n.want("other")
			n.wantLost(size)
		})
	}
}

// What is gone already would be listed a second later: there is no such second at the end.
func TestWhatIsGoneBeforeTheEndIsListed(t *testing.T) {
	for name, c := range map[string]struct {
		gone  func(n *node)
		cause string
	}{
		"truncated": {func(n *node) { must(n.t, os.Truncate(n.path("0.log"), 0)) }, checkpoint.CauseTruncated},
		"removed, and no descriptor could be spared": {func(n *node) {
			for _, f := range n.tail.byID {
				n.tail.close(f) // as makeRoom does
			}
			n.remove("0.log")
		}, checkpoint.CauseDeleted},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			n.pins = ""
			n.lines("0.log", "a")
			n.start()
			n.poll(0)
			n.tail.o.Waits = func(*wal.File) bool { return true }
			n.lines("0.log", "b", "c")
			n.poll(time.Second)
			size := int64(len(n.cri("F", "b")) * 2)
			c.gone(n)
			n.ending = true
			n.tail.LookedAgain()
			n.poll(time.Millisecond)
			must(n.t, n.tail.Leave(n.now))
			n.ending = false
			n.restart()
			for range 4 {
				n.poll(quietFor)
			}
			n.want("a")
			if len(n.losses) != 1 || int64(n.losses[0].End-n.losses[0].Start) != size || n.losses[0].Cause != c.cause {
				t.Errorf("ledger: %+v, want %d bytes", n.losses, size)
			}
		})
	}
}

// Only so many .gz are read at a time. The others are not given up for that.
func TestTheEndReadsMoreZipsThanAreAwakeAtATime(t *testing.T) {
	n := newNode(t)
	n.pods, n.pins = told{}, ""
	var want []string
	for i := range 2*maxAwake + 3 {
		name := fmt.Sprintf("%d.log.20261122-160141", i)
		want = append(want, fmt.Sprint("m", i))
		n.lines(name, want[i], strings.Repeat("x", wal.TargetText), strings.Repeat("y", wal.TargetText))
		n.zip(name)
	}
	n.start()
	n.poll(0)
	n.want()
	for i := range want {
		n.remove(fmt.Sprintf("%d.log.20261122-160141.gz", i))
	}
	n.ending = true
	for range 1000 {
		n.poll(time.Millisecond)
		if n.tail.LookedAgain() {
			break
		}
	}
	must(n.t, n.tail.Leave(n.now))
	n.wantLost(0)
	if len(n.got) != 3*len(want) {
		t.Errorf("%d of %d were read", len(n.got), len(want))
	}
}
