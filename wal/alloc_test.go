//go:build !race

package wal

import (
	"errors"
	"path/filepath"
	"testing"
)

// nowhere takes entries and keeps nothing, as the memory of tidwall's own is not ours to save.
type nowhere struct{ realDisk }

func (nowhere) Open(string) (entries, error) { return nowhere{}, nil }
func (nowhere) Write(uint64, []byte) error   { return nil }
func (nowhere) Sync() error                  { return nil }
func (nowhere) Close() error                 { return nil }
func (nowhere) SyncDir(string) error         { return nil }

func TestSteadyStateAllocatesNothing(t *testing.T) {
	l, _, err := open(Options{Dir: filepath.Join(t.TempDir(), "wal"), SegmentSize: 1 << 40}, nowhere{}, realAccess)
	if err != nil {
		t.Fatal(err)
	}
	blocks := benchBlocks(8)
	n := 0
	step := func() {
		if err := errors.Join(l.Append(blocks[n%8]), l.Sync()); err != nil {
			t.Fatal(err)
		}
		n++
	}
	for range 30 {
		step()
	}
	if a := testing.AllocsPerRun(100, step); a > 0 {
		t.Errorf("%v allocations an Append and Sync", a)
	}

	r, _ := mustOpen(t, Options{Dir: filepath.Join(t.TempDir(), "wal")})
	for range 40 {
		mustAppend(t, r, blocks...)
	}
	var b Block
	var after Index
	read := func() {
		if err := r.Next(after, &b); err != nil {
			t.Fatal(err)
		}
		after = b.Index
	}
	for range 20 {
		read()
	}
	if a := testing.AllocsPerRun(100, read); a > 0 {
		t.Errorf("%v allocations a Next", a)
	}
}
