package tail

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// copied is a log of 100 lines that a copytruncate with seconds to spend is about to take.
func copied(t *testing.T, pattern string) (n *node, l plainLog, text []byte) {
	n = newNode(t)
	l = newPlainLog(n)
	n.inputs[0].Paths[0] = filepath.Join(filepath.Dir(l.path), pattern)
	n.start()
	n.poll(0)
	time.Sleep(2 * clockStep)
	for i := range 100 {
		l.write(fmt.Sprint("line ", i))
	}
	text, err := os.ReadFile(l.path)
	must(t, err)
	return n, l, text
}

// copyTo makes the log's copy, as far as it has come.
func (l plainLog) copyTo(name string, text []byte) {
	l.n.t.Helper()
	must(l.n.t, os.WriteFile(l.path+name, text, 0o640))
	l.n.poll(time.Second)
}

func (l plainLog) wantOnce(lines int) {
	l.n.t.Helper()
	for range 4 {
		l.n.poll(2 * quietFor)
	}
	times := map[string]int{}
	for _, m := range l.n.got {
		times[m]++
	}
	if len(l.n.got) != lines || len(times) != lines || len(l.n.losses) > 0 {
		l.n.t.Errorf("%d lines, %d of them different, want %d; ledger: %+v", len(l.n.got), len(times), lines, l.n.losses)
	}
}

// While a log is copied, the copy is shorter than what was read of it.
func TestACopyThatIsBeingMadeIsNoNewFile(t *testing.T) {
	for _, pattern := range []string{"app.log", "app.log*"} {
		n, l, text := copied(t, pattern)
		n.poll(time.Second)
		for _, part := range []int{4, 2, 1} {
			l.copyTo(".1", text[:len(text)/part])
		}
		must(t, os.Truncate(l.path, 0))
		l.write("next")
		l.wantOnce(101)
	}
}

// A log may be met while it is copied.
func TestALogThatIsMetWithItsCopyIsReadOnce(t *testing.T) {
	for _, part := range []int{2, 1} {
		_, l, text := copied(t, "app.log")
		l.copyTo(".1", text[:len(text)/part])
		l.copyTo(".1", text)
		must(t, os.Truncate(l.path, 0))
		l.write("next")
		l.wantOnce(101)
	}
}

// What is written between the end of the copy and the truncation is read, if there is time for it, and the copy does not have it.
func TestACopyThatLacksWhatWasReadIsNoNewFile(t *testing.T) {
	for _, pattern := range []string{"app.log", "app.log*"} {
		n, l, text := copied(t, pattern)
		n.poll(time.Second)
		l.copyTo(".1", text[:len(text)/2])
		l.copyTo(".1", text)
		l.write("too late for the copy")
		n.poll(time.Second)
		must(t, os.Truncate(l.path, 0))
		l.write("next")
		l.wantOnce(102)
		if pattern != "app.log" {
			continue // there, app.log.1 counts as a log of its own from now on
		}
		must(t, os.Rename(l.path+".1", l.path+".2"))
		n.restart()
		l.copyTo(".1", []byte("next\n"))
		must(t, os.Truncate(l.path, 0))
		n.poll(time.Second)
		l.write("the one after that")
		l.wantOnce(103)
	}
}

// What only begins like another log waits for a moment, and is read then.
func TestALogThatIsTheBeginningOfAnotherIsRead(t *testing.T) {
	n, l, text := copied(t, "app.log")
	n.poll(time.Second)
	l.copyTo(".1", text[:bytes.IndexByte(text, '\n')+1])
	for range 4 {
		n.poll(2 * quietFor)
	}
	l.wantLines(101)
}

// A log that says the same as another, again and again, is soon read all the same.
func TestALogThatSaysTheSameIsReadAfterAMinute(t *testing.T) {
	n, l, _ := copied(t, "app*.log")
	must(t, os.Truncate(l.path, 0))
	n.poll(time.Second)
	same := bytes.Repeat([]byte("tick\n"), 1000)
	must(t, os.WriteFile(l.path, same, 0o640))
	n.poll(time.Second)
	read := len(n.got)
	other := filepath.Join(filepath.Dir(l.path), "app-2.log")
	for i := 1; i <= 70; i++ {
		must(t, os.WriteFile(other, same[:5*i], 0o640))
		must(t, os.Chtimes(other, n.now, n.now))
		n.poll(time.Second)
	}
	l.wantLines(read + 70)
}

func (l plainLog) wantLines(lines int) {
	l.n.t.Helper()
	if n := l.n; len(n.got) != lines {
		n.t.Errorf("%d lines were read, want %d", len(n.got), lines)
	}
}
