package wal

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
)

func forgedFrame(t *testing.T, index Index) []byte {
	forge := filepath.Join(t.TempDir(), fmt.Sprint("forge", index))
	l, _ := mustOpen(t, Options{Dir: forge, Acked: index - 1})
	mustAppend(t, l, newWriter(1, 8).block(1, 0))
	return readFile(t, segmentFiles(t, forge)[0])
}

func noisy(w *writer, b *Block, i int, fake []byte) {
	noise := make([]byte, 3000)
	for k := range noise {
		noise[k] = byte(w.rand.Uint32())
	}
	w.put(b, i, append(noise, fake...))
}

// A log line that holds a frame of a higher version, behind damage, must not keep the agent from starting for ever.
func TestForgedVersionIsNoNewerFormat(t *testing.T) {
	fake := forgedFrame(t, 2)
	at := bytes.Index(fake, []byte(magic))
	fake[at+8] = version + 1
	f := new(frame)
	f.reseal(fake[at:])
	dir := filepath.Join(t.TempDir(), "wal")
	l, _ := mustOpen(t, Options{Dir: dir})
	w := newWriter(2, 1)
	for i := range 4 {
		b := new(Block)
		if i == 1 {
			noisy(w, b, 0, fake)
		} else {
			w.add(b, 1, 2)
		}
		mustAppend(t, l, b)
	}
	file := segmentFiles(t, dir)[0]
	p := readFile(t, file)
	at = bytes.Index(p, []byte(magic))
	at += 1 + bytes.Index(p[at+1:], []byte(magic))
	p[at+30]++ // one bit of the second Block's fixed part
	for range 2 {
		writeFile(t, file, p)
		if err := l.Next(1, new(Block)); errors.Is(err, ErrVersion) {
			t.Errorf("Next, for ever: %v", err)
		}
		again, _, err := Open(Options{Dir: dir})
		if err != nil {
			t.Fatalf("Open, at every start: %v", err)
		}
		again.Close()
		p[at-1] = 0 // and the length before it
	}
}

// The same where the first Block of a Segment is damaged: the salt is not known then.
func TestForgedBlockDoesNotTakeASegmentOver(t *testing.T) {
	fake := forgedFrame(t, 1)
	dir := filepath.Join(t.TempDir(), "wal")
	l, _ := mustOpen(t, Options{Dir: dir})
	w := newWriter(2, 1)
	var want []*Block
	for i := range 6 {
		b := new(Block)
		if i == 0 {
			noisy(w, b, 0, fake)
		} else {
			w.add(b, 1, 2)
		}
		mustAppend(t, l, b)
		want = append(want, b)
	}
	mustClose(t, l)
	file := segmentFiles(t, dir)[0]
	p := readFile(t, file)
	p[bytes.Index(p, []byte(magic))+30]++ // one bit of the first Block's fixed part
	writeFile(t, file, p)
	l, _ = mustOpen(t, Options{Dir: dir})
	got, damaged := drain(t, l, 0)
	for _, b := range got {
		if b.Index == 1 {
			t.Errorf("a log line was given out as Block 1: route %q, pod %q, text %.60q", b.Records[0].File.Route, b.Records[0].File.Pod, b.Text)
		}
	}
	sameAll(t, got, want[1:])
	exactly(t, "first block", want[0], damaged)
}
