package main

import (
	"math"
	"strings"
	"testing"

	"logboom/bench/corpus"
)

// example is three runs with round numbers: half a GB, 2 million Events.
func example() *Result {
	r := &Result{
		Corpus:  Summary{Spec: corpus.Spec{Name: "example", Content: corpus.Text, Files: 8}, Bytes: 5e8, Events: 2e6},
		UnitCPU: []float64{4, 6, 10, 6},
		Runs: []Run{
			{Wall: 4, User: 5, System: 2, PeakRSS: 50e6, DiskWritten: 1e8, WireBytes: 5e7, BodyBytes: 1e9, Bodies: 200, BackendCPU: 1},
			{Wall: 8, User: 9, System: 3, PeakRSS: 60e6, DiskWritten: 2e8, WireBytes: 5e7, BodyBytes: 1e9, Bodies: 200, BackendCPU: 2},
			{Wall: 5, User: 7, System: 1, PeakRSS: 40e6, DiskWritten: 3e8, WireBytes: 5e7, BodyBytes: 1e9, Bodies: 100, BackendCPU: 4},
		},
	}
	r.compute()
	return r
}

func TestFiguresFollowFromTheRuns(t *testing.T) {
	want := map[string][3]float64{ // median, min, max
		"throughput, events/s":                     {4e5, 2.5e5, 5e5},
		"throughput, MB/s of input":                {100, 62.5, 125},
		"CPU, s/GB of input":                       {16, 14, 24},
		"CPU, user, s/GB of input":                 {14, 10, 18},
		"CPU, system, s/GB of input":               {4, 2, 6},
		"the unit's CPU, s/GB of input":            {16, 10, 16},  // means of neighbours: 5, 8, 8
		"CPU / the unit's CPU, times":              {1.4, 1, 1.5}, // 7/5, 12/8, 8/8
		"peak RSS, MB":                             {50, 40, 60},
		"written to disk, bytes/byte of input":     {0.4, 0.2, 0.6},
		"sent to the backend, bytes/byte of input": {0.1, 0.1, 0.1},
		"sent, before gzip, bytes/byte of input":   {2, 2, 2},
		"bulk request, KB before gzip":             {5000, 5e3, 10e3},
		"backend's CPU, s/GB of input":             {4, 2, 8},
	}
	r := example()
	for _, f := range r.Figures {
		name := f.Name + ", " + f.Unit
		w, known := want[name]
		delete(want, name)
		for i, got := range []float64{f.Median, f.Min, f.Max} {
			if !known || math.Abs(got-w[i]) > 1e-9*w[i] {
				t.Errorf("%s: got %v, wanted %v", name, []float64{f.Median, f.Min, f.Max}, w)
				break
			}
		}
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
}

func TestBarsAreHeld(t *testing.T) {
	for _, c := range []struct {
		what   string
		change func(*Result)
		passed bool
	}{
		{"as it is", func(*Result) {}, true},
		{"the median is at the bar", func(r *Result) { r.Runs[0].User = 5.5 }, true},
		{"the median is over the bar", func(r *Result) { r.Runs[0].User, r.Runs[1].User = 5.6, 9.2 }, false},
		{"one run is over the bar", func(r *Result) { r.Runs[1].User = 90 }, true},
		{"the bar is for ordinary text", func(r *Result) { r.Runs[0].User, r.Corpus.Content = 90, corpus.Long }, true},
		{"one run takes too much memory", func(r *Result) { r.Runs[2].PeakRSS = 100e6 + 1 }, false},
		{"whatever the text", func(r *Result) { r.Runs[2].PeakRSS, r.Corpus.Content = 100e6+1, corpus.Long }, false},
	} {
		r := example()
		c.change(r)
		r.compute()
		if r.passed() != c.passed || strings.Contains(r.table(), "over the bar") == c.passed {
			t.Errorf("%s: passed: %v, wanted %v\n%s", c.what, r.passed(), c.passed, r.table())
		}
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{3}, 3}, {[]float64{4, 1}, 2.5}, {[]float64{9, 1, 5}, 5}, {[]float64{4, 1, 3, 2}, 2.5},
	} {
		if got := median(c.values); got != c.want {
			t.Errorf("median of %v: %v, wanted %v", c.values, got, c.want)
		}
	}
}

func TestFileSystemIsThatOfTheLongestMount(t *testing.T) {
	const mounts = `22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
23 22 0:21 / /data rw shared:3 - tmpfs tmpfs rw
24 22 0:22 / /data/deep rw - xfs /dev/b rw
25 22 0:23 / /data/deep rw - btrfs /dev/c rw
a line that is none
`
	for dir, want := range map[string]string{
		"/": "ext4", "/dat": "ext4", "/database": "ext4", "/data": "tmpfs", "/data/x": "tmpfs", "/data/deep/er": "btrfs",
	} {
		if got := fileSystem([]byte(mounts), dir); got != want {
			t.Errorf("%s lies on %q, wanted %q", dir, got, want)
		}
	}
}
