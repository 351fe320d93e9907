package wal

import (
	"errors"
	"os"
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

// TestWhatIsReleasedDuringALookIsNotMissing releases the first Segment when it is listed, and when it is about to be read. No
// checkpoint says what was there: that is how dead letters are verified.
func TestWhatIsReleasedDuringALookIsNotMissing(t *testing.T) {
	for _, listed := range []bool{false, true} {
		dir := filepath.Join(memoryDir(t), "wal")
		l, _ := mustOpen(t, Options{Dir: dir, SegmentSize: 1})
		w := newWriter(2, 1)
		mustAppend(t, l, w.block(2, 0), w.block(2, 1), w.block(2, 0))
		first := filepath.Dir(segmentFiles(t, dir)[0])
		a := realAccess
		a.size = func(path string) (int64, error) {
			if filepath.Dir(path) != first {
				return size(path)
			}
			n, err := size(path)
			os.RemoveAll(first)
			if !listed {
				n, err = size(path)
			}
			return n, err
		}
		r := &recovery{dir: dir, access: a}
		if err := r.run(); err != nil || len(r.account.holes) > 0 || len(r.segs) != 2 {
			t.Errorf("%v, %d segments, holes %+v", err, len(r.segs), r.account.holes)
		}
	}
}
