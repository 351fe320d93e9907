package tail

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"logboom/wal"
)

// What else happens to files. Each test counts every line.

func TestASparseFileIsReadWhole(t *testing.T) {
	n := newNode(t)
	n.files("*.log")
	const size = 5<<20 + 17
	n.write("app.log", "a\n")
	must(t, os.Truncate(n.path("app.log"), size))
	n.write("app.log", "\nb\n")
	n.start()
	n.poll(0)
	n.poll(time.Second)
	nuls := 0
	for _, m := range n.got {
		nuls += strings.Count(m, "\x00")
	}
	if nuls != size-2 || n.got[0] != "a" || n.got[len(n.got)-1] != "b" {
		t.Errorf("%d NULs of %d in %d messages", nuls, size-2, len(n.got))
	}
}

// ext4 and xfs leave NULs where a power cut took what was written.
func TestNULsInAContainersLogHideNothing(t *testing.T) {
	for name, nuls := range map[string]string{"a line of them": strings.Repeat("\x00", 5000) + "\n", "before a line": strings.Repeat("\x00", 5000)} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			n.lines("0.log", "a")
			n.write("0.log", nuls)
			n.lines("0.log", "b", "c")
			n.start()
			n.poll(0)
			n.poll(time.Second)
			if n.got[0] != "a" || n.got[len(n.got)-1] != "c" || !strings.Contains(strings.Join(n.got, "\n"), "b") {
				t.Errorf("messages: %q", n.got)
			}
			info, err := os.Stat(n.path("0.log"))
			must(t, err)
			for _, k := range n.states {
				if int64(k.Offset) != info.Size() {
					t.Errorf("read to %d of %d", k.Offset, info.Size())
				}
			}
		})
	}
}

// The clock may be set back or forth: times of files and of lines lie in the future, or run backwards.
func TestAClockThatJumpsLosesNothing(t *testing.T) {
	for _, jump := range []time.Duration{24 * time.Hour, -24 * time.Hour} {
		n := newNode(t)
		n.lines("0.log", "a")
		n.start()
		n.poll(0)
		must(t, os.Chtimes(n.path("0.log"), n.now.Add(jump), n.now.Add(jump)))
		n.rename("0.log", "0.log.20261122-160141")
		n.write("0.log", "2020-01-01T00:00:00.000000001Z stdout F b\n") // before all others
		must(t, os.Chtimes(n.path("0.log"), n.now.Add(jump), n.now.Add(jump)))
		n.poll(time.Second)
		n.restart()
		n.zip("0.log.20261122-160141")
		n.lines("0.log", "c")
		for range 4 {
			n.poll(20 * time.Second)
		}
		n.want("a", "b", "c")
		if len(n.losses) > 0 {
			t.Errorf("ledger: %+v", n.losses)
		}
	}
}

func TestFiveThousandFilesAreRead(t *testing.T) {
	n := newNode(t)
	n.pins = ""
	for i := range 5000 {
		n.in(fmt.Sprint("p", i/10), fmt.Sprint("c", i%10), "0.log", fmt.Sprint("first ", i))
	}
	n.start()
	n.poll(0)
	for i := range 50 {
		n.in(fmt.Sprint("p", i*10), "c3", "0.log", fmt.Sprint("second ", i))
	}
	n.poll(time.Second)
	n.poll(time.Second)
	slices.Sort(n.got)
	if all := len(slices.Compact(n.got)); len(n.got) != 5050 || all != 5050 {
		t.Errorf("%d messages, %d of them different, of 5050", len(n.got), all)
	}
	if n.tail.open > n.tail.o.MaxOpen {
		t.Errorf("%d descriptors", n.tail.open)
	}
}

func TestThousandsOfShortLivedFilesLeaveNothingBehind(t *testing.T) {
	n := newNode(t)
	n.pins = ""
	n.start()
	for batch := range 25 {
		for i := range 200 {
			n.in(fmt.Sprint("p", i/2), fmt.Sprint("c", i%2), fmt.Sprint(batch, ".log"), fmt.Sprint(batch, "/", i))
		}
		n.poll(time.Second)
		for i := range 200 {
			must(t, os.Remove(filepath.Join(n.root, fmt.Sprintf("default_p%d_p%d", i/2, i/2), fmt.Sprint("c", i%2), fmt.Sprint(batch, ".log"))))
		}
	}
	for i := range 100 {
		must(t, os.RemoveAll(filepath.Join(n.root, fmt.Sprintf("default_p%d_p%d", i, i))))
	}
	for range 8 {
		n.poll(20 * time.Second)
	}
	slices.Sort(n.got)
	if all := len(slices.Compact(n.got)); len(n.got) != 5000 || all != 5000 {
		t.Errorf("%d messages, %d of them different", len(n.got), all)
	}
	if len(n.tail.byID)+len(n.states)+n.tail.open+len(n.tail.folders) > 0 || len(n.losses) > 0 {
		t.Errorf("remembered: %d Files, %d rows, %d open, %d folders; ledger %v", len(n.tail.byID), len(n.states), n.tail.open, len(n.tail.folders), n.losses)
	}
}

// The kubelet keeps the log of one dead attempt: 3.log comes, and 1.log goes.
func TestACrashLoopLosesNoAttempt(t *testing.T) {
	for _, pins := range []bool{true, false} {
		n := newNode(t)
		if !pins {
			n.pins = ""
		}
		n.start()
		var want []string
		for attempt := range 20 {
			name := fmt.Sprint(attempt, ".log")
			n.lines(name, fmt.Sprint("start ", attempt))
			n.poll(300 * time.Millisecond)
			n.lines(name, fmt.Sprint("panic ", attempt))
			want = append(want, fmt.Sprint("start ", attempt), fmt.Sprint("panic ", attempt))
			if attempt > 1 {
				n.remove(fmt.Sprint(attempt-2, ".log"))
			}
			if attempt%7 == 6 {
				n.restart()
			}
		}
		for range 3 {
			n.poll(20 * time.Second)
		}
		slices.Sort(want)
		slices.Sort(n.got)
		if !pins {
			// A killed agent lets go of what was removed before it was read. It has read all here, but for what was written last.
			n.got = slices.Compact(n.got)
		}
		n.want(want...)
		if len(n.losses) > 0 {
			t.Errorf("ledger: %+v", n.losses)
		}
	}
}

// Two inputs may want the same file: the first has it.
func TestOverlappingInputsReadAFileOnce(t *testing.T) {
	n := newNode(t)
	n.inputs = []Input{{Paths: []string{n.path("app.log")}, Route: "first", Format: wal.Plain},
		{Paths: []string{n.path("*.log"), n.root + "/**/*.log"}, Route: "second", Format: wal.Plain}, {Root: n.path(""), Route: "nested"}}
	n.write("app.log", "a\n")
	n.write("other.log", "b\n")
	n.start()
	for range 3 {
		n.poll(time.Second)
	}
	slices.Sort(n.got)
	n.want("a", "b")
	for _, k := range n.states {
		if want := map[string]string{"app.log": "first", "other.log": "second"}[filepath.Base(k.File.Path)]; k.File.Route != want {
			t.Errorf("%s goes to %s", k.File.Path, k.File.Route)
		}
	}
}

func TestAPodThatVanishesWhileBehindIsReadToItsEnd(t *testing.T) {
	for _, pins := range []bool{true, false} {
		n := newNode(t)
		if !pins {
			n.pins = ""
		}
		n.lines("0.log", "a")
		n.start()
		n.poll(0)
		n.lines("0.log", "b")
		n.write("0.log", strings.TrimSuffix(n.cri("F", "the last, without a newline"), "\n"))
		must(t, os.RemoveAll(filepath.Join(n.root, pod)))
		for range 8 {
			n.poll(20 * time.Second)
		}
		n.want("a", "b", "the last, without a newline")
		if len(n.losses) > 0 || len(n.tail.byID) > 0 || n.tail.open > 0 {
			t.Errorf("ledger %+v, %d Files, %d open", n.losses, len(n.tail.byID), n.tail.open)
		}
	}
}

// After rm the writer goes on without a name, until the kubelet has it open a new file.
func TestAFileThatIsRemovedAndMadeAgainIsTwoFiles(t *testing.T) {
	for _, kube := range []bool{true, false} {
		n := newNode(t)
		if !kube {
			n.files("*.log")
			n.inputs[0].Format = ""
		}
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
		n.poll(time.Second)
		_, err = writer.WriteString(n.cri("F", "c"))
		must(t, err)
		n.lines("0.log", "d")
		for range 4 {
			n.poll(20 * time.Second)
		}
		n.once("a", "b", "c", "d")
		if len(n.got) != 4 || len(n.losses) > 0 {
			t.Errorf("messages %q, ledger %+v", n.got, n.losses)
		}
	}
}

// Decompressing is the dearest way to find out that nothing changed.
func TestAGzThatIsKnownIsNotReadAgain(t *testing.T) {
	for name, kube := range map[string]bool{"a container's": true, "another's": false} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			if !kube {
				n.files("app.log")
			}
			rng := rand.New(rand.NewPCG(1, 1))
			var text bytes.Buffer
			for text.Len() < 2<<20 {
				text.WriteString(n.cri("F", fmt.Sprintf("%016x%016x%016x%016x", rng.Uint64(), rng.Uint64(), rng.Uint64(), rng.Uint64())))
			}
			var zipped bytes.Buffer
			z := gzip.NewWriter(&zipped)
			_, err := z.Write(text.Bytes())
			must(t, err)
			must(t, z.Close())
			live := map[bool]string{true: "0.log", false: "app.log"}[kube]
			n.lines(live, "a")
			must(t, os.WriteFile(n.path(live+".20261122-160141.gz"), zipped.Bytes(), 0o640))
			must(t, os.WriteFile(n.path(live+".20261121-160141.gz"), zipped.Bytes()[:zipped.Len()/2], 0o640)) // torn for good
			n.start()
			for range 4 {
				n.poll(20 * time.Second)
			}
			before := readSoFar(t)
			for range 20 {
				n.poll(20 * time.Second)
			}
			if read := readSoFar(t) - before; read > int64(zipped.Len()/4) {
				t.Errorf("20 scans read %d bytes beside two .gz of %d and %d bytes", read, zipped.Len(), zipped.Len()/2)
			}
		})
	}
}

// readSoFar is how many bytes this process has read.
func readSoFar(t *testing.T) (bytes int64) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/io")
	must(t, err)
	_, err = fmt.Sscanf(string(text), "rchar: %d", &bytes)
	must(t, err)
	return bytes
}

// The kernel's clock for times of birth moves in steps: a file that was made just after the first scan may seem older.
func TestAFileThatIsMadeAndRotatedJustAfterTheStartIsRead(t *testing.T) {
	for range 20 {
		n := newNode(t)
		n.files("*.log")
		must(t, os.MkdirAll(n.path(""), 0o755))
		n.start()
		n.now = time.Now()
		n.poll(0)
		n.write("app.log", "a\n")
		n.rename("app.log", "app.log.1")
		n.write("app.log", "b\n")
		for range 3 {
			n.poll(time.Second)
		}
		slices.Sort(n.got)
		n.want("a", "b")
	}
}
