package stream

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"logboom/wal"
)

var binary string // the program, built from this tree

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "stream")
	if err == nil {
		binary = filepath.Join(dir, "logboom")
		var out []byte
		if out, err = exec.Command("go", "build", "-o", binary, "logboom/agent").CombinedOutput(); err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "build the program:", err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// program is a running logboom stream. What it prints is read only while read says so.
type program struct {
	t      *testing.T
	dir    string
	cmd    *exec.Cmd
	stdout *os.File
	stderr text

	out  text
	done chan struct{} // closed when stdout has ended
}

// text gathers what a process writes.
type text struct {
	mu sync.Mutex
	b  bytes.Buffer // guarded by mu
}

func (x *text) Write(p []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.b.Write(p)
}

func (x *text) String() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.b.String()
}

const patience = 60 * time.Second // on a busy machine

// start runs logboom stream args in a folder of its own.
func start(t *testing.T, dir string, args ...string) *program {
	t.Helper()
	p := &program{t: t, dir: dir, done: make(chan struct{})}
	r, w, err := os.Pipe()
	must(t, err)
	p.stdout = r
	p.cmd = exec.Command(binary, append([]string{"stream"}, args...)...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, w, &p.stderr
	must(t, p.cmd.Start())
	must(t, w.Close())
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		p.cmd.Wait()
		r.Close()
		if t.Failed() {
			t.Logf("standard error:\n%s", p.stderr.String())
		}
	})
	return p
}

// read begins to read what is printed.
func (p *program) read() *program {
	go func() {
		defer close(p.done)
		io.Copy(&p.out, p.stdout)
	}()
	return p
}

func (p *program) printed() string { return p.out.String() }

// until waits for what must come true.
func (p *program) until(what string, true func() bool) {
	p.t.Helper()
	for end := time.Now().Add(patience); !true(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatalf("it never happened that %s; printed so far: %d bytes, the last %q", what, len(p.printed()), last(p.printed()))
		}
	}
}

func last(s string) string { return s[max(0, len(s)-200):] }

func (p *program) untilPrinted(text string) {
	p.t.Helper()
	p.until(fmt.Sprintf("%q was printed", text), func() bool { return strings.Contains(p.printed(), text) })
}

// untilOpen waits until the program has the named files open.
func (p *program) untilOpen(names ...string) {
	p.t.Helper()
	p.until(fmt.Sprint("it had open ", names), func() bool {
		links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", p.cmd.Process.Pid))
		var open []string
		for _, l := range links {
			target, _ := os.Readlink(l)
			open = append(open, filepath.Base(target))
		}
		return !slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(open, name) })
	})
}

// end sends SIGTERM, and returns the exit code once all is printed.
func (p *program) end() int {
	p.t.Helper()
	must(p.t, p.cmd.Process.Signal(syscall.SIGTERM))
	return p.exit()
}

func (p *program) exit() int {
	p.t.Helper()
	var failed *exec.ExitError
	if err := p.cmd.Wait(); err != nil && !errors.As(err, &failed) {
		p.t.Fatal(err)
	}
	return p.cmd.ProcessState.ExitCode()
}

// want ends the program and compares all that was printed.
func (p *program) want(text string) {
	p.t.Helper()
	if code := p.end(); code != 0 {
		p.t.Errorf("exit code %d", code)
	}
	<-p.done
	if d := cmp.Diff(text, p.printed()); d != "" {
		p.t.Errorf("printed: -want +got\n%s", d)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// add writes text to the end of the named file.
func add(t testing.TB, dir, name, text string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	must(t, err)
	_, err = f.WriteString(text)
	must(t, err)
	must(t, f.Close())
}

// numbered returns lines number from to number to, to not included, of a writer.
func numbered(writer string, from, to int) string {
	var b strings.Builder
	for i := range to - from {
		fmt.Fprintf(&b, "%s %06d %s\n", writer, from+i, strings.Repeat("x", (from+i)%150))
	}
	return b.String()
}

// count checks that text is the lines 0 to n of each writer, each once, and no other.
func count(t *testing.T, text string, n int, writers ...string) {
	t.Helper()
	seen := map[string]int{}
	for line := range strings.Lines(text) {
		seen[line]++
	}
	for _, w := range writers {
		missing := 0
		for i := range n {
			line := numbered(w, i, i+1)
			if seen[line] == 0 {
				missing++
			} else if seen[line] > 1 {
				t.Errorf("%d times: %q", seen[line], line)
			}
			delete(seen, line)
		}
		if missing > 0 {
			t.Errorf("%d of %d lines of %s are missing", missing, n, w)
		}
	}
	for line := range seen {
		t.Fatalf("nobody wrote %q", line)
	}
}

func TestRotationUnderLoadLosesNoLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := start(t, dir, "*.log").read()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	const lines = 20000
	var g sync.WaitGroup
	writers := []string{"one", "two", "three"}
	for _, name := range writers {
		add(t, dir, name+".log", "met\n")
	}
	p.until("all files were met", func() bool { return strings.Count(p.printed(), "met\n") == len(writers) })
	for i, name := range writers {
		g.Go(func() { rotating(t, dir, name, lines, rand.New(rand.NewPCG(seed, uint64(i)))) })
	}
	g.Wait()
	if code := p.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	<-p.done
	count(t, strings.ReplaceAll(p.printed(), "met\n", ""), lines, writers...)
}

// rotating writes lines into a log in pieces that end anywhere, and renames it now and then.
func rotating(t *testing.T, dir, name string, lines int, rng *rand.Rand) {
	path := filepath.Join(dir, name+".log")
	text := numbered(name, 0, lines)
	for rotation := 0; len(text) > 0; rotation++ {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			t.Error(err)
			return
		}
		n := min(len(text), rng.IntN(len(text)/4+100_000))
		n += strings.IndexByte(text[n:]+"\n", '\n') + 1 // a writer rotates between lines
		for part := text[:min(n, len(text))]; len(part) > 0; {
			piece := min(len(part), 1+rng.IntN(20_000))
			if _, err := f.WriteString(part[:piece]); err != nil {
				t.Error(err)
			}
			part = part[piece:]
			time.Sleep(time.Millisecond)
		}
		text = text[min(n, len(text)):]
		if len(text) > 0 {
			if err := os.Rename(path, fmt.Sprintf("%s.%d", path, rotation)); err != nil {
				t.Error(err)
			}
		}
		f.Close()
	}
}

func TestLinesAreHeldUntilTheyAreComplete(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := start(t, dir, "a.log", "b.log").read()
	add(t, dir, "a.log", "first\nhal")
	p.untilPrinted("first\n")
	add(t, dir, "b.log", "between\n")
	p.untilPrinted("between\n")
	add(t, dir, "a.log", "f\n")
	p.untilPrinted("half\n")
	add(t, dir, "a.log", "the last, unfinished")
	p.want("first\nbetween\nhalf\nthe last, unfinished\n")
}

func TestTheEndPrintsWhatWasWrittenBeforeIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := start(t, dir, filepath.Join(dir, "**", "*.log")).read()
	add(t, dir, "a.log", numbered("a", 0, 1))
	p.untilPrinted("a 000000")
	add(t, dir, "a.log", numbered("a", 1, 50_000))
	must(t, os.Mkdir(filepath.Join(dir, "new"), 0o755))
	add(t, dir, "new/b.log", numbered("b", 0, 50_000))
	if code := p.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	<-p.done
	count(t, p.printed(), 50_000, "a", "b")
}

func TestASlowReaderLosesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := start(t, dir, "a.log")
	add(t, dir, "a.log", numbered("a", 0, 30_000)) // more than pipe and Block hold
	p.untilOpen("a.log")
	must(t, os.Rename(filepath.Join(dir, "a.log"), filepath.Join(dir, "a.log.1")))
	add(t, dir, "a.log", numbered("a", 30_000, 60_000))
	p.untilOpen("a.log", "a.log.1")
	must(t, os.Remove(filepath.Join(dir, "a.log.1")))
	must(t, os.Remove(filepath.Join(dir, "a.log")))
	p.read()
	p.untilPrinted("a 059999")
	if code := p.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	<-p.done
	count(t, p.printed(), 60_000, "a")
}

func TestAReaderThatReadsNothingEndsWithOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	add(t, dir, "a.log", numbered("a", 0, 30_000))
	p := start(t, dir, "--grace", "100ms", "a.log")
	p.untilOpen("a.log")
	if code := p.end(); code != 1 || !strings.Contains(p.stderr.String(), errGrace.Error()) {
		t.Errorf("exit code %d: %s", code, p.stderr.String())
	}
}

func TestAReaderThatIsGoneEndsWithOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := start(t, dir, "a.log")
	must(t, p.stdout.Close())
	add(t, dir, "a.log", "x\n")
	if code := p.exit(); code != 1 || !strings.Contains(p.stderr.String(), "broken pipe") {
		t.Errorf("exit code %d: %s", code, p.stderr.String())
	}
}

func TestTruncatedFilesAreReadAgainFromTheStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := start(t, dir, "a.log").read()
	add(t, dir, "a.log", "one\n")
	p.untilPrinted("one\n")
	add(t, dir, "a.log.1", "one\n") // copytruncate's copy
	must(t, os.Truncate(filepath.Join(dir, "a.log"), 0))
	add(t, dir, "a.log", "2\n")
	p.untilPrinted("2\n")
	must(t, os.Remove(filepath.Join(dir, "a.log")))
	add(t, dir, "a.log", "three\n")
	p.untilPrinted("three\n")
	p.want("one\n2\nthree\n")
}

func TestWhatWasGoneBeforeItWasReadIsTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := numbered("a", 0, 30_000)
	add(t, dir, "a.log", text)
	p := start(t, dir, "a.log")
	p.untilOpen("a.log")
	must(t, os.Truncate(filepath.Join(dir, "a.log"), 0))
	p.until("the truncation was seen", func() bool { return strings.Contains(p.stderr.String(), "a log file was truncated") })
	add(t, dir, "a.log", "new\n")
	p.read().untilPrinted("new\n") // what was read of it before, too
	p.until("the loss was told", func() bool {
		return strings.Contains(p.stderr.String(), fmt.Sprintf(" end=%d at_least=true cause=truncated", len(text)))
	})
	p.end()
	if !strings.HasPrefix(text, strings.TrimSuffix(p.printed(), "new\n")) {
		t.Errorf("printed %q in the end", last(p.printed()))
	}
}

func TestFromNowPassesOverWhatIsThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	add(t, dir, "a.log", "old\n")
	p := start(t, dir, "--from", "now", "*.log").read()
	p.untilOpen("a.log")
	add(t, dir, "a.log", "new\n")
	add(t, dir, "b.log", "met later\n")
	p.untilPrinted("new\n")
	p.untilPrinted("met later\n")
	p.end()
	<-p.done
	if got := p.printed(); strings.Contains(got, "old") {
		t.Errorf("printed %q", got)
	}
}

func TestPartsOfALongLineStayALine(t *testing.T) {
	a, b := &wal.File{}, &wal.File{}
	var out bytes.Buffer
	p := newPrinter(&out)
	for _, block := range [][]wal.Record{
		{{File: a, Text: []byte("long"), Cut: true}},
		{{File: a, Text: []byte("er"), Cut: true}, {File: a, Text: []byte(" end\nnext\n")}},
		{{File: a, Text: []byte("cut"), Cut: true}, {File: b, Text: []byte("between\n")}},
		{{File: a, Text: []byte(" here\n")}, {File: a, Text: []byte("unfinished")}, {File: a, Text: []byte("more\n")}},
	} {
		must(t, p.print(&wal.Block{Records: block}))
	}
	if d := cmp.Diff("longer end\nnext\ncut\nbetween\n here\nunfinished\nmore\n", out.String()); d != "" {
		t.Error(d)
	}
}
