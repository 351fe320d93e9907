package wal

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// golden makes those files of testdata that are not there. The others stay as they are: later releases must read them.
var golden = flag.Bool("golden", false, "write what is missing in testdata")

// goldenBlocks are in testdata/v1, packed with zstd, and testdata/v2, packed with s2: a sealed Segment and one that a kill left, one raw text, every mark of a Record.
func goldenBlocks() []*Block {
	w := newWriter(2, 42)
	blocks := []*Block{w.block(4, 0, 1), new(Block), w.block(2, 0), w.block(3, 0, 1)}
	w.put(blocks[1], 1, []byte("\x00\xff raw, and no line of a runtime\n"))
	blocks[1].Records[0].Cut = true
	blocks[2].Records[0].Parts = [2]uint16{2, 0}
	blocks[3].Records[0].Chained = true
	blocks[3].Records[1].Note = "refused: mapper_parsing_exception"
	return blocks
}

func TestGoldenFilesStayReadable(t *testing.T) {
	for _, dir := range []string{"testdata/v1", "testdata/v2"} {
		t.Run(dir, func(t *testing.T) { readGolden(t, dir) })
	}
}

func readGolden(t *testing.T, dir string) {
	if missing(dir) {
		writeGolden(t, dir)
	}
	r, err := OpenReadOnly(View{Dir: filepath.Join(dir, "wal")})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, damaged := drain(t, r, 0)
	if len(damaged) > 0 {
		t.Fatalf("damaged: %+v", damaged)
	}
	want := goldenBlocks()
	for i, n := range []Index{8, 9, 11, 12} {
		want[i].Index = n
	}
	sameAll(t, got, want)
	for _, b := range got {
		for _, rec := range b.Records {
			if f := testFile(int(rec.File.ID[0])); asJSON(t, f) != asJSON(t, rec.File) {
				t.Fatalf("file %s, want %s", asJSON(t, rec.File), asJSON(t, f))
			}
		}
	}
	segs := r.Segments()
	if len(segs) != 2 || !segs[0].Sealed || segs[0].Last != 9 || segs[0].Prev != 7 || segs[1].Prev != 9 {
		t.Fatalf("%+v", segs)
	}
}

// TestOnlyWhatNeedsItHasTheNewVersion: a release that knows version 1 only reads all others, and stops at these rather than
// to take them for damage.
func TestOnlyWhatNeedsItHasTheNewVersion(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "wal")
	l, _ := mustOpen(t, Options{Dir: dir})
	w := newWriter(1, 1)
	raw := new(Block)
	w.put(raw, 0, []byte("\x00\xff raw\n"))
	mustAppend(t, l, raw, w.block(20, 0))
	mustClose(t, l)
	var versions []byte
	p := readFile(t, segmentFiles(t, dir)[0])
	for at := bytes.Index(p, []byte(magic)); at >= 0; {
		versions = append(versions, p[at+8])
		n := bytes.Index(p[at+1:], []byte(magic))
		if n < 0 {
			break
		}
		at += 1 + n
	}
	if string(versions) != "\x01\x02\x01" {
		t.Errorf("a raw Block, one packed with s2 and a summary have versions %v", versions)
	}
}

// missing says that a golden file is to be written.
func missing(dir string) bool {
	_, err := os.Stat(dir)
	return *golden && errors.Is(err, os.ErrNotExist)
}

// writeGolden needs tidwall's entries only: they are on the disk without Close.
func writeGolden(t *testing.T, dir string) {
	blocks := goldenBlocks()
	for i := range 2 {
		l, _, err := Open(Options{Dir: filepath.Join(dir, "wal"), Acked: 7})
		if err != nil {
			t.Fatal(err)
		}
		l.salt = func() uint64 { return 0x0123456789abcdef + uint64(i) }
		mustAppend(t, l, blocks[2*i], blocks[2*i+1])
		if i == 0 {
			mustClose(t, l)
		}
	}
}

func goldenFiles(f *testing.F) []string {
	return append(segmentFiles(f, "testdata/v1/wal"), segmentFiles(f, "testdata/v2/wal")...)
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	p, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(p)
}

// FuzzSegment gives any bytes to Open and Next as the file of a Segment: they may find damage, and must come to an end, with
// Blocks that keep their promises.
func FuzzSegment(f *testing.F) {
	for _, name := range goldenFiles(f) {
		p, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(p, uint64(0), byte(0))
		f.Add(p, uint64(12), byte(3))
	}
	dir := filepath.Join(memoryDir(f), "wal")
	f.Fuzz(func(t *testing.T, p []byte, floor uint64, again byte) {
		os.RemoveAll(dir)
		writeFile(t, filepath.Join(dir, folderName(8), folderName(8)), p)
		if again%2 == 1 {
			writeFile(t, filepath.Join(dir, folderName(8+Index(again)), folderName(8+Index(again))), p)
		}
		l, r, err := Open(Options{Dir: dir, Floor: Index(floor % maxIndex)})
		if errors.Is(err, ErrVersion) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		got, _ := drain(t, l, 0)
		for _, b := range got {
			mustHold(b)
		}
		for _, e := range r.Files {
			if e.Start < 0 || e.End < 0 || e.File == nil || e.Index > r.Last {
				t.Fatalf("%+v", e)
			}
		}
	})
}

// FuzzHeader gives any bytes to what reads headers and summaries, behind the checksums that keep them from there otherwise.
func FuzzHeader(f *testing.F) {
	var s scanner
	for _, name := range goldenFiles(f) {
		p, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		s.reset(badDisk{p: p}, int64(len(p)), 1)
		var fr frame
		for first := Index(8); first < 13; first++ {
			for s.rewind(first); s.next(&fr) == nil; {
				f.Add(fr.header, fr.payload, fr.textLen, fr.codec)
			}
		}
	}
	u, err := newUnpacker()
	if err != nil {
		f.Fatal(err)
	}
	d := decoder{unpacker: u}
	f.Fuzz(func(t *testing.T, header, payload []byte, text int, codec byte) {
		d.names.reset()
		fr := frame{header: header, payload: payload, textLen: text, codec: codec, index: 9, time: time.Now().UnixNano()}
		var b Block
		if text >= 0 && text <= maxBlockText && d.block(&fr, &b) == nil {
			mustHold(&b)
		}
		if text >= 0 && text <= maxSummary {
			if s, err := d.readSummary(&fr, true); err == nil && s.last != 8 {
				t.Fatalf("%+v", s)
			}
		}
	})
}
