// Package report makes a page out of a run of chaos that a person can read, and the same as JSON.
//
// It promises: one HTML file that needs nothing else, no network either. It shows what was written, durable and delivered over
// time, what waited and where, the faults as bands, and the verdict of the oracle in one line:
//
//	written 121671 = stored 121671 + listed as lost 0, duplicates 0
//
// How: go-echarts describes the charts, ECharts (echarts/, Apache License 2.0, version 5.6.0) draws them in the browser.
// It knows nothing of the agent: who runs the scenario samples, and fills in a Run.
//
// It costs about 700 KB a page, nearly all of it ECharts.
package report

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"logboom/chaos/oracle"
)

// Run is one run of a scenario. Times are seconds from its start.
type Run struct {
	Name    string        `json:"name"`
	Server  string        `json:"server"` // what stood for the backend
	Seed    uint64        `json:"seed"`   // 0: nothing was left to chance
	Started time.Time     `json:"started"`
	Seconds float64       `json:"seconds"`
	Passed  bool          `json:"passed"`
	Broken  bool          `json:"broken"` // it ended before anything was counted
	Counts  oracle.Counts `json:"counts"`
	Faults  []Fault       `json:"faults"`
	Samples []Sample      `json:"samples"`
}

// Fault is something that was broken for a while, or at a moment.
type Fault struct {
	What string  `json:"what"`
	From float64 `json:"from"`
	To   float64 `json:"to"` // equal to From: a moment
}

// Sample is the state at one moment. A pointer is nil where nobody could be asked.
type Sample struct {
	At        float64 `json:"at"`
	Written   int64   `json:"written_lines"`
	Durable   *int64  `json:"durable_lines"`   // written, less what the agent says that it has still to secure
	Delivered *int64  `json:"delivered_lines"` // documents that a search of the backend finds
	WAL       *int64  `json:"wal_bytes"`       // on the disk
	Lag       *int64  `json:"lag_bytes"`       // in files that the agent knows, not durable yet
	Pins      *int64  `json:"pin_bytes"`       // of files that only pins keep
}

// Write writes name.json and name.html into a folder, which is made if it isn't there.
func (r *Run) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	page, err := r.page()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, r.Name+".json"), text, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, r.Name+".html"), page, 0o644)
}
