package tail

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"logboom/wal"
)

// plainLog is a log file of a program, in n's only input. write adds lines, rotate renames as logrotate does.
type plainLog struct {
	n    *node
	path string
}

func newPlainLog(n *node) plainLog {
	path := filepath.Join(filepath.Dir(n.root), "app.log")
	n.inputs = []Input{{Paths: []string{path}, Format: wal.Plain, Route: "logs"}}
	return plainLog{n, path}
}

func (l plainLog) write(lines ...string) {
	l.n.t.Helper()
	f, err := os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	must(l.n.t, err)
	_, err = f.WriteString(strings.Join(lines, "\n") + "\n")
	must(l.n.t, errors.Join(err, f.Close()))
}

func (l plainLog) rotate(first, second string) {
	l.n.t.Helper()
	if _, err := os.Stat(l.path + first); err == nil {
		must(l.n.t, os.Rename(l.path+first, l.path+second))
	}
	must(l.n.t, os.Rename(l.path, l.path+first))
}

// Plain lines have the time at which they are read: what was written behind the last look, and rotated away, comes before the
// lines of the file that took its name.
func TestARotatedPlainFileIsReadBeforeTheNextOne(t *testing.T) {
	n := newNode(t)
	l := newPlainLog(n)
	l.write("a")
	n.start()
	n.poll(0)
	for _, turn := range []struct{ last, first string }{{"b", "c"}, {"d", "e"}} {
		l.write(turn.last)
		l.rotate(".1", ".2")
		l.write(turn.first)
		n.tail.nextScan = time.Time{} // a hint
		n.poll(time.Millisecond)
		n.poll(lookEvery)
		n.poll(lookEvery)
	}
	n.want("a", "b", "c", "d", "e")
}

// A file may come and be rotated between two looks, once or twice.
func TestPlainFilesThatAreMetTogetherAreReadInTheOrderOfTheirRotation(t *testing.T) {
	n := newNode(t)
	l := newPlainLog(n)
	n.start()
	n.poll(0)
	l.write("a")
	l.rotate(".1", ".2")
	time.Sleep(20 * time.Millisecond) // of the disk's clock
	l.write("b")
	l.rotate(".1", ".2")
	l.write("c")
	for range 3 {
		n.poll(time.Second)
	}
	n.want("a", "b", "c")
	var last int64
	for _, e := range n.events {
		if at := int64(e.File.Ordinal)<<40 + int64(e.Offset); at <= last && last > 0 {
			t.Errorf("%s at %d sorts behind the next one", e.File.Path, e.Offset)
		} else {
			last = at
		}
	}
}

// When the checkpoint is lost, the WAL may know the newest File of an Attempt, but not the ones before: those are met as new
// ones, and follow it by their Ordinals. What stands open at its end is no part of them all the same.
func TestAnOlderFileIsNotJoinedToWhatStandsOpenInTheNewest(t *testing.T) {
	n := newNode(t)
	n.lines("0.log", "a")
	n.rename("0.log", "0.log.20261122-160141")
	n.lines("0.log", "b")
	n.start()
	n.poll(0)
	n.write("0.log", n.cri("P", "open"))
	n.stop()
	for id, k := range n.states {
		if k.File.Ordinal == 0 {
			delete(n.states, id)
		}
	}
	n.got, n.ids = nil, map[string]string{}
	n.start()
	for range 30 {
		n.poll(time.Second)
	}
	slices.Sort(n.got)
	n.want("a", "open")
}
