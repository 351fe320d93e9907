package wal

import (
	"errors"
	"path/filepath"
	"testing"
)

func TestAppendedBlocksComeBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data", "wal")
	l, r := mustOpen(t, Options{Dir: dir, SegmentSize: 20 << 10})
	if r.Last != 0 || len(r.Files) != 0 || len(r.Damaged) != 0 {
		t.Fatalf("an empty WAL recovered %+v", r)
	}
	w := newWriter(5, 1)
	var want []*Block
	for i := range 100 {
		b := w.block(20, i%5, (i+1)%5)
		mustAppend(t, l, b)
		want = append(want, b)
	}
	got, damaged := drain(t, l, 0)
	if len(damaged) != 0 {
		t.Fatalf("damaged: %+v", damaged)
	}
	sameAll(t, got, want)
	if n := len(segmentFiles(t, dir)); n < 3 {
		t.Fatalf("%d segments, want several", n)
	}
	mustClose(t, l)

	l, r = mustOpen(t, Options{Dir: dir})
	got, damaged = drain(t, l, 0)
	if len(damaged)+len(r.Damaged) != 0 {
		t.Fatalf("damaged: %+v", damaged)
	}
	sameAll(t, got, want)
	for i, f := range w.files {
		e := r.Files[f.ID]
		if e.Start != 0 || e.End != w.at[i] || e.Prefix != w.sums[i] || e.File.Pod != f.Pod {
			t.Fatalf("file %d: %+v, want the end %d", i, e, w.at[i])
		}
	}
	if err := l.Next(r.Last, new(Block)); !errors.Is(err, ErrNone) {
		t.Fatalf("Next behind the last: %v", err)
	}
}
