//go:build !race

package wal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// TestTheHeadIsNotKept: writing a Segment takes no memory in proportion to it.
func TestTheHeadIsNotKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "wal")
	if err := errors.Join(os.MkdirAll(dir, dirMode), realDisk{}.Create(filepath.Join(dir, folderName(7)))); err != nil {
		t.Fatal(err)
	}
	e, err := realDisk{}.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	frame := bytes.Repeat([]byte("a frame, "), 10000)
	index := uint64(7)
	write := func() {
		if err := e.Write(index, frame); err != nil {
			t.Fatal(err)
		}
		index++
	}
	write()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 100 {
		write()
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > uint64(4*len(frame)) {
		t.Errorf("%d bytes were allocated for a Segment of %d", n, 100*len(frame))
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	var want []byte
	for range 101 {
		want = append(binary.AppendUvarint(want, uint64(len(frame))), frame...)
	}
	if got := readFile(t, filepath.Join(dir, folderName(7))); !bytes.Equal(got, want) {
		t.Errorf("%d bytes are in the file, want %d", len(got), len(want))
	}
}

// nowhere takes entries and does nothing.
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
