package main

import (
	"math"
	"strings"
	"testing"
	"time"

	"logboom/bench/corpus"
)

// example is three runs with round numbers: half a GB, 2 million Events.
func example() *Result {
	r := &Result{
		Corpus:  Summary{Spec: corpus.Spec{Name: "example", Content: corpus.Text, Files: 8}, Bytes: 5e8, Events: 2e6},
		UnitCPU: []float64{8, 12, 20, 12},
		Runs: []Run{
			{Wall: 6, Delivered: 4, User: 5, System: 2, PeakRSS: 50e6, DiskWritten: 5e7, WireBytes: 5e7, BodyBytes: 1e9, Bodies: 200, BackendCPU: 1, Others: 0.02},
			{Wall: 9, Delivered: 8, User: 9, System: 3, PeakRSS: 60e6, DiskWritten: 1e8, WireBytes: 5e7, BodyBytes: 1e9, Bodies: 200, BackendCPU: 2, Others: 0.05},
			{Wall: 5.5, Delivered: 5, User: 7, System: 1, PeakRSS: 40e6, DiskWritten: 1.5e8, WireBytes: 5e7, BodyBytes: 1e9, Bodies: 100, BackendCPU: 4, Others: 0.1},
		},
	}
	r.compute()
	return r
}

func TestFiguresFollowFromTheRuns(t *testing.T) {
	want := map[string][3]float64{ // median, min, max
		"throughput, events/s":                     {4e5, 2.5e5, 5e5},
		"throughput, MB/s of input":                {100, 62.5, 125},
		"exit after the last document, s":          {1, 0.5, 2},
		"other processes, % of the machine":        {5, 2, 10},
		"CPU, s/GB of input":                       {16, 14, 24},
		"CPU, user, s/GB of input":                 {14, 10, 18},
		"CPU, system, s/GB of input":               {4, 2, 6},
		"the unit's CPU, s/GB of input":            {32, 20, 32},     // means of neighbours: 10, 16, 16
		"CPU / the unit's CPU, times":              {0.7, 0.5, 0.75}, // 7/10, 12/16, 8/16
		"peak RSS, MB":                             {50, 40, 60},
		"written to disk, bytes/byte of input":     {0.2, 0.1, 0.3},
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
		{"one run takes too much memory", func(r *Result) { r.Runs[2].PeakRSS = 80e6 + 1 }, false},
		{"too slow", func(r *Result) { r.Runs[0].Delivered, r.Runs[2].Delivered = 6, 6 }, false},
		{"too much is written", func(r *Result) { r.Runs[1].DiskWritten = 2e8 }, false},
		{"too much is sent", func(r *Result) { r.Runs[0].WireBytes, r.Runs[1].WireBytes = 3e8, 3e8 }, false},
		{"whatever the text", func(r *Result) { r.Runs[2].PeakRSS, r.Corpus.Content = 100e6+1, corpus.Long }, false},
	} {
		r := example()
		c.change(r)
		r.compute()
		if r.passed() != c.passed || (strings.Contains(r.table(), "over the bar") || strings.Contains(r.table(), "under the bar")) == c.passed {
			t.Errorf("%s: passed: %v, wanted %v\n%s", c.what, r.passed(), c.passed, r.table())
		}
	}
}

func TestABusyMachineIsSaid(t *testing.T) {
	for others, want := range map[float64]bool{0: false, quiet: false, quiet + 0.001: true, 1: true} {
		r := example()
		r.Runs[1].Others = others
		if got := strings.Contains(r.table(), "THE MACHINE WAS BUSY"); got != want {
			t.Errorf("others had %v: said: %v, wanted %v", others, got, want)
		}
	}
}

func TestOthersHaveWhatIsNotOurs(t *testing.T) {
	before, err := parseMachineTime([]byte("cpu  100 10 50 1000 500 5 3 2 90 0\ncpu0 1 1 1 1 1 1 1 1 0 0\ncpu1 1 1 1 1 1 1 1 1 0 0\nintr 9\n"))
	if err != nil || before.busy != 1700*time.Millisecond || before.cpus != 2 {
		t.Fatalf("%+v, %v: wanted 1.7 s on 2 processors", before, err)
	}
	after := machineTime{busy: before.busy + 7*time.Second, cpus: 2}
	for ours, want := range map[time.Duration]float64{0: 0.7, 5 * time.Second: 0.2, 8 * time.Second: 0} {
		if got := othersShare(before, after, 5*time.Second, ours); math.Abs(got-want) > 1e-9 {
			t.Errorf("7 s of 10, %v of them ours: %v, wanted %v", ours, got, want)
		}
	}
	if _, err := parseMachineTime([]byte("intr 9\n")); err == nil {
		t.Error("no error where there is no time")
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
