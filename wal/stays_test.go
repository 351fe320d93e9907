package wal

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestAFolderThatStaysKeepsNobodyFromStarting: a kill left a Segment without a Block, and the disk does not let it go.
func TestAFolderThatStaysKeepsNobodyFromStarting(t *testing.T) {
	dir := filepath.Join(memoryDir(t), "wal")
	o := Options{Dir: dir}
	l, _ := mustOpen(t, o)
	w := newWriter(1, 1)
	want := []*Block{w.block(2, 0)}
	mustAppend(t, l, want[0])
	mustClose(t, l)
	empty := filepath.Join(dir, folderName(9))
	if err := os.Mkdir(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	stays := true
	o.Fault = func(op, path string) error {
		if op == "remove" && path == empty && stays {
			return errors.New("operation not permitted")
		}
		return nil
	}
	for range 2 {
		l, r := mustOpen(t, o)
		if len(r.Damaged) > 0 {
			t.Fatalf("%+v", r.Damaged)
		}
		b := w.block(2, 0)
		mustAppend(t, l, b)
		want = append(want, b)
		got, damaged := drain(t, l, 0)
		if sameAll(t, got, want); len(damaged) > 0 || b.Index <= 9 {
			t.Fatalf("block %d, damaged %+v", b.Index, damaged)
		}
		mustClose(t, l)
	}
	l, _ = mustOpen(t, o)
	if err := l.Release(l.Durable()); err == nil {
		t.Error("nobody hears of what stays")
	}
	stays = false
	mustAppend(t, l, w.block(2, 0))
	if err := l.Release(l.Durable()); err != nil || exists(empty) || l.Stats().Segments != 1 {
		t.Errorf("%v, %+v", err, l.Stats())
	}
}
