package wal

import (
	"errors"
	"path/filepath"
	"testing"
)

// TestReaderEndsWhenAllIsReleased: what the agent delivers meanwhile may be all that counted, and the Segment that is left
// have no Block yet that does.
func TestReaderEndsWhenAllIsReleased(t *testing.T) {
	dir := filepath.Join(memoryDir(t), "wal")
	l, _ := mustOpen(t, Options{Dir: dir, SegmentSize: 1})
	w := newWriter(2, 1)
	mustAppend(t, l, w.block(2, 0), w.block(2, 1), w.block(2, 0))
	durable := l.Durable()
	if err := l.Append(w.block(2, 1)); err != nil { // the head, and not durable
		t.Fatal(err)
	}
	r, err := OpenReadOnly(View{Dir: dir, Floor: durable, Live: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := l.Release(durable); err != nil {
		t.Fatal(err)
	}
	if n := len(segmentFiles(t, dir)); n != 1 {
		t.Fatalf("%d segments are left", n)
	}
	if err := r.Next(0, new(Block)); !errors.Is(err, ErrNone) {
		t.Error(err)
	}
}
