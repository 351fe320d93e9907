package corpus

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"
)

// named returns a small corpus of the Table's kind.
func named(t *testing.T, name string, size int64) *Corpus {
	t.Helper()
	for _, spec := range Table {
		if spec.Name == name {
			spec.Bytes, spec.Seed = size, 1
			return made(t, t.TempDir(), spec)
		}
	}
	t.Fatalf("the table has no corpus %s", name)
	return nil
}

func made(t *testing.T, dir string, spec Spec) *Corpus {
	t.Helper()
	c, err := Make(context.Background(), dir, spec)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func sum(t *testing.T, c *Corpus) uint32 {
	t.Helper()
	h := crc32.NewIEEE()
	for _, path := range c.FilePaths() {
		h.Write(read(t, path))
	}
	return h.Sum32()
}

func TestSameSpecGivesSameBytes(t *testing.T) {
	for _, spec := range Table {
		spec.Bytes, spec.Seed = 1e6, 7
		a, b := made(t, t.TempDir(), spec), made(t, t.TempDir(), spec)
		if x, y := sum(t, a), sum(t, b); x != y {
			t.Errorf("%s: two corpora of one Spec differ: %08x and %08x", spec.Name, x, y)
		}
		spec.Seed = 8
		if sum(t, a) == sum(t, made(t, t.TempDir(), spec)) {
			t.Errorf("%s: another seed gave the same bytes", spec.Name)
		}
	}
}

// Results of two days are comparable only when the corpus is the same: who changes its text raises Version, and then
// puts the new sums here.
func TestVersionStandsForTheBytes(t *testing.T) {
	want := map[string]uint32{"text8": 0xdf703410, "json8": 0xa403e521, "long8": 0x6d6beda5, "text200": 0x4d92d26f}
	const version = 1
	for name, sumWanted := range want {
		if got := sum(t, named(t, name, 2e6)); got != sumWanted || version != Version {
			t.Errorf("%s: sum %#08x of Version %d; %#08x of Version %d is on record", name, got, Version, sumWanted, version)
		}
	}
}

var criLine = regexp.MustCompile(`^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{0,8}[1-9])?Z) (stdout|stderr) ([PF]) ([^\n]*)$`)

// eachEvent checks the lines of a file as the runtime writes them, and gives the content of its Events.
func eachEvent(t *testing.T, path string, fn func(event []byte)) (lines, events int64) {
	t.Helper()
	data := read(t, path)
	if !bytes.HasSuffix(data, []byte("\n")) {
		t.Fatalf("%s: its last line has no newline", path)
	}
	var event []byte
	var last time.Time
	for line := range bytes.Lines(data) {
		lines++
		m := criLine.FindSubmatch(line[:len(line)-1])
		if m == nil {
			t.Fatalf("%s: line %d is not of the CRI format: %.200q", path, lines, line)
		}
		now, err := time.Parse(time.RFC3339Nano, string(m[1]))
		if err != nil || !now.After(last) {
			t.Fatalf("%s: line %d: time %s follows %s (%v)", path, lines, m[1], last, err)
		}
		last = now
		event = append(event, m[4]...)
		if string(m[3]) == "P" {
			if len(m[4]) != piece {
				t.Fatalf("%s: line %d is a piece of %d bytes", path, lines, len(m[4]))
			}
			continue
		}
		events++
		fn(event)
		event = event[:0]
	}
	if len(event) > 0 {
		t.Fatalf("%s: its last Event has no end", path)
	}
	return lines, events
}

func TestFilesAreCRILinesAsCounted(t *testing.T) {
	for _, spec := range Table {
		c := named(t, spec.Name, 3e6)
		var lines, events, size int64
		for i, path := range c.FilePaths() {
			l, e := eachEvent(t, path, func(event []byte) {
				switch {
				case !utf8.Valid(event):
					t.Fatalf("%s: not UTF-8: %.200q", path, event)
				case len(event) == 0 || event[0] == ' ' || event[0] == '\t':
					t.Fatalf("%s: an Event that another could swallow: %.200q", path, event)
				case spec.Content != Text && !json.Valid(event):
					t.Fatalf("%s: not JSON: %.400q", path, event)
				}
			})
			info, err := os.Stat(path)
			if err != nil || info.Size() != c.Sizes[i] {
				t.Fatalf("%s: %d bytes are listed (%v)", path, c.Sizes[i], err)
			}
			lines, events, size = lines+l, events+e, size+info.Size()
		}
		if lines != c.Lines || events != c.Events || size != c.Size {
			t.Errorf("%s: the files hold %d lines, %d Events, %d bytes; counted: %d, %d, %d",
				spec.Name, lines, events, size, c.Lines, c.Events, c.Size)
		}
		if c.Size < c.Bytes || c.Size > c.Bytes+int64(c.Files)*(600<<10) {
			t.Errorf("%s: %d bytes, wanted %d", spec.Name, c.Size, c.Bytes)
		}
		if (c.Lines > c.Events) != (spec.Content == Long) {
			t.Errorf("%s: %d lines for %d Events", spec.Name, c.Lines, c.Events)
		}
	}
}

func TestTextCompressesLikeLogs(t *testing.T) {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		corpus         string
		low, high      float64 // of the ratio, of each file
		shortest, long float64 // of the mean line, in bytes
	}{
		{"text8", 6, 8.5, 185, 200},
		{"json8", 6, 8.5, 280, 350},
		{"long8", 5, 9, 8000, 16400},
	} {
		c := named(t, want.corpus, 12e6)
		for _, path := range c.FilePaths() {
			data := read(t, path)
			ratio := float64(len(data)) / float64(len(encoder.EncodeAll(data, nil)))
			if ratio < want.low || ratio > want.high {
				t.Errorf("%s: %s compresses %.2f times; wanted %v to %v", want.corpus, filepath.Base(filepath.Dir(path)), ratio, want.low, want.high)
			}
		}
		if mean := float64(c.Size) / float64(c.Lines); mean < want.shortest || mean > want.long {
			t.Errorf("%s: %.0f bytes a line; wanted %v to %v", want.corpus, mean, want.shortest, want.long)
		}
	}
}

func TestFilesLieAsTheKubeletLaysThem(t *testing.T) {
	shape := regexp.MustCompile(`^[a-z-]+_[a-z0-9-]+_[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}/[a-z-]+/0\.log$`)
	c := named(t, "text200", 1e6)
	met := map[string]bool{}
	for _, path := range c.Paths {
		if !shape.MatchString(path) || met[path] {
			t.Errorf("path %s, met before: %v", path, met[path])
		}
		met[path] = true
	}
	if len(met) != 200 {
		t.Errorf("%d files", len(met))
	}
}

func TestACorpusIsKeptWhileItIsWhole(t *testing.T) {
	spec := Spec{Name: "kept", Content: Text, Files: 2, Bytes: 1e5, Seed: 1}
	dir := t.TempDir()
	first := made(t, dir, spec)
	whole := sum(t, first)
	list := filepath.Join(first.dir, listName)
	cases := []struct {
		what  string
		spoil func() error
		kept  bool
	}{
		{"untouched", func() error { return nil }, true},
		{"a file was cut", func() error { return os.Truncate(first.FilePaths()[1], 100) }, false},
		{"a file is gone", func() error { return os.Remove(first.FilePaths()[0]) }, false},
		{"it was interrupted", func() error { return os.Remove(list) }, false},
		{"the list is torn", func() error { return os.Truncate(list, 50) }, false},
		{"it has another Version", func() error {
			data := bytes.Replace(read(t, list), []byte(fmt.Sprintf(`"version": %d`, Version)), []byte(`"version": 0`), 1)
			return os.WriteFile(list, data, 0o644)
		}, false},
	}
	for _, c := range cases {
		before, err := os.Stat(first.dir)
		if err := errors.Join(err, c.spoil()); err != nil {
			t.Fatal(err)
		}
		again := made(t, dir, spec)
		after, err := os.Stat(first.dir)
		if err != nil {
			t.Fatal(err)
		}
		if kept := os.SameFile(before, after) && after.ModTime().Equal(before.ModTime()); kept != c.kept {
			t.Errorf("%s: kept: %v, wanted %v", c.what, kept, c.kept)
		}
		if sum(t, again) != whole || again.Events != first.Events {
			t.Errorf("%s: what Make returned differs from the first", c.what)
		}
	}
}

func TestNothingIsListedWhenMakingIsInterrupted(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	spec := Spec{Name: "interrupted", Content: Text, Files: 4, Bytes: 1e6, Seed: 1}
	if _, err := Make(ctx, dir, spec); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if lists, _ := filepath.Glob(filepath.Join(dir, "*", listName)); len(lists) > 0 {
		t.Errorf("listed: %v", lists)
	}
}
