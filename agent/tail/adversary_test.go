package tail

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"logboom/wal"
)

func (n *node) files(pattern string) {
	n.inputs = []Input{{Paths: []string{filepath.Join(n.root, pod, "app", pattern)}, Route: "logs", Format: wal.Plain}}
}

// once: every message has exactly one document id.
func (n *node) once(messages ...string) {
	n.t.Helper()
	got := map[string]int{}
	for _, m := range n.ids {
		got[m]++
	}
	for _, m := range messages {
		if got[m] != 1 {
			n.t.Errorf("%q is stored under %d ids", m, got[m])
		}
	}
}

func TestManySmallFilesFitIntoABlock(t *testing.T) {
	n := newNode(t)
	n.pins = ""
	n.files("*.log")
	for i := range 5000 {
		n.write(fmt.Sprintf("%d.log", i), "x\n")
	}
	n.start()
	for range 100 {
		var b wal.Block
		next := n.tail.Poll(n.now, &b)
		if len(b.Records) > wal.MaxRecords {
			t.Fatalf("a Block of %d Records: wal.Append panics above %d", len(b.Records), wal.MaxRecords)
		}
		if !next.IsZero() {
			return
		}
	}
}

func TestRewindReadsAGzAgain(t *testing.T) {
	n := newNode(t)
	n.lines("0.log.20261122-160141", "a", "b")
	n.zip("0.log.20261122-160141")
	n.lines("0.log", "c")
	n.start()
	var b wal.Block
	n.tail.Poll(n.now, &b)
	n.tail.Rewind()
	for range 4 {
		n.poll(20 * time.Second)
	}
	n.once("a", "b", "c")
	if !t.Failed() {
		return
	}
	t.Logf("AtEnd: %v", n.tail.AtEnd())
}

func TestRewindKeepsAChain(t *testing.T) {
	n := newNode(t)
	n.write("0.log", n.cri("F", "a")+n.cri("P", "b1"))
	n.start()
	n.poll(0)
	n.rename("0.log", "0.log.20261122-160141")
	n.write("0.log", n.cri("F", "b2")+n.cri("F", "c"))
	n.now = n.now.Add(time.Second)
	for range 20 {
		var b wal.Block
		n.tail.Poll(n.now, &b)
		if len(b.Records) == 2 && b.Records[0].Chained {
			n.tail.Rewind()
			n.poll(0)
			n.poll(time.Second)
			n.poll(time.Minute)
			n.poll(time.Minute)
			n.want("a", "b1b2", "c")
			return
		}
		if len(b.Records) > 0 {
			n.take(&b)
		}
		n.now = n.now.Add(20 * time.Millisecond)
	}
	t.Fatal("no chain")
}

func TestPinsOfSilentContainersGo(t *testing.T) {
	n := newNode(t)
	n.write("0.log", "")
	n.start()
	n.poll(0)
	must(t, os.RemoveAll(filepath.Join(n.root, pod)))
	for range 10 {
		n.poll(time.Minute)
	}
	if left, _ := filepath.Glob(filepath.Join(n.pins, "*", "*", "*")); len(left) > 0 {
		t.Errorf("pins are left ten minutes after the pod is gone: %v; folders in memory: %d", left, len(n.tail.folders))
	}
}

func TestAFileMissedByOneScanIsReadAgain(t *testing.T) {
	n := newNode(t)
	n.pins = ""
	n.lines("0.log", "a")
	n.start()
	n.poll(0)
	n.poll(5 * time.Second)
	for _, f := range n.tail.byID {
		n.tail.close(f) // as closeQuiet does above MaxOpen, or fail after EIO
	}
	n.rename("0.log", "hidden") // as a readdir that races with a rename, or fails with EMFILE, sees it
	n.poll(time.Second)
	n.rename("hidden", "0.log")
	n.lines("0.log", "b")
	for range 5 {
		n.poll(20 * time.Second)
	}
	n.once("a", "b")
	if t.Failed() {
		t.Logf("AtEnd %v, losses %v", n.tail.AtEnd(), n.losses)
	}
}

func TestARenameInsideTheGlobIsTheSameFileAfterARestart(t *testing.T) {
	n := newNode(t)
	n.files("*.log")
	n.write("app.log", "a\nb\n")
	n.start()
	n.poll(0)
	n.rename("app.log", "app-2026-11-22.log") // logback, log4j
	n.write("app.log", "c\n")
	n.poll(time.Second)
	n.restart()
	n.poll(0)
	n.poll(20 * time.Second)
	n.once("a", "b", "c")
}

func TestACompressedFileInsideTheGlobIsNoNewFile(t *testing.T) {
	for _, live := range []bool{true, false} {
		t.Run(fmt.Sprint("agent up ", live), func(t *testing.T) {
			n := newNode(t)
			n.files("app.log*")
			n.write("app.log", "a\nb\n")
			n.start()
			n.poll(0)
			if !live {
				n.stop()
			}
			n.rename("app.log", "app.log.1")
			n.write("app.log", "c\n")
			if live {
				n.poll(time.Second)
			}
			n.zip("app.log.1")
			if !live {
				n.start()
			}
			for range 5 {
				n.poll(20 * time.Second)
			}
			n.once("a", "b", "c")
		})
	}
}

func TestTwoRotationsBetweenLooksLoseNoFile(t *testing.T) {
	for _, live := range []bool{true, false} {
		t.Run(fmt.Sprint("agent up ", live), func(t *testing.T) {
			n := newNode(t)
			n.files("app.log")
			n.write("app.log", "first\na\n")
			n.start()
			n.poll(0)
			if !live {
				n.stop()
			}
			n.write("app.log", "b\n")
			n.rename("app.log", "app.log.1")
			n.write("app.log", "second\nmiddle\n")
			n.rename("app.log.1", "app.log.2")
			n.rename("app.log", "app.log.1")
			n.write("app.log", "third\nc\n")
			if !live {
				n.start()
			}
			for range 5 {
				n.poll(20 * time.Second)
			}
			n.once("a", "b", "middle", "c")
			if t.Failed() {
				t.Logf("losses %v", n.losses)
			}
		})
	}
}

func TestWhatOnlyTheGzHasIsRead(t *testing.T) {
	n := newNode(t)
	n.pins = ""
	n.lines("0.log", "a")
	n.start()
	n.poll(0)
	n.poll(5 * time.Second)
	for _, f := range n.tail.byID {
		n.tail.close(f) // as closeQuiet does above MaxOpen
	}
	n.lines("0.log", "b")
	n.rename("0.log", "0.log.20261122-160141")
	n.zip("0.log.20261122-160141")
	n.lines("0.log", "c")
	for range 5 {
		n.poll(20 * time.Second)
	}
	n.once("a", "b", "c")
	if t.Failed() {
		t.Logf("AtEnd %v losses %v", n.tail.AtEnd(), n.losses)
	}
}

func TestADamagedGzIsDeliveredOrListed(t *testing.T) {
	for _, size := range []int{10, 20000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			n := newNode(t)
			var buf bytes.Buffer
			z := gzip.NewWriter(&buf)
			for i := range size {
				fmt.Fprint(z, n.cri("F", fmt.Sprint("m", i)))
			}
			z.Close()
			must(t, os.MkdirAll(filepath.Dir(n.path("x")), 0o755))
			must(t, os.WriteFile(n.path("0.log.20261122-160141.gz"), buf.Bytes()[:buf.Len()-4], 0o640))
			old := time.Now().Add(-time.Hour)
			must(t, os.Chtimes(n.path("0.log.20261122-160141.gz"), old, old))
			n.lines("0.log", "live")
			n.start()
			for range 5 {
				n.poll(20 * time.Second)
			}
			t.Logf("delivered while it is there: %d of %d", len(n.got)-1, size)
			n.remove("0.log.20261122-160141.gz")
			for range 5 {
				n.poll(20 * time.Second)
			}
			if len(n.got) != size+1 && len(n.losses) == 0 {
				t.Errorf("%d of %d lines delivered, and nothing in the ledger", len(n.got)-1, size)
			}

		})
	}
}

func TestTwoInputsInOneFolderKeepTheirRoutes(t *testing.T) {
	n := newNode(t)
	dir := filepath.Join(n.root, pod, "app")
	n.inputs = []Input{{Paths: []string{dir + "/a.log"}, Route: "index-a", Format: wal.Plain}, {Paths: []string{dir + "/b.log"}, Route: "index-b", Format: wal.Plain}}
	n.write("a.log", "a\n")
	n.write("b.log", "b\n")
	n.start()
	n.poll(0)
	for _, k := range n.states {
		if want := "index-" + filepath.Base(k.File.Path)[:1]; k.File.Route != want {
			t.Errorf("%s goes to %s", k.File.Path, k.File.Route)
		}
	}
}

func TestAFileThatShrankBehindItsOffsetIsAtItsEnd(t *testing.T) {
	n := newNode(t)
	n.files("*.log")
	n.write("app.log", "a\nbbbbbb")
	n.start()
	n.poll(0)
	must(t, os.Truncate(n.path("app.log"), 5))
	n.tail.Flush()
	for range 5 {
		n.poll(20 * time.Second)
	}
	if !n.tail.AtEnd() {
		t.Errorf("never at its end: --exit-when-drained never ends; report %+v", n.tail.Report().Files)
	}
}

func TestPodsDeletedWhileTheAgentIsDownAreForgotten(t *testing.T) {
	n := newNode(t)
	n.pins = ""
	n.lines("0.log", "a")
	n.start()
	n.poll(0)
	n.stop()
	must(t, os.RemoveAll(filepath.Join(n.root, pod)))
	n.start()
	for range 10 {
		n.poll(time.Minute)
	}
	if len(n.states) > 0 || len(n.tail.byID) > 0 {
		t.Errorf("%d rows in the checkpoint, %d Files in memory, for ever", len(n.states), len(n.tail.byID))
	}
}

func TestOnePinThatFailsStopsNoOther(t *testing.T) {
	n := newNode(t)
	must(t, os.MkdirAll(n.pins, 0o700))
	must(t, os.WriteFile(filepath.Join(n.pins, pod), nil, 0o600)) // no folder can be made here; ENOSPC does the same
	n.lines("0.log", "a")
	n.start()
	n.poll(0)
	other := filepath.Join(n.root, "default_web-2_22222222-2222-3333-4444-555555555555", "app")
	must(t, os.MkdirAll(other, 0o755))
	must(t, os.WriteFile(filepath.Join(other, "0.log"), []byte(n.cri("F", "b")), 0o640))
	n.poll(time.Second)
	if left, _ := filepath.Glob(filepath.Join(n.pins, "default_web-2*", "*", "*")); len(left) == 0 {
		t.Error("the other pod is not pinned")
	}
}

func TestWhatIsGoneIsNotRemembered(t *testing.T) {
	n := newNode(t)
	n.files("app.log")
	n.write("app.log", "a\n")
	n.start()
	n.poll(0)
	for i := range 50 { // siblings come and go
		name := fmt.Sprintf("app.log.%d", i)
		n.write(name, fmt.Sprintf("other %d\n", i))
		n.write("app.log", "x\n")
		n.poll(time.Second)
		n.remove(name)
		n.poll(time.Second)
	}
	for _, fo := range n.tail.folders {
		if len(fo.passed) > 5 {
			t.Errorf("%d entries about files that are gone", len(fo.passed))
		}
	}
	m := newNode(t)
	m.lines("0.log", "a")
	m.start()
	for i := range 50 {
		name := fmt.Sprintf("%d.log", i+1)
		must(t, os.Symlink("/etc/passwd", m.path(name)))
		m.poll(time.Second)
		m.remove(name)
		m.poll(time.Second)
	}
	if len(m.tail.warned) > maxWarned {
		t.Errorf("%d warned about, all gone", len(m.tail.warned))
	}
}

func TestACRIFileThatRegrewAfterAPowerCutLosesNothing(t *testing.T) {
	n := newNode(t)
	n.lines("0.log", "a", "b", "c", "d")
	n.start()
	n.poll(0)
	n.stop()
	n.boot = false
	line := int64(len(n.cri("F", "a")))
	must(t, os.Truncate(n.path("0.log"), 2*line))
	n.lines("0.log", "e", "f", "g", "h")
	n.start()
	// It is read again from its start: what was stored is met with its own ids.
	clear(n.ids)
	for id, k := range n.states {
		k.Offset = 0
		n.states[id] = k
	}
	for range 5 {
		n.poll(20 * time.Second)
	}
	for _, want := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		if !slices.Contains(n.got, want) {
			t.Errorf("%q is not delivered", want)
		}
	}
	if len(n.tail.byID) != 1 {
		t.Errorf("%d Files, want the one", len(n.tail.byID))
	}
}
