package wal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// writer makes Blocks of continuous Records, as Intake does.
type writer struct {
	files []*File
	at    []Offset
	sums  []uint32
	tails [][]byte
	rand  *rand.Rand
	time  time.Time
}

func newWriter(files int, seed uint64) *writer {
	w := &writer{rand: rand.New(rand.NewPCG(seed, 1)), time: time.Date(2026, 11, 22, 16, 0, 0, 123456789, time.UTC)}
	for i := range files {
		w.files = append(w.files, testFile(i))
		w.at = append(w.at, 0)
		w.sums = append(w.sums, 0)
		w.tails = append(w.tails, nil)
	}
	return w
}

func testFile(i int) *File {
	f := &File{
		Path:      fmt.Sprintf("/var/log/pods/shop_cart-%d_0b9d3c1e-52f6-4f0a-9f5f-6d0a1b2c3d4e/cart/0.log", i),
		Format:    CRI,
		Route:     "logs-shop-default",
		Node:      "node-1",
		Namespace: "shop",
		Pod:       fmt.Sprintf("cart-%d", i),
		PodUID:    "0b9d3c1e-52f6-4f0a-9f5f-6d0a1b2c3d4e",
		Container: "cart",
		Labels:    map[string]string{"app": "cart", "pod-template-hash": "7d4b9c6f5"},
		Identity:  Identity{Inode: uint64(1000 + i), Birth: 1764000000000000000, HeadLen: 120},
	}
	f.ID[0], f.ID[1], f.ID[15] = byte(i), byte(i>>8), 7
	f.Identity.HeadSum[3] = byte(i)
	return f
}

// add appends a Record of n Lines of file i to b.
func (w *writer) add(b *Block, i, lines int) {
	var text []byte
	for range lines {
		text = fmt.Appendf(text, "%s stdout F %s level=info msg=\"order placed\" order=%d user=%d ms=%d\n",
			w.time.Format(time.RFC3339Nano), w.files[i].Pod, w.rand.IntN(1e6), w.rand.IntN(1e4), w.rand.IntN(500))
	}
	w.put(b, i, text)
}

func (w *writer) put(b *Block, i int, text []byte) {
	r := Record{File: w.files[i], Start: w.at[i], End: w.at[i] + Offset(len(text))}
	w.at[i] = r.End
	w.sums[i] = crc32.Update(w.sums[i], castagnoli, text)
	w.tails[i] = append(w.tails[i], text...)
	w.tails[i] = w.tails[i][max(0, len(w.tails[i])-TailLen):]
	r.Prefix, r.Tail = w.sums[i], crc32.Checksum(w.tails[i], castagnoli)
	r.Text = text
	b.Records = append(b.Records, r)
	b.Text = append(b.Text, text...)
	b.Time = w.time
	w.time = w.time.Add(time.Millisecond)
}

// block makes one with a Record of each File that is named.
func (w *writer) block(lines int, files ...int) *Block {
	b := new(Block)
	for _, i := range files {
		w.add(b, i, lines)
	}
	return b
}

func mustOpen(t testing.TB, o Options) (*Log, *Recovery) {
	t.Helper()
	l, r, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l, r
}

func mustAppend(t testing.TB, l *Log, blocks ...*Block) {
	t.Helper()
	for _, b := range blocks {
		if err := l.Append(b); err != nil {
			t.Fatal(err)
		}
		if err := l.Sync(); err != nil {
			t.Fatal(err)
		}
	}
}

func mustClose(t testing.TB, l *Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// source is what gives Blocks: a Log or a Reader.
type source interface {
	Next(after Index, b *Block) error
}

// drain reads all behind after. What is damaged is returned too.
func drain(t testing.TB, s source, after Index) (blocks []*Block, damaged []Damage) {
	t.Helper()
	for {
		b := new(Block)
		err := s.Next(after, b)
		var d *DamageError
		switch {
		case errors.Is(err, ErrNone):
			return blocks, damaged
		case errors.As(err, &d):
			if d.Index <= after || len(d.Damaged) == 0 {
				t.Fatalf("Next(%d) gave %+v", after, d)
			}
			damaged, after = append(damaged, d.Damaged...), d.Index
		case err != nil:
			t.Fatal(err)
		default:
			if b.Index <= after {
				t.Fatalf("Next(%d) gave block %d", after, b.Index)
			}
			blocks, after = append(blocks, b), b.Index
		}
	}
}

// same fails unless got is want.
func same(t testing.TB, got, want *Block) {
	t.Helper()
	if got.Index != want.Index || !got.Time.Equal(want.Time) || !bytes.Equal(got.Text, want.Text) || len(got.Records) != len(want.Records) {
		t.Fatalf("block %d differs from %d: %v %v, %d records of %d", got.Index, want.Index, got.Time, want.Time, len(got.Records), len(want.Records))
	}
	for i := range got.Records {
		g, w := got.Records[i], want.Records[i]
		if g.File.ID != w.File.ID || g.File.Pod != w.File.Pod || !bytes.Equal(g.Text, w.Text) {
			t.Fatalf("block %d record %d: %+v, want %+v", got.Index, i, g, w)
		}
		g.File, g.Text, w.File, w.Text = nil, nil, nil, nil
		if fmt.Sprint(g) != fmt.Sprint(w) {
			t.Fatalf("block %d record %d: %+v, want %+v", got.Index, i, g, w)
		}
	}
}

func sameAll(t testing.TB, got, want []*Block) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d blocks, want %d", len(got), len(want))
	}
	for i := range got {
		same(t, got[i], want[i])
	}
}

// segmentFiles returns the paths of the Segments' files.
func segmentFiles(t testing.TB, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	p, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func writeFile(t testing.TB, path string, p []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, p, 0o600); err != nil {
		t.Fatal(err)
	}
}

// reseal makes the checksum of a frame's fixed part right again.
func (f *frame) reseal(p []byte) {
	binary.LittleEndian.PutUint32(p[fixedSize-crcSize:], crc32.Checksum(p[:fixedSize-crcSize], castagnoli))
}
