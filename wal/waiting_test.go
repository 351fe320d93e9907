package wal

import (
	"path/filepath"
	"testing"
)

// TestWhatIsReleasedDoesNotWait, though its Segment stays until all of it is released.
func TestWhatIsReleasedDoesNotWait(t *testing.T) {
	l, _ := mustOpen(t, Options{Dir: filepath.Join(t.TempDir(), "wal"), SegmentSize: 4 << 10})
	w := newWriter(2, 1)
	for range 40 {
		mustAppend(t, l, w.block(2, 0, 1))
	}
	if err := l.Sync(); err != nil {
		t.Fatal(err)
	}
	s := l.Stats()
	if s.Segments < 2 || s.Waiting != s.Bytes {
		t.Fatalf("nothing is released: %+v", s)
	}
	before := s.Waiting
	for acked := Index(1); acked <= l.Durable(); acked++ {
		if err := l.Release(acked); err != nil {
			t.Fatal(err)
		}
		s := l.Stats()
		if s.Waiting > before || s.Waiting > s.Bytes || s.Waiting < 0 {
			t.Errorf("released up to %d: %d bytes wait, %d before, %d on the disk", acked, s.Waiting, before, s.Bytes)
		}
		before = s.Waiting
	}
	if s := l.Stats(); s.Waiting != 0 || s.Bytes == 0 {
		t.Errorf("all is released: %+v", s)
	}
}
