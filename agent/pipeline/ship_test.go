package pipeline

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"logboom/wal"
)

// The agent whose WAL is copied from may deliver the rest before the copy comes there: then there is nothing left to wait for.
func TestACopyEndsWhenItsAgentHasDeliveredTheRest(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "wal")
	l, _, err := wal.Open(wal.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	text := []byte("x\n")
	if err := l.Append(&wal.Block{Time: time.Now(), Text: text, Records: []wal.Record{{File: &wal.File{ID: wal.FileID{1}, Format: wal.Plain}, End: 2, Text: text}}}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := wal.OpenReadOnly(wal.View{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c := &readOnly{Reader: r}
	c.last.Store(uint64(r.Recovery().Last))
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := c.Next(0, new(wal.Block)); !errors.Is(err, wal.ErrNone) || c.Durable() != 0 {
		t.Errorf("%v; blocks up to %d are waited for", err, c.Durable())
	}
}
