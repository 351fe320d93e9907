package wal

import (
	"path/filepath"
	"testing"
)

// What the writer has not fsynced may be gone tomorrow.
func TestNothingIsShownThatIsNotDurable(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "wal")
	l, _ := mustOpen(t, Options{Dir: dir, SegmentSize: 2000})
	w := newWriter(3, 1)
	var want []*Block
	var text int64
	for range 10 {
		b := w.block(3, 0, 1)
		mustAppend(t, l, b)
		want = append(want, b)
		text += int64(len(b.Text))
	}
	limit := l.Durable()
	if err := l.Append(w.block(3, 2)); err != nil { // in the page cache only
		t.Fatal(err)
	}
	r, err := OpenReadOnly(View{Dir: dir, Floor: limit, Live: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, damaged := drain(t, r, 0)
	if len(damaged) > 0 {
		t.Fatalf("damaged: %+v", damaged)
	}
	sameAll(t, got, want)
	var sum Contents
	segs := r.Segments()
	for _, s := range segs {
		c, err := r.Contents(s)
		if err != nil {
			t.Fatal(err)
		}
		if c.Files != 2 || c.Sealed != s.Sealed {
			t.Errorf("segment %d: %+v", s.First, c)
		}
		sum.Blocks, sum.Records, sum.Text = sum.Blocks+c.Blocks, sum.Records+c.Records, sum.Text+c.Text
	}
	if (sum != Contents{Blocks: 10, Records: 20, Text: text}) || len(segs) < 2 || segs[len(segs)-1].Sealed {
		t.Errorf("%+v in %d segments; %d bytes of text were written", sum, len(segs), text)
	}
	if err := l.Release(limit); err != nil {
		t.Fatal(err)
	}
	if c, err := r.Contents(segs[0]); err != nil || c != (Contents{}) {
		t.Errorf("released: %+v %v", c, err)
	}
}

func TestAReaderMissesWhatIsKnownToHaveBeenThere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "wal")
	l, _ := mustOpen(t, Options{Dir: dir})
	mustAppend(t, l, newWriter(1, 1).block(3, 0))
	mustClose(t, l)
	for floor, want := range map[Index]int{0: 0, 1: 0, 7: 1} {
		r, err := OpenReadOnly(View{Dir: dir, Floor: floor})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(r.Recovery().Damaged); n != want {
			t.Errorf("floor %d: %d damages, want %d", floor, n, want)
		}
		r.Close()
	}
}
