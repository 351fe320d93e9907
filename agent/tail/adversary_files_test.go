package tail

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"logboom/wal"
)

func TestCopyTruncateInsideTheGlob(t *testing.T) {
	n := newNode(t)
	n.files("app.log*")
	n.write("app.log", "a\nb\n")
	n.start()
	n.poll(0)
	text, err := os.ReadFile(n.path("app.log"))
	must(t, err)
	must(t, os.WriteFile(n.path("app.log.1"), text, 0o640))
	must(t, os.Truncate(n.path("app.log"), 0))
	n.write("app.log", "c\n")
	for range 5 {
		n.poll(20 * time.Second)
	}
	n.once("a", "b", "c")
}

// What was written between two looks and then copied makes the copy longer than what was known of its original.
func TestACopyOfAFileThatGrewIsNoNewFile(t *testing.T) {
	for _, after := range []string{"", "d\n", "longer than all that stood there before\n"} {
		n := newNode(t)
		n.files("app.log")
		n.write("app.log", "a\nb\n")
		n.start()
		n.poll(0)
		n.write("app.log", "c\n")
		text, err := os.ReadFile(n.path("app.log"))
		must(t, err)
		must(t, os.WriteFile(n.path("app.log.1"), text, 0o640))
		must(t, os.Truncate(n.path("app.log"), 0))
		n.write("app.log", after)
		for range 5 {
			n.poll(20 * time.Second)
		}
		want := []string{"a", "b", "c"}
		if after != "" {
			want = append(want, after[:len(after)-1])
		}
		n.once(want...)
		if len(n.losses) > 0 {
			t.Errorf("with %q behind it: losses %v", after, n.losses)
		}
	}
}

func TestAnEmptyFileThatIsRotatedAndThenWritten(t *testing.T) {
	n := newNode(t)
	n.files("app.log")
	n.write("app.log", "")
	n.start()
	n.poll(0)
	n.rename("app.log", "app.log.1")
	n.write("app.log.1", "late\n") // the writer has it open
	n.write("app.log", "new\n")
	for range 5 {
		n.poll(20 * time.Second)
	}
	n.once("late", "new")
	if t.Failed() {
		t.Logf("losses %v", n.losses)
	}
}

func TestFewDescriptors(t *testing.T) {
	n := newNode(t)
	n.pins = ""
	for i := range 200 {
		dir := filepath.Join(n.root, fmt.Sprintf("ns_pod%d_%d", i, i), "app")
		must(t, os.MkdirAll(dir, 0o755))
		must(t, os.WriteFile(filepath.Join(dir, "0.log"), []byte(n.cri("F", fmt.Sprint("m", i))), 0o640))
	}
	var old unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &old))
	must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 100, Max: old.Max}))
	defer unix.Setrlimit(unix.RLIMIT_NOFILE, &old)
	n.start()
	for range 10 {
		n.poll(20 * time.Second)
	}
	if len(n.got) != 200 {
		t.Errorf("with 100 descriptors %d of 200 files are ever read", len(n.got))
	}
	if f, err := os.Open("/dev/null"); err != nil {
		t.Errorf("nobody else can open anything (WAL Segments, checkpoint): %v", err)
	} else {
		f.Close()
	}
}

// A transient failure to list while nothing is acknowledged.
// Nothing is acked: backend down.
func TestGoneAndBackWhileTheBackendIsDown(t *testing.T) {
	n := newNode(t)
	n.pins = ""
	n.lines("0.log", "a", "b")
	n.start()
	n.tail.o.Acked = func() wal.Index { return 0 }
	n.poll(0)
	n.poll(5 * time.Second)
	n.lines("0.log", "c")
	n.tail.scan(n.now) // c is seen
	for _, f := range n.tail.byID {
		n.tail.close(f)
	}
	must(t, os.Rename(n.root, n.root+"2"))
	for range 4 {
		n.poll(time.Second)
	}
	must(t, os.Rename(n.root+"2", n.root))
	for range 4 {
		n.poll(20 * time.Second)
	}
	n.once("a", "b", "c")
	t.Logf("losses %v", n.losses)
}

func TestALinkToAContainersLogIsReadOnce(t *testing.T) {
	n := newNode(t)
	links := t.TempDir()
	n.inputs = append(n.inputs, Input{Paths: []string{links + "/*.log"}, Route: "logs"})
	n.lines("0.log", "a")
	must(t, os.Symlink(n.path("0.log"), filepath.Join(links, "web.log")))
	n.start()
	n.poll(0)
	n.poll(time.Second)
	n.want("a")
}
