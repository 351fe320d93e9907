package tail

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"logboom/checkpoint"
	"logboom/wal"
)

// TestAHoleIsFoundAfterAReboot: a power cut may take a page out of the middle of a log. Its last bytes are the same then, and
// prove nothing.
func TestAHoleIsFoundAfterAReboot(t *testing.T) {
	n := newNode(t)
	n.lines("0.log", "a", "b", strings.Repeat("c", wal.TailLen))
	n.start()
	n.poll(0)
	n.stop()
	text, err := os.ReadFile(n.path("0.log"))
	must(t, err)
	n.rewrite("0.log", strings.Replace(string(text), " b\n", " x\n", 1))
	n.boot, n.got, n.ids = false, nil, map[string]string{}
	n.start() // with the Offset of before; what take compares with is the new one
	for id, k := range n.states {
		k.Offset = 0
		n.states[id] = k
	}
	n.poll(0)
	n.want("a", "x", strings.Repeat("c", wal.TailLen))
}

// TestAnInodeThatWasGivenOutAgainIsAnotherFile, however much it looks like the one before: what tells them apart is the time of
// their birth.
func TestAnInodeThatWasGivenOutAgainIsAnotherFile(t *testing.T) {
	n := newNode(t)
	n.files("app.log")
	n.write("app.log", "banner\na\n")
	n.start()
	n.poll(0)
	n.stop()
	for id, k := range n.states { // what was read was born, and died, earlier
		f := *k.File
		f.Identity.Birth--
		k.File = &f
		n.states[id] = k
	}
	n.start()
	n.poll(0)
	n.want("banner", "a", "banner", "a")
}

// TestAFileIsNotOpenedByItsName: between two scans another file may have got it, and even look the same for a while.
func TestAFileIsNotOpenedByItsName(t *testing.T) {
	n := newNode(t)
	n.files("app.log")
	n.write("app.log", strings.Repeat("tick\n", 20))
	n.start()
	n.poll(0)
	for _, f := range n.tail.byID {
		n.tail.close(f)
	}
	n.rename("app.log", "app.log.1")
	n.write("app.log", strings.Repeat("tick\n", 30))
	n.poll(lookEvery) // before the next scan
	for range 3 {
		n.poll(20 * time.Second)
	}
	n.counts(map[string]int{"tick": 50})
}

// TestARenamedFileIsKeptForAWhile: the runtime may write on into it for a moment.
func TestARenamedFileIsKeptForAWhile(t *testing.T) {
	for _, pins := range []bool{true, false} {
		t.Run(fmt.Sprintf("pins %v", pins), func(t *testing.T) {
			n := newNode(t)
			if !pins {
				n.pins = ""
			}
			n.lines("0.log", "a")
			n.start()
			n.poll(0)
			n.rename("0.log", "0.log.20261122-160141")
			for range 5 {
				n.poll(time.Second)
			}
			n.lines("0.log.20261122-160141", "b")
			n.remove("0.log.20261122-160141") // the pod is deleted
			for range 3 {
				n.poll(20 * time.Second)
			}
			n.want("a", "b")
		})
	}
}

// TestAnUnlinkedFileIsKeptForAWhile, without pins by its descriptor.
func TestAnUnlinkedFileIsKeptForAWhile(t *testing.T) {
	n := newNode(t)
	n.pins = ""
	n.lines("0.log", "a")
	n.start()
	n.poll(0)
	writer, err := os.OpenFile(n.path("0.log"), os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	defer writer.Close()
	n.remove("0.log")
	n.poll(time.Second)
	_, err = writer.WriteString(n.cri("F", "b"))
	must(t, err)
	for range 3 {
		n.poll(time.Second)
	}
	n.want("a", "b")
}

// TestOnlyDurableRecordsCountAsRead: when the WAL gives up what is behind its last fsync, that is read again.
func TestOnlyDurableRecordsCountAsRead(t *testing.T) {
	n := newNode(t)
	n.lines("0.log", "a")
	n.start()
	n.poll(0)
	n.lines("0.log", "b")
	n.now = n.now.Add(time.Second)
	var b wal.Block
	n.tail.Poll(n.now, &b)
	if len(b.Records) != 1 {
		t.Fatalf("%d records", len(b.Records))
	}
	n.tail.Appended(n.index + 5)
	n.tail.Taken(n.index + 4)
	n.tail.Rewind()
	n.poll(time.Second)
	n.want("a", "b")
}

// exclusive is a Ledger that sees whether a scan keeps questions out while it commits.
type exclusive struct {
	*node
	commits, open int
}

func (e *exclusive) Commit(c checkpoint.Change) error {
	e.commits++
	if e.tail.reporting.TryLock() {
		e.tail.reporting.Unlock()
		e.open++
	}
	return e.node.Commit(c)
}

// TestAnAccountIsOfOneMoment: whoever asks Tailer and checkpoint how a File stands, asks while no scan moves bytes from one
// to the other.
func TestAnAccountIsOfOneMoment(t *testing.T) {
	n := newNode(t)
	n.lines("0.log", "a", "b")
	n.start()
	ledger := &exclusive{node: n}
	n.tail.o.Ledger = ledger
	n.poll(0)
	n.lines("0.log", "c")
	n.tail.scan(n.now) // it is known to have grown
	must(t, os.Truncate(n.path("0.log"), 0))
	for range 5 {
		n.poll(time.Second)
	}
	if ledger.commits == 0 || ledger.open > 0 {
		t.Errorf("%d commits of scans, %d of them with the door open", ledger.commits, ledger.open)
	}
	n.tail.Hold(func(Report) {
		if n.tail.reporting.TryLock() {
			t.Error("Hold does not keep scans out")
		}
	})
}

// TestARotationBetweenTwoScansEndsNoTrace: what stands in the next file, which nobody has met yet, may belong to it.
func TestARotationBetweenTwoScansEndsNoTrace(t *testing.T) {
	n := newMultilineNode(t)
	n.lines("0.log", "a")
	n.start()
	n.poll(0)
	n.lines("0.log", trace[:2]...)
	n.poll(500 * time.Millisecond)
	n.poll(500 * time.Millisecond) // a scan
	n.tail.hints.close()           // the kernel has none for what comes now
	n.rename("0.log", "0.log.20261122-160141")
	n.lines("0.log", trace[2:]...)
	n.lines("0.log", "b")
	n.poll(600 * time.Millisecond) // none, and the trace has waited for long enough
	for range 10 {
		n.poll(time.Second)
	}
	n.want("a", joined(trace...), "b")
}

// TestAFileThatIsStillCompressedIsNoLog: the kubelet gives a .gz its name when it is whole, and removes the plain file then.
func TestAFileThatIsStillCompressedIsNoLog(t *testing.T) {
	for _, text := range []string{"", "\x1f\x8b\x08", "2026-11-22T16:01:41.1Z stdout F not yet\n"} {
		n := newNode(t)
		n.lines("0.log.20261122-160141", "a")
		n.lines("0.log", "b")
		n.write("0.log.20261122-160141.tmp", text)
		n.start()
		for range 3 {
			n.poll(20 * time.Second)
		}
		n.want("a", "b")
		if len(n.tail.Report().Files) != 2 || len(n.losses) > 0 {
			t.Errorf("with %q: %+v, losses %v", text, n.tail.Report().Files, n.losses)
		}
	}
}

// TestAFileIsRememberedUntilItIsAcknowledged: a commit that comes later would remember it for ever.
func TestAFileIsRememberedUntilItIsAcknowledged(t *testing.T) {
	n := newNode(t)
	n.lines("0.log", "a")
	n.start()
	acked := wal.Index(0)
	n.tail.o.Acked = func() wal.Index { return acked }
	n.poll(0)
	must(t, os.RemoveAll(n.root))
	must(t, os.Mkdir(n.root, 0o755))
	for range 6 {
		n.poll(20 * time.Second)
	}
	if len(n.states) != 1 || len(n.tail.byID) != 1 {
		t.Fatalf("forgotten before it is acknowledged: %d states, %d files", len(n.states), len(n.tail.byID))
	}
	acked = n.index
	for range 2 {
		n.poll(20 * time.Second)
	}
	if len(n.states) != 0 || len(n.tail.byID) != 0 {
		t.Errorf("still remembered: %d states, %d files", len(n.states), len(n.tail.byID))
	}
}
