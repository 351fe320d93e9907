package main

import (
	"encoding/json"
	"os"
	"slices"
	"time"

	"logboom/bench/corpus"
)

// Report is what result.json holds.
type Report struct {
	When    time.Time `json:"when"`
	Machine Machine   `json:"machine"`
	Agent   Agent     `json:"agent"`
	Results []Result  `json:"results"`
	Live    []Live    `json:"live,omitempty"`
	Outage  *Outage   `json:"outage,omitempty"`
}

// PeerReport is what peers.json holds.
type PeerReport struct {
	When    time.Time `json:"when"`
	Machine Machine   `json:"machine"`
	Sides   []Sides   `json:"sides"`
	Losses  []Losses  `json:"losses"`
}

// writeJSON replaces the file at path.
func writeJSON(path string, report any) error {
	data, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}

// Result is what was measured on one corpus.
type Result struct {
	Corpus     Summary   `json:"corpus"`
	Unit       string    `json:"unit"`             // the program that UnitCPU is of
	UnitCPU    []float64 `json:"unit_cpu_seconds"` // before, between and after the runs
	DiskSource string    `json:"disk_source"`
	Runs       []Run     `json:"runs"`
	Figures    []Figure  `json:"figures"`
}

// Summary is a corpus without the list of its files.
type Summary struct {
	corpus.Spec
	Version int   `json:"version"`
	Bytes   int64 `json:"bytes"`
	Lines   int64 `json:"lines"`
	Events  int64 `json:"events"`
}

func summaryOf(c *corpus.Corpus) Summary {
	return Summary{Spec: c.Spec, Version: c.Version, Bytes: c.Size, Lines: c.Lines, Events: c.Events}
}

// Run is what one run of the agent took. Times are seconds.
type Run struct {
	Wall        float64 `json:"wall_seconds"`      // from start to exit
	Delivered   float64 `json:"delivered_seconds"` // from start until the backend had the last document
	User        float64 `json:"user_seconds"`
	System      float64 `json:"system_seconds"`
	PeakRSS     int64   `json:"peak_rss_bytes"`
	DiskWritten int64   `json:"disk_written_bytes"`
	Docs        int64   `json:"docs"`
	Bodies      int64   `json:"bodies"`     // bulk requests
	WireBytes   int64   `json:"wire_bytes"` // of bodies, compressed
	BodyBytes   int64   `json:"body_bytes"` // of bodies, decompressed
	BackendCPU  float64 `json:"backend_cpu_seconds"`
	Others      float64 `json:"others_share"`     // of the machine's processors, 0 to 1, while the agent ran
	UnitCPU     float64 `json:"unit_cpu_seconds"` // mean of the unit before and the unit after this run
}

// Figure is one line of the table: a quantity over all runs.
type Figure struct {
	Name   string  `json:"name"`
	Unit   string  `json:"unit"`
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	Bar    float64 `json:"bar,omitempty"` // what it may be at most, or has to be at least; 0: no bar
	Missed bool    `json:"missed,omitempty"`

	AtLeast bool `json:"bar_at_least,omitempty"`
}

// MB and GB are decimal everywhere.
const (
	MB = 1e6
	GB = 1e9
)

// quantity is how a Figure comes from a Run.
type quantity struct {
	name, unit string
	of         func(c *Summary, r *Run) float64
}

var quantities = []quantity{
	{"throughput", "events/s", func(c *Summary, r *Run) float64 { return float64(c.Events) / r.Delivered }},
	{"throughput", "MB/s of input", func(c *Summary, r *Run) float64 { return float64(c.Bytes) / MB / r.Delivered }},
	{"exit after the last document", "s", func(_ *Summary, r *Run) float64 { return r.Wall - r.Delivered }},
	{"CPU", "s/GB of input", func(c *Summary, r *Run) float64 { return (r.User + r.System) / c.gb() }},
	{"CPU, user", "s/GB of input", func(c *Summary, r *Run) float64 { return r.User / c.gb() }},
	{"CPU, system", "s/GB of input", func(c *Summary, r *Run) float64 { return r.System / c.gb() }},
	{unitName, "s/GB of input", func(c *Summary, r *Run) float64 { return r.UnitCPU / c.gb() }},
	{relativeName, "times", func(_ *Summary, r *Run) float64 { return (r.User + r.System) / r.UnitCPU }},
	{peakName, "MB", func(_ *Summary, r *Run) float64 { return float64(r.PeakRSS) / MB }},
	{"written to disk", "bytes/byte of input", func(c *Summary, r *Run) float64 { return float64(r.DiskWritten) / float64(c.Bytes) }},
	{"sent to the backend", "bytes/byte of input", func(c *Summary, r *Run) float64 { return float64(r.WireBytes) / float64(c.Bytes) }},
	{"sent, before gzip", "bytes/byte of input", func(c *Summary, r *Run) float64 { return float64(r.BodyBytes) / float64(c.Bytes) }},
	{"bulk request", "KB before gzip", func(_ *Summary, r *Run) float64 { return float64(r.BodyBytes) / 1e3 / float64(max(1, r.Bodies)) }},
	{"backend's CPU", "s/GB of input", func(c *Summary, r *Run) float64 { return r.BackendCPU / c.gb() }},
	{"other processes", "% of the machine", func(_ *Summary, r *Run) float64 { return 100 * r.Others }},
}

// Names of the quantities that are spoken of elsewhere.
const (
	unitName     = "the unit's CPU"
	relativeName = "CPU / the unit's CPU"
	peakName     = "peak RSS"
)

func (c *Summary) gb() float64 { return float64(c.Bytes) / GB }

// bars are what a figure may be at most, or has to be at least. They count for the median, or for the worst run.
var bars = []struct {
	figure, unit string
	content      corpus.Content
	most, least  float64 // 0: none
	worst        bool
}{
	{figure: relativeName, unit: "times", content: corpus.Text, most: 0.75},
	{figure: "throughput", unit: "events/s", content: corpus.Text, least: 350_000}, // on two cores, shared with the backend
	{figure: peakName, unit: "MB", content: corpus.Text, most: 80, worst: true},
	{figure: peakName, unit: "MB", content: corpus.JSON, most: 100, worst: true},
	{figure: peakName, unit: "MB", content: corpus.Long, most: 100, worst: true},
	{figure: "written to disk", unit: "bytes/byte of input", content: corpus.Text, most: 0.25},
	{figure: "sent to the backend", unit: "bytes/byte of input", content: corpus.Text, most: 0.45},
}

// compute derives everything that follows from Runs and UnitCPU.
func (r *Result) compute() {
	for i := range r.Runs {
		r.Runs[i].UnitCPU = (r.UnitCPU[i] + r.UnitCPU[i+1]) / 2
	}
	r.Figures = r.Figures[:0]
	for _, q := range quantities {
		values := make([]float64, len(r.Runs))
		for i := range r.Runs {
			values[i] = q.of(&r.Corpus, &r.Runs[i])
		}
		f := Figure{Name: q.name, Unit: q.unit, Median: median(values), Min: slices.Min(values), Max: slices.Max(values)}
		f.hold(r.Corpus.Content)
		r.Figures = append(r.Figures, f)
	}
}

// hold compares the figure with its bar, if it has one.
func (f *Figure) hold(content corpus.Content) {
	for _, b := range bars {
		if b.figure != f.Name || b.unit != f.Unit || b.content != content {
			continue
		}
		f.Bar, f.AtLeast = max(b.most, b.least), b.least > 0
		f.Missed = b.most > 0 && (f.Median > b.most || b.worst && f.Max > b.most) || f.Median < b.least
	}
}

// passed reports whether every bar was reached.
func (r *Result) passed() bool {
	return !slices.ContainsFunc(r.Figures, func(f Figure) bool { return f.Missed })
}

// quiet is the share of the machine up to which other processes are taken not to matter.
const quiet = 0.1

// busy returns the greatest share of the machine that other processes had in a run, and whether that was too much.
func (r *Result) busy() (share float64, much bool) {
	for _, run := range r.Runs {
		share = max(share, run.Others)
	}
	return share, share > quiet
}

// median returns the middle value, or the mean of the middle two.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
