package tail

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"logboom/checkpoint"
	"logboom/wal"
)

// noise makes lines that do not compress well: a cut through the middle of their .gz is one through the middle of them.
func (n *node) noise(lines int) (text []byte, messages []string) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range lines {
		m := fmt.Sprintf("%d %x%x", i, r.Uint64(), r.Uint64())
		messages = append(messages, m)
		text = append(text, n.cri("F", m)...)
	}
	return text, messages
}

func zipOf(t testing.TB, text []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	_, err := z.Write(text)
	must(t, err)
	must(t, z.Close())
	return buf.Bytes()
}

func (n *node) put(name string, content []byte) {
	n.t.Helper()
	must(n.t, os.MkdirAll(filepath.Dir(n.path(name)), 0o755))
	must(n.t, os.WriteFile(n.path(name), content, 0o640))
}

// What stands behind the damage of a .gz is in the ledger, wherever the damage is.
func TestADamageInTheMiddleOfAGzIsListed(t *testing.T) {
	for _, lines := range []int{100, 20000} {
		n := newNode(t)
		text, messages := n.noise(lines)
		zip := zipOf(t, text)
		n.put("0.log.20261122-160141.gz", zip[:len(zip)/2])
		n.start()
		for range 8 {
			n.poll(20 * time.Second)
		}
		if len(n.got) < lines/3 || len(n.got) >= lines || n.got[1] != messages[1] {
			t.Errorf("%d of %d lines were read", len(n.got), lines)
		}
		if len(n.losses) != 1 || n.losses[0].Cause != checkpoint.CauseDamaged || !n.losses[0].AtLeast {
			t.Errorf("%d of %d lines were read, and the ledger has %v", len(n.got), lines, n.losses)
		}
	}
}

// The size of a plain file that was seen is known: what its damaged .gz lacks of it is in the ledger to the byte, and once.
func TestWhatADamagedGzLacksIsListedToTheByte(t *testing.T) {
	n := newNode(t)
	n.pins = ""
	blocked := true
	n.start()
	n.tail.o.Waits = func(*wal.File) bool { return blocked }
	text, _ := n.noise(5000)
	n.put("0.log", text)
	n.poll(time.Second)
	for _, f := range n.tail.byID {
		n.tail.close(f) // as makeRoom does
	}
	zip := zipOf(t, text)
	n.remove("0.log")
	n.put("0.log.20261122-160141.gz", zip[:len(zip)/2])
	blocked = false
	for range 8 {
		n.poll(20 * time.Second)
	}
	if len(n.losses) != 1 || n.losses[0].Start == 0 || n.losses[0].End != wal.Offset(len(text)) || n.losses[0].Cause != checkpoint.CauseDamaged {
		t.Errorf("ledger: %+v", n.losses)
	}
}

// Records that are void are read again, although damage was met behind them.
func TestADamageIsListedBehindWhatIsDurable(t *testing.T) {
	n := newNode(t)
	text, _ := n.noise(100)
	zip := zipOf(t, text)
	n.put("0.log.20261122-160141.gz", zip[:len(zip)/2])
	n.start()
	for range 20 { // nothing becomes durable meanwhile
		n.now = n.now.Add(time.Second)
		var b wal.Block
		n.tail.Poll(n.now, &b)
		if len(n.losses) > 0 {
			t.Fatalf("listed before what stands in front is durable: %+v", n.losses)
		}
	}
	n.tail.Rewind()
	for range 8 {
		n.poll(20 * time.Second)
	}
	if len(n.got) < 30 || len(n.losses) != 1 {
		t.Errorf("%d lines were read; ledger: %+v", len(n.got), n.losses)
	}
}

// sick is a file that gives errors of the disk where it is not well.
type sick struct {
	r   *bytes.Reader
	at  int64 // reading behind this fails
	err error
}

func (s *sick) Read(p []byte) (int, error) {
	if at := s.r.Size() - int64(s.r.Len()); s.err != nil && at+int64(len(p)) > s.at {
		return 0, &fs.PathError{Op: "read", Path: "x.gz", Err: s.err}
	}
	return s.r.Read(p)
}

func (s *sick) Seek(off int64, whence int) (int64, error) { return s.r.Seek(off, whence) }

func (s *sick) Close() error { return nil }

// An error of the disk is no damage of the file, and no end of it: it is read on when the disk is well again.
func TestADiskThatFailsForAMomentIsNoDamage(t *testing.T) {
	n := newNode(t)
	text, _ := n.noise(20000)
	disk := &sick{r: bytes.NewReader(zipOf(t, text)), at: 100000}
	c, err := newZipped(disk)
	must(t, err)
	var got []byte
	buf := make([]byte, 50000)
	failed := 0
	for len(got) < len(text) {
		switch failed {
		case 0, 1, 2:
			disk.err = syscall.EIO
		default:
			disk.err = nil
		}
		k, err := c.readAt(buf, int64(len(got)))
		switch {
		case errors.Is(err, errDamaged):
			t.Fatalf("at %d: %v", len(got), err)
		case err != nil:
			failed++
			continue
		case k < len(buf) && len(got)+k < len(text):
			t.Fatalf("at %d: an end behind %d bytes", len(got), k)
		}
		got = append(got, buf[:k]...)
		if same, err := c.follows(text[max(0, len(got)-k-64):len(got)-k], int64(len(got)-k)); err != nil || !same {
			t.Fatalf("at %d: does not follow", len(got))
		}
	}
	if failed != 3 || !bytes.Equal(got, text) {
		t.Errorf("%d bytes of %d, %d errors", len(got), len(text), failed)
	}
}

// read_from: now of one input says nothing about another one in the same folder.
func TestReadFromNowIsOfOneInput(t *testing.T) {
	for _, now := range []string{"a.log", "b.log"} {
		n := newNode(t)
		n.inputs = nil
		for _, name := range []string{"a.log", "b.log"} {
			n.inputs = append(n.inputs, Input{Paths: []string{n.path(name)}, Format: wal.Plain, Route: "logs", FromNow: name == now})
			n.write(name, name+" before\n")
		}
		n.start()
		n.poll(0)
		for _, name := range []string{"a.log", "b.log"} {
			n.write(name, name+" after\n")
		}
		n.poll(time.Second)
		want := map[string]int{"a.log before": 1, "a.log after": 1, "b.log before": 1, "b.log after": 1}
		delete(want, now+" before")
		n.counts(want)
	}
}

// More files than may be open at once are there at the start: that takes more than one scan, and read_from: now holds for all.
func TestReadFromNowHoldsForManyFiles(t *testing.T) {
	n := newNode(t)
	n.files("*.log")
	n.inputs[0].FromNow = true
	for i := range 100 {
		n.write(fmt.Sprintf("%d.log", i), "before\n")
	}
	n.now = time.Now().Add(time.Second)
	n.start()
	n.tail.o.MaxOpen = 4
	for range 10 {
		n.poll(0)
	}
	if len(n.got) > 0 {
		t.Fatalf("%d messages from before were delivered", len(n.got))
	}
	n.write("7.log", "after\n")
	n.write("new.log", "new\n")
	n.poll(3 * time.Second)
	n.counts(map[string]int{"after": 1, "new": 1})
}

// A File whose turn to be met has not come yet is not gone.
func TestManyFilesAreKnownAfterARestart(t *testing.T) {
	n := newNode(t)
	n.files("*.log")
	for i := range 100 {
		n.write(fmt.Sprintf("%d.log", i), fmt.Sprintf("m%d\n", i))
	}
	n.start()
	n.poll(0)
	n.restart()
	n.tail.o.MaxOpen = 4
	for range 3 { // the WAL is full: nothing is read, and each scan takes its time
		n.now = n.now.Add(time.Second)
		n.tail.Look(n.now)
	}
	for range 12 {
		n.poll(time.Second)
	}
	if len(n.got) != 100 {
		t.Errorf("%d messages were delivered", len(n.got))
	}
}

// A File that can't be read for a moment is neither another one nor gone.
func TestAFileThatCannotBeReadForAMomentIsNotGone(t *testing.T) {
	n := newNode(t)
	n.pins = ""
	n.lines("0.log", "a")
	n.start()
	n.poll(0)
	n.restart()
	n.tail.list()
	fo := n.tail.folders[pod+"/app"]
	for range 5 {
		n.now = n.now.Add(time.Second)
		n.tail.cannotRead(fo, &fo.entries[0], &fs.PathError{Op: "open", Path: n.path("0.log"), Err: syscall.EMFILE}, n.now)
		for _, f := range fo.files {
			n.tail.look(f, nil, n.now)
		}
	}
	if len(n.tail.byID) != 1 {
		t.Error("forgotten")
	}
	n.poll(time.Second)
	n.want("a")
}

// An error of the disk while it is found out which File stands behind a name says nothing.
func TestAnErrorIsNoIdentity(t *testing.T) {
	n := newNode(t)
	n.pins = ""
	text, messages := n.noise(20000)
	n.put("0.log.20261122-160141", text)
	n.start()
	n.poll(0)
	n.want(messages...)
	n.stop()
	n.remove("0.log.20261122-160141")
	zip := zipOf(t, text)
	n.put("0.log.20261122-160141.gz", zip)
	n.start()
	n.tail.list()
	fo := n.tail.folders[pod+"/app"]
	for _, change := range []int{0, 1} { // which of the File, and of another one that begins like it
		if change == 1 {
			other, _ := n.noise(20000)
			first := firstLine(text)
			zip = zipOf(t, append(first[:len(first):len(first)], other...))
		}
		disk := &sick{r: bytes.NewReader(zip), at: 100000}
		src, err := newZipped(disk)
		must(t, err)
		disk.err = syscall.EIO
		e := fo.entries[0]
		s := n.tail.peek(fo, &nascent{src: src, entry: e, met: n.now}, n.now)
		n.tail.recognise(fo, []*stranger{s}, n.now)
		if len(n.tail.byID) != 1 || fo.files[0].attached || fo.unreadable[e.path] == "" {
			t.Fatalf("decided while the disk failed: %d Files, %q", len(n.tail.byID), fo.unreadable)
		}
	}
	n.poll(time.Second)
	n.poll(time.Second)
	n.want(messages...)
	if len(n.tail.byID) != 1 {
		t.Error("another File")
	}
}

// The names of .gz files move on with each rotation: what is opened again is what was met under the name.
func TestAGzIsNotOpenedByItsName(t *testing.T) {
	n := newNode(t)
	n.files("app.log*")
	n.put("app.log.1.gz", zipOf(t, []byte("one\n")))
	n.put("app.log.2.gz", zipOf(t, []byte("two\n")))
	n.start()
	n.tail.Look(n.now)
	for _, f := range n.tail.byID {
		n.tail.close(f) // as makeRoom does
	}
	n.rename("app.log.2.gz", "app.log.3.gz")
	n.rename("app.log.1.gz", "app.log.2.gz")
	n.put("app.log.1.gz", zipOf(t, []byte("zero\n")))
	n.poll(0)
	for range 5 {
		n.poll(time.Second)
	}
	n.counts(map[string]int{"zero": 1, "one": 1, "two": 1})
}

// How much of a .gz there is, nobody knows that did not read it: when it is gone before that, there is a loss.
func TestAGzThatIsGoneBeforeItWasReadIsListed(t *testing.T) {
	n := newNode(t)
	text, _ := n.noise(100)
	n.put("0.log.20261122-160141.gz", zipOf(t, text))
	n.start()
	n.tail.Look(n.now)
	for _, f := range n.tail.byID {
		n.tail.close(f) // as makeRoom does
	}
	n.remove("0.log.20261122-160141.gz")
	for range 5 {
		n.poll(time.Second)
	}
	if len(n.losses) != 1 || !n.losses[0].AtLeast {
		t.Errorf("ledger: %+v", n.losses)
	}
}

// While the folders of a root can't be listed, nothing in them has ended: pins stay, and a Line may still be completed.
func TestNothingEndsInAFolderThatCannotBeListed(t *testing.T) {
	for _, pins := range []bool{true, false} {
		n := newNode(t)
		if !pins {
			n.pins = ""
		}
		n.lines("0.log", "a")
		whole := n.cri("F", "b c")
		n.write("0.log", whole[:len(whole)-2])
		torn := n.cri("F", "first line of another")
		n.write("../app2/0.log", torn[:len(torn)-5])
		n.start()
		n.poll(0)
		n.poll(time.Second)
		must(t, os.Rename(n.root, n.root+".hidden"))
		must(t, os.WriteFile(n.root, nil, 0o640)) // ENOTDIR
		for range 5 {
			n.poll(20 * time.Second)
		}
		if links, _ := filepath.Glob(filepath.Join(n.pins, pod, "*", "*")); pins && len(links) != 2 {
			t.Errorf("pins: %q", links)
		}
		must(t, os.Remove(n.root))
		must(t, os.Rename(n.root+".hidden", n.root))
		n.poll(time.Second)
		n.want("a")
		n.write("0.log", whole[len(whole)-2:])
		n.write("../app2/0.log", torn[len(torn)-5:])
		for range 3 {
			n.poll(time.Second)
		}
		n.want("a", "b c", "first line of another")
	}
}

// A root that is not there, or can't be opened for a moment, leads nowhere: that is no link that leads out of it.
func TestARootThatIsNotOpenIsNoLinkToElsewhere(t *testing.T) {
	n := newNode(t)
	in := &input{Input: Input{Paths: []string{n.path("*.log")}}}
	in.anchors = anchors(&in.Input)
	n.write("app.log", "a\n")
	for _, path := range []string{filepath.Dir(n.path("app.log")), n.path("app.log")} {
		if _, err := in.open(path, 0); err == nil || errors.Is(err, errOutside) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := in.open("/etc/passwd", 0); !errors.Is(err, errOutside) {
		t.Errorf("%v", err)
	}
}

// Descriptors stay within their bound, whatever keeps files open: no line yet, or no name any more.
func TestDescriptorsAreBoundedWhateverKeepsThem(t *testing.T) {
	open := func() int {
		fds, err := os.ReadDir("/proc/self/fd")
		must(t, err)
		return len(fds)
	}
	t.Run("empty files", func(t *testing.T) {
		n := newNode(t)
		n.files("*.log")
		for i := range 200 {
			n.write(fmt.Sprintf("%d.log", i), "")
		}
		n.start()
		n.tail.o.MaxOpen = 8
		before := open()
		for range 4 {
			n.poll(20 * time.Second)
		}
		if more := open() - before; more > 40 {
			t.Errorf("%d descriptors more", more)
		}
		for i := range 200 {
			n.write(fmt.Sprintf("%d.log", i), "a\n")
		}
		for range 4 {
			n.poll(20 * time.Second)
		}
		n.counts(map[string]int{"a": 200})
	})
	t.Run("removed files", func(t *testing.T) {
		n := newNode(t)
		n.pins = ""
		n.start()
		n.tail.o.MaxOpen = 8
		stopped := true
		n.tail.o.Waits = func(*wal.File) bool { return stopped }
		before := open()
		for i := range 100 {
			n.lines("0.log", fmt.Sprint(i))
			n.poll(time.Second)
			if i < 99 {
				n.remove("0.log")
			}
		}
		if more := open() - before; more > 40 {
			t.Errorf("%d descriptors more", more)
		}
		stopped = false
		for range 10 {
			n.poll(20 * time.Second)
		}
		if len(n.got) < 8 || n.got[len(n.got)-1] != "99" {
			t.Errorf("delivered: %q", n.got)
		}
	})
}

// Nothing is at its end as long as there are files that nobody has met.
func TestTheEndIsBehindTheLastFile(t *testing.T) {
	n := newNode(t)
	n.files("*.log")
	for i := range 100 {
		n.write(fmt.Sprintf("%d.log", 100+i), "a\n")
	}
	n.start()
	n.poll(0)
	n.restart()
	n.got = nil
	n.write("199.log", "b\n")
	n.tail.o.MaxOpen = 4
	for finished := false; !finished; finished = n.tail.AtEnd() && n.tail.Finished() {
		n.poll(10 * time.Millisecond)
	}
	n.want("b")
}

// A file that is only called alike is not what an input asks for.
func TestAFileThatIsCalledAlikeIsNotRead(t *testing.T) {
	n := newNode(t)
	n.files("app.log")
	n.write("app.log", "a\n")
	n.start()
	n.poll(0)
	for _, name := range []string{"app-audit.log", "app.log.swp", "app.log.offset", "app_secrets.log", "app.log-index"} {
		n.write(name, "not for you\n")
	}
	n.put("app.log-more.gz", zipOf(t, []byte("not for you\n")))
	for _, name := range []string{"app.log.1", "app-2026-11-22.log", "app.log-Nov22", "app.1.log", "app.log.old", "app-Monday.log"} {
		n.write(name, name+"\n")
	}
	for range 3 {
		n.poll(20 * time.Second)
	}
	n.counts(map[string]int{"a": 1, "app.log.1": 1, "app-2026-11-22.log": 1, "app.log-Nov22": 1, "app.1.log": 1, "app.log.old": 1, "app-Monday.log": 1})
}

// A node may have a thousand .gz when an agent comes to it: they take no memory while it is not their turn.
func TestManyGzTakeLittleMemory(t *testing.T) {
	n := newNode(t)
	n.pins = ""
	text, _ := n.noise(8000)
	zip := zipOf(t, text)
	const files = 200
	for i := range files {
		n.put(fmt.Sprintf("../../default_web-%d_11111111-2222-3333-4444-555555555555/app/0.log.20261122-160141.gz", i), zip)
	}
	n.start()
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before, most, read := heap(), int64(0), 0
	for i := 0; read < files*len(text); i++ {
		n.now = n.now.Add(10 * time.Millisecond)
		var b wal.Block
		n.tail.Poll(n.now, &b)
		n.index++
		n.tail.Appended(n.index)
		n.tail.Taken(n.index)
		if read += len(b.Text); i%100 == 0 {
			most = max(most, heap()-before)
		}
		if i > 100*files {
			t.Fatalf("%d bytes of %d were read", read, files*len(text))
		}
	}
	if most > 40<<20 {
		t.Errorf("%d MB", most>>20)
	}
}

// Those that are read and those that wait for what others hold back never take each other's places for good.
func TestPartialsAreJoinedAcrossManyGz(t *testing.T) {
	n := newNode(t)
	n.pins = ""
	var want []string
	for i := range 3 * maxAwake {
		folder := fmt.Sprintf("../app%d/", i)
		more, _ := n.noise(200)
		n.put(folder+"0.log.20261122-160141.gz", zipOf(t, []byte(n.cri("F", fmt.Sprint("a", i))+n.cri("P", fmt.Sprint("b", i)))))
		n.put(folder+"0.log.20261122-160142.gz", zipOf(t, append([]byte(n.cri("F", "c")), more...)))
		n.put(folder+"1.log.20261122-160143.gz", zipOf(t, []byte(n.cri("F", fmt.Sprint("d", i))+n.cri("P", fmt.Sprint("nothing follows ", i)))))
		want = append(want, fmt.Sprint("a", i), fmt.Sprintf("b%dc", i), fmt.Sprint("d", i), fmt.Sprint("nothing follows ", i))
	}
	n.start()
	for range 300 {
		n.poll(100 * time.Millisecond)
	}
	got := map[string]bool{}
	for _, m := range n.got {
		got[m] = true
	}
	for _, m := range want {
		if !got[m] {
			t.Errorf("%q is missing", m)
		}
	}
	if !n.tail.AtEnd() {
		t.Error("not at its end")
	}
}

// A file that the configuration no longer asks for takes no other one in its folder with it.
func TestAFileThatIsNoLongerAskedForHidesNoOther(t *testing.T) {
	for range 20 { // what is known comes in no order
		n := newNode(t)
		n.files("*.log")
		n.write("a.log", "a\n")
		n.write("b.log", "b\n")
		n.start()
		n.poll(0)
		n.stop()
		n.files("a.log")
		n.write("a.log", "a2\n")
		n.rename("a.log", "a.log.1")
		n.start()
		n.poll(0)
		n.counts(map[string]int{"a": 1, "b": 1, "a2": 1})
	}
}
