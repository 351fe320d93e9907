package wal

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestNewDescriptionIsWrittenAgain: what was learnt of a File holds for the Records behind, and only for them.
func TestNewDescriptionIsWrittenAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "wal")
	l, _ := mustOpen(t, Options{Dir: dir})
	w := newWriter(1, 1)
	old := w.files[0]
	mustAppend(t, l, w.block(1, 0))
	learnt := *old
	learnt.Labels = map[string]string{"tier": "web"}
	w.files[0] = &learnt
	mustAppend(t, l, w.block(1, 0), w.block(1, 0))
	mustClose(t, l)
	l, r := mustOpen(t, Options{Dir: dir})
	got, _ := drain(t, l, 0)
	if got[0].Records[0].File.Labels["app"] != "cart" || got[1].Records[0].File.Labels["tier"] != "web" {
		t.Fatalf("%+v, %+v", got[0].Records[0].File, got[1].Records[0].File)
	}
	if got[1].Records[0].File != got[2].Records[0].File || r.Files[old.ID].File.Labels["tier"] != "web" || r.Files[old.ID].Start != 0 {
		t.Fatalf("%+v", r.Files)
	}
}

// TestRecordKeepsItsMarks covers the fields that plain Records leave empty.
func TestRecordKeepsItsMarks(t *testing.T) {
	l, _ := mustOpen(t, Options{Dir: filepath.Join(t.TempDir(), "wal")})
	w := newWriter(2, 1)
	b := w.block(1, 0, 1)
	b.Records[0].Parts, b.Records[0].Chained = [2]uint16{65535, 3}, true
	b.Records[1].Cut, b.Records[1].Note = true, "refused: mapper_parsing_exception"
	mustAppend(t, l, b)
	got, _ := drain(t, l, 0)
	sameAll(t, got, []*Block{b})
}

// TestLabelsBeyondMeasureAreLeftOut: a pod with half a megabyte of labels, and an owner with a name of a megabyte, must not stop the others.
func TestLabelsBeyondMeasureAreLeftOut(t *testing.T) {
	l, _ := mustOpen(t, Options{Dir: filepath.Join(t.TempDir(), "wal")})
	w := newWriter(2, 1)
	w.files[0].Labels, w.files[0].Owners = map[string]string{}, map[string]string{"replicaset": strings.Repeat("r", 1<<20)}
	for i := range 10000 {
		w.files[0].Labels[fmt.Sprint("example.com/label-", i)] = "a value of a few dozen bytes, as they are"
	}
	mustAppend(t, l, w.block(1, 0, 1))
	got, _ := drain(t, l, 0)
	if f := got[0].Records[0].File; len(f.Labels)+len(f.Owners) > 0 || f.Pod != w.files[0].Pod || len(got[0].Records[1].File.Labels) == 0 {
		t.Fatalf("%+v", f)
	}
}

// TestTooManyDescriptionsAreRefused: and what was appended before is as durable as an fsync makes it.
func TestTooManyDescriptionsAreRefused(t *testing.T) {
	l, _ := mustOpen(t, Options{Dir: filepath.Join(t.TempDir(), "wal")})
	w := newWriter(200, 1)
	good, bad, next := w.block(1, 0), new(Block), w.block(1, 1)
	for i := 2; i < 200; i++ {
		w.files[i].Path = strings.Repeat("x", 50000)
		w.put(bad, i, []byte("x\n"))
	}
	mustAppend(t, l, good)
	if err := l.Append(bad); !errors.Is(err, ErrTooLarge) {
		t.Fatal(err)
	}
	mustAppend(t, l, next)
	got, damaged := drain(t, l, 0)
	if len(damaged) > 0 {
		t.Fatal(damaged)
	}
	sameAll(t, got, []*Block{good, next})
}

func TestNothingUnpacksBeyondItsPromise(t *testing.T) {
	p, err := newPacker()
	if err != nil {
		t.Fatal(err)
	}
	u, err := newUnpacker()
	if err != nil {
		t.Fatal(err)
	}
	text := bytes.Repeat([]byte("a line of text\n"), 10000)
	for name, pack := range map[string]func(dst, text []byte) ([]byte, byte){"dense": p.pack, "quick": p.quick} {
		t.Run(name, func(t *testing.T) { unpacksToItsPromise(t, u, text, pack) })
	}
}

func unpacksToItsPromise(t *testing.T, u unpacker, text []byte, pack func(dst, text []byte) ([]byte, byte)) {
	packed, codec := pack([]byte("before"), text)
	packed = packed[len("before"):]
	if codec == codecRaw || len(packed) > len(text)/10 {
		t.Fatalf("codec %d, %d bytes", codec, len(packed))
	}
	for _, size := range []int{0, 100, len(text) - 1, len(text) + 1} {
		dst := make([]byte, 2*len(text))
		if _, err := u.unpack(dst, packed, codec, size); !errors.Is(err, errUnpack) {
			t.Errorf("%d bytes: %v", size, err)
		}
		if bytes.ContainsFunc(dst[min(size, len(text)):], func(r rune) bool { return r != 0 }) {
			t.Errorf("%d bytes were promised, and more were written", size)
		}
	}
	if got, err := u.unpack(nil, packed, codec, len(text)); err != nil || !bytes.Equal(got, text) {
		t.Error(err)
	}
}

func TestLargestBlockFits(t *testing.T) {
	l, _ := mustOpen(t, Options{Dir: filepath.Join(t.TempDir(), "wal")})
	w := newWriter(3, 1)
	b := new(Block)
	noise := make([]byte, MaxText)
	for i := range noise {
		noise[i] = byte(w.rand.Uint32())
	}
	w.put(b, 0, noise[:TargetText-(MaxRecords-2)])
	for range MaxRecords - 2 {
		w.put(b, 1, noise[:1])
	}
	w.put(b, 2, noise)
	mustAppend(t, l, b)
	got, _ := drain(t, l, 0)
	sameAll(t, got, []*Block{b})
}

func TestWrongBlocksPanic(t *testing.T) {
	l, _ := mustOpen(t, Options{Dir: filepath.Join(t.TempDir(), "wal")})
	for name, spoil := range map[string]func(b *Block){
		"no records":   func(b *Block) { b.Records = nil },
		"empty record": func(b *Block) { b.Records[0].End = b.Records[0].Start },
		"no file":      func(b *Block) { b.Records[0].File = nil },
		"short text":   func(b *Block) { b.Text = b.Text[1:] },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Fatal("was appended")
				}
			}()
			b := newWriter(1, 1).block(1, 0)
			spoil(b)
			l.Append(b)
		})
	}
}
