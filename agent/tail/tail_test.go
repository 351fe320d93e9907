package tail

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"logboom/agent/parse"
	"logboom/checkpoint"
	"logboom/sink"
	"logboom/wal"
)

// node is a folder of pod logs with a Tailer over it, and an oracle: what was delivered, by message.
type node struct {
	t      testing.TB
	root   string
	pins   string
	now    time.Time
	clock  int
	tail   *Tailer
	index  wal.Index
	acked  wal.Index
	states map[wal.FileID]Known
	losses []checkpoint.Loss
	got    []string
	events []sink.Event // as got, without Raw and Message
	first  bool
	boot   bool
	broken bool // the ledger
	ending bool // Options.Ending
	fault  func(path string) error

	passedOver int64 // bytes of excluded Files that are forgotten
	max        int64 // Options.MaxPins
	inputs     []Input
	pods       Pods
	logged     []string
	ids        map[string]string // document id to message: no id may stand for two messages
}

func newNode(t testing.TB) *node {
	dir := t.TempDir()
	n := &node{t: t, root: filepath.Join(dir, "pods"), pins: filepath.Join(dir, "pins"), now: time.Now(), states: map[wal.FileID]Known{},
		first: true, boot: true, ids: map[string]string{}}
	n.inputs = []Input{{Root: n.root, Route: "logs"}}
	must(t, os.MkdirAll(n.root, 0o755))
	t.Cleanup(func() { n.stop() })
	return n
}

func (n *node) start() {
	var known []Known
	for _, k := range n.states {
		known = append(known, k)
	}
	n.tail = New(Options{Inputs: n.inputs, Node: "node1", PinDir: n.pins, MaxPins: n.max, Known: known, SameBoot: n.boot, First: n.first,
		Pods: n.pods, PodWait: func() time.Duration { return podWait }, Ending: func() bool { return n.ending }, Fault: n.fails, Ledger: n, Acked: func() wal.Index { return n.acked }, Log: slog.New(slog.NewTextHandler(logWriter{n}, nil))})
	n.first = false
}

// fails is Options.Fault.
func (n *node) fails(path string) error {
	if n.fault == nil {
		return nil
	}
	return n.fault(path)
}

// stop ends the Tailer as a SIGKILL would: only what was taken is remembered.
func (n *node) stop() {
	if n.tail != nil {
		n.tail.Close()
		n.tail = nil
	}
}

func (n *node) restart() { n.stop(); n.start() }

type logWriter struct{ n *node }

func (w logWriter) Write(p []byte) (int, error) {
	w.n.logged = append(w.n.logged, string(p))
	w.n.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

func (n *node) Commit(c checkpoint.Change) error {
	if n.broken {
		return errors.New("no space left for the ledger")
	}
	n.losses = append(n.losses, c.Losses...)
	for _, id := range c.Forget {
		if f := n.states[id].File; f != nil && f.Excluded != "" {
			n.passedOver += int64(n.states[id].Offset)
		}
		delete(n.states, id)
	}
	for _, f := range c.Files { // behind Forget, as checkpoint does it
		n.states[f.File.ID] = Known{FileState: f}
	}
	return nil
}

// poll moves the clock on and reads all there is. Everything read becomes durable.
func (n *node) poll(wait time.Duration) {
	n.t.Helper()
	n.now = n.now.Add(wait)
	for range 10000 {
		var b wal.Block
		next := n.tail.Poll(n.now, &b)
		n.take(&b)
		if !next.IsZero() {
			return
		}
	}
	n.t.Fatal("the Tailer is never done")
}

func (n *node) take(b *wal.Block) {
	n.t.Helper()
	n.index++
	b.Time = n.now
	var p parse.Parser
	check := 0
	for _, r := range b.Records {
		if len(r.Text) == 0 {
			n.t.Errorf("a record of %s at %d holds nothing: no WAL takes it", r.File.Path, r.Start)
		}
		if got := b.Text[check : check+len(r.Text)]; !bytes.Equal(got, r.Text) || int(r.End-r.Start) != len(r.Text) {
			n.t.Errorf("record [%d, %d) of %s does not hold its text", r.Start, r.End, r.File.Path)
		}
		check += len(r.Text)
		if k, ok := n.states[r.File.ID]; ok && r.Start != k.Offset {
			n.t.Errorf("record of %s starts at %d, the one before ended at %d", r.File.Path, r.Start, k.Offset)
		} else if !ok && r.Start != r.File.Start {
			n.t.Errorf("the first record of %s starts at %d", r.File.Path, r.Start)
		}
		n.states[r.File.ID] = Known{FileState: checkpoint.FileState{File: r.File, Offset: r.End, Prefix: r.Prefix, Tail: r.Tail}, Index: n.index}
	}
	must(n.t, p.Events(b, func(e *sink.Event) error {
		n.got = append(n.got, string(e.Message))
		n.events = append(n.events, sink.Event{File: e.File, Offset: e.Offset, Stream: e.Stream, Part: e.Part, Last: e.Last, GoesOn: e.GoesOn})
		id := fmt.Sprintf("%s/%d/%d", e.File.ID, e.Offset, e.Sum)
		if m, ok := n.ids[id]; ok {
			n.t.Errorf("id %s stands for %q and %q", id, m, e.Message)
		}
		n.ids[id] = string(e.Message)
		return nil
	}))
	n.tail.Appended(n.index)
	n.tail.Taken(n.index)
	n.acked = n.index
}

// want compares all messages so far, in any order between Files but each exactly once.
func (n *node) want(messages ...string) {
	n.t.Helper()
	if d := cmp.Diff(messages, n.got); d != "" {
		n.t.Errorf("messages: -want +got\n%s", d)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const pod = "default_web-1_11111111-2222-3333-4444-555555555555"

func (n *node) path(name string) string { return filepath.Join(n.root, pod, "app", name) }

// cri makes a CRI line of a time of its own.
func (n *node) cri(tag, message string) string {
	n.clock++
	return fmt.Sprintf("2026-11-22T16:01:41.%09dZ stdout %s %s\n", n.clock, tag, message)
}

func (n *node) write(name, text string) {
	n.t.Helper()
	must(n.t, os.MkdirAll(filepath.Dir(n.path(name)), 0o755))
	f, err := os.OpenFile(n.path(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	must(n.t, err)
	_, err = f.WriteString(text)
	must(n.t, err)
	must(n.t, f.Close())
}

func (n *node) lines(name string, messages ...string) {
	n.t.Helper()
	for _, m := range messages {
		n.write(name, n.cri("F", m))
	}
}

func (n *node) rename(from, to string) { n.t.Helper(); must(n.t, os.Rename(n.path(from), n.path(to))) }
func (n *node) remove(name string)     { n.t.Helper(); must(n.t, os.Remove(n.path(name))) }

// zip does what the kubelet does to a rotated file.
func (n *node) zip(name string) {
	n.t.Helper()
	text, err := os.ReadFile(n.path(name))
	must(n.t, err)
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	_, err = z.Write(text)
	must(n.t, err)
	must(n.t, z.Close())
	must(n.t, os.WriteFile(n.path(name+".tmp"), buf.Bytes(), 0o640))
	n.rename(name+".tmp", name+".gz")
	n.remove(name)
}

func TestRotationByRenameLosesNothing(t *testing.T) {
	n := newNode(t)
	n.lines("0.log", "a", "b")
	n.start()
	n.poll(0)
	n.lines("0.log", "c")
	n.rename("0.log", "0.log.20261122-160141")
	n.lines("0.log.20261122-160141", "d") // a writer goes on for a moment
	n.lines("0.log", "e")
	n.poll(time.Second)
	n.lines("0.log.20261122-160141", "f")
	n.poll(time.Second)
	n.want("a", "b", "c", "d", "e", "f")
	n.zip("0.log.20261122-160141")
	n.poll(20 * time.Second)
	n.poll(20 * time.Second)
	n.lines("0.log", "g")
	n.poll(time.Second)
	n.want("a", "b", "c", "d", "e", "f", "g")
}

func TestRotationsWhileTheAgentIsDownLoseNothing(t *testing.T) {
	for _, pins := range []bool{true, false} {
		for _, boot := range []bool{true, false} {
			t.Run(fmt.Sprintf("pins %v same boot %v", pins, boot), func(t *testing.T) {
				n := newNode(t)
				if !pins {
					n.pins = ""
				}
				n.boot = boot
				n.lines("0.log", "a", "b")
				n.start()
				n.poll(0)
				n.stop()
				n.lines("0.log", "c")
				n.rename("0.log", "0.log.20261122-160141")
				n.lines("0.log", "d")
				n.zip("0.log.20261122-160141")
				n.rename("0.log", "0.log.20261122-160142")
				n.lines("0.log", "e")
				n.start()
				for range 4 {
					n.poll(20 * time.Second)
				}
				n.want("a", "b", "c", "d", "e")
				n.restart()
				n.poll(20 * time.Second)
				n.poll(20 * time.Second)
				n.want("a", "b", "c", "d", "e")
			})
		}
	}
}

func TestPinsKeepWhatAKilledAgentHadSeen(t *testing.T) {
	n := newNode(t)
	n.lines("0.log", "a")
	n.start()
	n.poll(0)
	n.stop()
	n.lines("0.log", "b")
	must(t, os.RemoveAll(filepath.Join(n.root, pod)))
	n.start()
	n.poll(0)
	n.poll(20 * time.Second)
	n.want("a", "b")
	for range 4 {
		n.poll(20 * time.Second)
	}
	if left, _ := filepath.Glob(filepath.Join(n.pins, "*", "*", "*")); len(left) > 0 {
		t.Errorf("pins are left: %v", left)
	}
	if len(n.states) > 0 || len(n.tail.byID) > 0 || n.tail.open != 0 {
		t.Errorf("something is remembered of what is gone: %d states, %d files, %d open", len(n.states), len(n.tail.byID), n.tail.open)
	}
}

func TestAnUnknownPinIsAdopted(t *testing.T) {
	n := newNode(t)
	n.lines("0.log", "a")
	n.start()
	n.poll(0)
	n.stop()
	clear(n.states) // the checkpoint is lost
	n.got, n.ids = nil, map[string]string{}
	must(t, os.RemoveAll(filepath.Join(n.root, pod)))
	n.start()
	n.poll(0)
	n.poll(20 * time.Second)
	n.want("a")
}

func TestALostCheckpointGivesTheSameIDs(t *testing.T) {
	n := newNode(t)
	n.lines("0.log", "a", "b")
	n.start()
	n.poll(0)
	before := n.ids
	n.stop()
	clear(n.states)
	n.ids, n.got = map[string]string{}, nil
	n.rename("0.log", "0.log.20261122-160141")
	n.zip("0.log.20261122-160141")
	n.start()
	n.poll(20 * time.Second)
	if d := cmp.Diff(before, n.ids); d != "" {
		t.Error(d)
	}
}

func TestPartialsAreJoinedAcrossARotation(t *testing.T) {
	n := newNode(t)
	n.write("0.log", n.cri("F", "a")+n.cri("P", "b1"))
	n.start()
	n.poll(0)
	n.want("a")
	n.rename("0.log", "0.log.20261122-160141")
	n.write("0.log.20261122-160141", n.cri("P", "b2"))
	n.write("0.log", n.cri("F", "b3")+n.cri("F", "c"))
	n.poll(time.Second)
	n.poll(time.Second)
	n.want("a", "b1b2b3", "c")
}

func TestPartialsAreJoinedAcrossARotationThatNobodySaw(t *testing.T) {
	n := newNode(t)
	n.write("0.log", n.cri("F", "a")+n.cri("P", "b1"))
	n.rename("0.log", "0.log.20261122-160141")
	n.zip("0.log.20261122-160141")
	n.write("0.log", n.cri("F", "b2")+n.cri("F", "c"))
	n.start()
	n.poll(0)
	n.poll(time.Second)
	n.want("a", "b1b2", "c")
}

func TestAPartialThatNothingFollowsIsDelivered(t *testing.T) {
	n := newNode(t)
	n.write("0.log", n.cri("F", "a")+n.cri("P", "b"))
	n.start()
	n.poll(0)
	n.poll(time.Second)
	n.want("a")
	n.poll(openFor + time.Second)
	n.want("a", "b")
	n.write("0.log", n.cri("F", "c"))
	n.poll(time.Second)
	n.want("a", "b", "c")
}

func TestALineWithoutNewlineIsDeliveredWhenItsFileHasEnded(t *testing.T) {
	n := newNode(t)
	n.lines("0.log", "a")
	n.write("0.log", strings.TrimSuffix(n.cri("F", "b"), "\n"))
	n.start()
	n.poll(0)
	n.poll(time.Minute)
	n.want("a")
	n.rename("0.log", "0.log.20261122-160141")
	n.lines("0.log", "c")
	n.poll(time.Minute)
	n.poll(time.Minute)
	n.want("a", "b", "c")
}

func TestFlushLeavesNothing(t *testing.T) {
	n := newNode(t)
	n.write("0.log", "no newline")
	n.start()
	n.poll(0)
	n.want()
	n.tail.Flush()
	n.poll(0)
	n.want("no newline")
	if !n.tail.AtEnd() {
		t.Error("not at the end")
	}
}

func TestALongLineIsSplitAndNumbered(t *testing.T) {
	n := newNode(t)
	n.inputs[0].Format = wal.Plain
	long := strings.Repeat("x", 2*wal.MaxText+5)
	n.write("0.log", "a\n"+long+"\nb\n")
	n.start()
	n.poll(0)
	if got := strings.Join(n.got, ""); got != "a"+long+"b" || len(n.got) != 5 {
		t.Errorf("%d messages, %d bytes", len(n.got), len(got))
	}
}

func TestAnInodeThatComesBackIsAnotherFile(t *testing.T) {
	n := newNode(t)
	n.pins = ""
	n.lines("0.log", "a")
	n.start()
	n.poll(0)
	n.stop() // no descriptor is held: the inode is free
	n.remove("0.log")
	n.lines("0.log", "b", "c")
	n.start()
	n.poll(0)
	n.poll(time.Second)
	n.want("a", "b", "c")
}

func TestTruncationMakesANewFileAndALedgerEntry(t *testing.T) {
	n := newNode(t)
	n.lines("0.log", "a", "b")
	n.start()
	n.poll(0)
	n.lines("0.log", "c", "d")
	n.tail.scan(n.now) // it is known to have grown
	must(t, os.Truncate(n.path("0.log"), 0))
	n.poll(time.Second)
	n.lines("0.log", "e")
	for range 5 {
		n.poll(time.Second)
	}
	n.want("a", "b", "e")
	if len(n.losses) != 1 || n.losses[0].Cause != checkpoint.CauseTruncated || !n.losses[0].AtLeast ||
		int(n.losses[0].End-n.losses[0].Start) != 2*len(n.cri("F", "c")) {
		t.Errorf("ledger: %+v", n.losses)
	}
}

func TestATruncatedFileThatGrewPastItsOffsetIsNotMistaken(t *testing.T) {
	n := newNode(t)
	n.lines("0.log", "a", "b")
	n.start()
	n.poll(0)
	must(t, os.Truncate(n.path("0.log"), 0))
	n.lines("0.log", "c", "d", "e", "f", "g")
	for range 5 {
		n.poll(time.Second)
	}
	n.want("a", "b", "c", "d", "e", "f", "g")
}

func TestRewindReadsAgain(t *testing.T) {
	n := newNode(t)
	n.lines("0.log", "a", "b")
	n.start()
	var b wal.Block
	n.tail.Poll(n.now, &b)
	if len(b.Records) != 1 {
		t.Fatalf("%d records", len(b.Records))
	}
	n.tail.Rewind()
	n.poll(0)
	n.want("a", "b")
}

// What was read and can't be written must be read again. When its file is gone by then, that is a loss like any other.
func TestWhatIsGoneBeforeItIsDurableIsListed(t *testing.T) {
	n := newNode(t)
	n.lines("0.log", "a", "b")
	n.start()
	var b wal.Block
	n.tail.Poll(n.now, &b)
	must(t, os.Truncate(n.path("0.log"), 0))
	for range 5 {
		n.now = n.now.Add(time.Second)
		n.tail.Look(n.now)
	}
	if len(n.losses) > 0 {
		t.Fatalf("what may become durable yet is called lost: %+v", n.losses)
	}
	n.tail.Rewind()
	for range 5 {
		n.poll(time.Second)
	}
	if len(n.losses) != 1 || n.losses[0].Start != 0 || int(n.losses[0].End) != len(b.Text) || n.losses[0].Cause != checkpoint.CauseTruncated {
		t.Errorf("ledger: %+v", n.losses)
	}
}

func TestAnUnreadableFileStopsNoOther(t *testing.T) {
	n := newNode(t)
	n.lines("0.log", "a")
	must(t, os.Symlink("/etc/passwd", n.path("1.log"))) // leads out of the root
	must(t, os.Mkdir(n.path("2.log"), 0o755))
	n.start()
	n.poll(0)
	n.want("a")
	r := n.tail.Report()
	if len(r.Files) != 2 || r.Files[0].State != "unreadable" || r.Files[0].Error == "" {
		t.Errorf("report: %+v", r.Files)
	}
}

func TestFromNowPassesOverWhatIsThere(t *testing.T) {
	n := newNode(t)
	n.inputs[0].FromNow = true
	n.lines("0.log", "a", "b")
	n.lines("0.log.20261122-160141", "old")
	n.zip("0.log.20261122-160141")
	n.start()
	n.poll(0)
	n.lines("0.log", "c")
	n.poll(time.Second)
	n.restart()
	n.lines("0.log", "d")
	n.poll(time.Second)
	n.poll(time.Second)
	n.want("c", "d")
}

func TestFilesInputFollowsRotationAcrossARestart(t *testing.T) {
	n := newNode(t)
	dir := filepath.Join(n.root, pod, "app")
	n.inputs = []Input{{Paths: []string{filepath.Join(dir, "*.log")}, Route: "logs", Format: wal.Plain}}
	n.write("web.log", "start\na\n")
	n.write("db.log", "start\n")
	n.start()
	n.poll(0)
	n.stop()
	n.write("web.log", "b\n")
	n.rename("web.log", "web.log.1")
	n.write("web.log", "start\nc\n")
	n.start()
	for range 4 {
		n.poll(20 * time.Second)
	}
	n.lines("db.log")
	got := map[string]int{}
	for _, m := range n.got {
		got[m]++
	}
	if d := cmp.Diff(map[string]int{"start": 3, "a": 1, "b": 1, "c": 1}, got); d != "" {
		t.Error(d)
	}
	if _, err := os.Stat(n.pins); err == nil {
		t.Error("a files input was pinned: logrotate refuses files with two links")
	}
}

// A .gz that starts like a known File is that File only if all that was read of it is there.
func TestARotatedFileIsMatchedByAllThatWasRead(t *testing.T) {
	n := newNode(t)
	dir := filepath.Join(n.root, pod, "app")
	n.inputs = []Input{{Paths: []string{filepath.Join(dir, "*.log")}, Route: "logs", Format: wal.Plain}}
	n.write("web.log", "start\nyesterday's\n")
	n.rename("web.log", "web.log-20261121")
	n.zip("web.log-20261121")
	n.write("web.log", "start\ntoday's\n")
	n.start()
	n.poll(0)
	n.stop()
	n.write("web.log", "the rest\n")
	n.rename("web.log", "web.log-20261122")
	n.zip("web.log-20261122")
	n.start()
	for range 4 {
		n.poll(20 * time.Second)
	}
	n.want("start", "today's", "the rest")
}

// After a power cut the log can be shorter than what the WAL holds of it: its writer goes on from there.
func TestALogThatLostItsEndInAPowerCutIsTheSameFile(t *testing.T) {
	n := newNode(t)
	n.lines("0.log", "a", "b", "c")
	n.start()
	n.poll(0)
	n.stop()
	n.boot = false
	info, err := os.Stat(n.path("0.log"))
	must(t, err)
	must(t, os.Truncate(n.path("0.log"), info.Size()*2/3))
	n.start() // with the old Offset; what take compares with is the new one
	for id, k := range n.states {
		k.Offset = wal.Offset(info.Size() * 2 / 3)
		n.states[id] = k
	}
	n.poll(0)
	if !n.tail.AtEnd() {
		t.Error("not at the end of a file that has none")
	}
	n.lines("0.log", "d")
	n.poll(time.Second)
	n.want("a", "b", "c", "d")
	if len(n.losses) > 0 {
		t.Errorf("ledger: %+v", n.losses)
	}
}

// Nothing has looked at a quiet file for long when it is rotated: the next one must not wait for it to end.
func TestAFileDoesNotWaitForAQuietPredecessor(t *testing.T) {
	n := newNode(t)
	n.lines("0.log", "a")
	n.start()
	n.poll(0)
	for range 5 {
		n.poll(time.Second)
	}
	n.rename("0.log", "0.log.20261122-160141")
	n.lines("0.log", "b")
	n.poll(time.Second)
	n.poll(lookEvery)
	n.want("a", "b")
}

// A power cut may leave a hole where the first line was. The lines behind it are what the runtime wrote all the same.
func TestATornFirstLineDoesNotChangeTheFormat(t *testing.T) {
	for name, torn := range map[string]string{"before others": "\x00\x00\x00 stdout F x\n", "longer than what is looked at": strings.Repeat("\x00", 2*wal.MaxHead) + "\n"} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			n.write("0.log", torn)
			n.lines("0.log", "a")
			n.start()
			n.poll(0)
			n.want(strings.TrimSuffix(torn, "\n"), "a")
		})
	}
}

// A power cut can leave a hole where the first line of a log was that is delivered already. It is read again, under the
// ids that it had.
func TestALogThatLostItsFirstLineKeepsItsID(t *testing.T) {
	n := newNode(t)
	n.lines("0.log", "a", "b", "c")
	n.start()
	n.poll(0)
	n.stop()
	before := n.ids
	n.boot, n.ids = false, map[string]string{}
	f, err := os.OpenFile(n.path("0.log"), os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteAt(make([]byte, 20), 0)
	must(t, err)
	must(t, f.Close())
	n.start() // with the Offset of before; what take compares with is the new one
	for id, k := range n.states {
		k.Offset = 0
		n.states[id] = k
	}
	n.poll(0)
	for id, message := range before {
		if message != "a" && n.ids[id] != message {
			t.Errorf("%q has another id now: %v", message, n.ids)
		}
	}
	n.restart() // in the same boot or not, it is known by what it is now
	n.ids = map[string]string{}
	n.poll(0)
	if len(n.ids) > 0 {
		t.Errorf("read once more: %v", n.ids)
	}
}
