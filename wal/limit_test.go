package wal

import (
	"errors"
	"path/filepath"
	"testing"
)

// TestALargeBlockDoesNotPassTheLimit: there is room left, but not for this one.
func TestALargeBlockDoesNotPassTheLimit(t *testing.T) {
	const limit = 100 << 10
	dir := filepath.Join(t.TempDir(), "wal")
	l, _ := mustOpen(t, Options{Dir: dir, MaxSize: limit})
	w := newWriter(1, 1)
	large := func() *Block {
		b, text := new(Block), make([]byte, 60<<10)
		for i := range text {
			text[i] = byte(w.rand.Uint32()) // does not shrink
		}
		w.put(b, 0, text)
		return b
	}
	mustAppend(t, l, large())
	if err := l.Append(large()); !errors.Is(err, ErrFull) {
		t.Fatalf("a Block beyond the limit: %v", err)
	}
	if n := l.Stats().Bytes; n > limit {
		t.Fatalf("%d bytes on disk, the limit is %d", n, limit)
	}
}
