package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Each plot is an SVG that names the machine and shows its curves.
func TestPlotsAreWhole(t *testing.T) {
	ages := make([]time.Duration, 1000)
	for i := range ages {
		ages[i] = time.Duration(i) * time.Millisecond / 10
	}
	q, err := quantiles(ages)
	if err != nil {
		t.Fatal(err)
	}
	machine := Machine{CPU: "a processor", Cores: 2, FileSystem: "ext4"}
	r := Report{Machine: machine, Live: []Live{{Rate: 1000, Durable: q, Stored: q}, {Rate: 50000, Durable: q, Stored: q}},
		Outage: &Outage{Rate: 10000, Seconds: 1, Times: 7, Timeline: []Moment{{0, 0, 0}, {1, 10000, 0}, {1.5, 15000, 15000}}}}
	e := example()
	peers := PeerReport{Machine: machine, Sides: []Sides{{Corpus: e.Corpus, Sides: []Side{{Name: "logboom", Runs: e.Runs}, {Name: "peer", Runs: e.Runs}}}}}
	dir := t.TempDir()
	if keep := os.Getenv("LOGBOOM_PLOTS"); keep != "" {
		dir = keep
	}
	paths, err := r.draw(dir)
	if err != nil {
		t.Fatal(err)
	}
	more, err := peers.draw(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{
		"ages.svg": {"1000 lines/s", "50000 lines/s", "percent of the lines"}, "outage.svg": {"written", "stored", "7.00 times"},
		"peers-example-cpu.svg": {"logboom", "peer", "16.0"}, "peers-example-speed.svg": {"events/s", "400000"},
	}
	for _, path := range append(paths, more...) {
		words := want[filepath.Base(path)]
		delete(want, filepath.Base(path))
		text := svgText(t, path)
		for _, word := range append(words, "a processor, 2 cores") {
			if !strings.Contains(text, word) {
				t.Errorf("%s: no %q", path, word)
			}
		}
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
}

// svgText returns the words of an SVG, and fails when it isn't whole.
func svgText(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b strings.Builder
	for d := xml.NewDecoder(f); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return b.String()
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if data, ok := token.(xml.CharData); ok {
			b.Write(data)
		}
	}
}
