package wal

import (
	"fmt"
	"testing"
)

// TestWhatArrivesTwiceIsNeverLost: when the Segment is lost that says which Blocks before it were given up, their Records are
// there a second time. Each table begins with Records of one File in Block 5, of the Segment that begins with 1.
func TestWhatArrivesTwiceIsNeverLost(t *testing.T) {
	f := testFile(1)
	record := func(start, end Offset) *Record { return &Record{File: f, Start: start, End: end} }
	tests := map[string]struct {
		do   func(a *account)
		want string // damaged ranges
	}{
		"damaged, then read again": {func(a *account) {
			a.hole(hole{from: 6, to: 6})
			a.lose(a.at(6), record(100, 200))
			a.take(record(100, 200), 0, 6, 1)
			a.take(record(100, 150), 100, 9, 9)
		}, ""},
		"damaged, and its end read again": {func(a *account) {
			a.hole(hole{from: 6, to: 6})
			a.lose(a.at(6), record(100, 200))
			a.take(record(100, 200), 0, 6, 1)
			a.take(record(150, 250), 150, 9, 9)
		}, "[100,150)"},
		"damaged, and its end in a summary": {func(a *account) {
			a.hole(hole{from: 6, to: 6})
			a.lose(a.at(6), record(100, 200))
			a.take(record(100, 200), 0, 6, 1)
			a.sum(&summary{first: 9, last: 9, rows: []Extent{{File: f, Start: 150, End: 250, Index: 9}}})
		}, "[100,150)"},
		"read again, then damaged": {func(a *account) {
			a.take(record(100, 200), 0, 6, 1)
			a.take(record(90, 100), 90, 9, 9)
			a.hole(hole{from: 10, to: 10})
			a.lose(a.at(10), record(100, 250))
		}, "[200,250)"},
		"read again, then missing": {func(a *account) {
			a.take(record(100, 200), 0, 6, 1)
			a.take(record(90, 100), 90, 9, 9)
			a.hole(hole{from: 10, to: 11})
			a.take(record(250, 260), 90, 12, 9)
		}, "[200,250)"},
		"only missing": {func(a *account) {
			a.hole(hole{from: 6, to: 7})
			a.take(record(130, 140), 0, 8, 1)
		}, "[100,130)"},
	}
	for name, c := range tests {
		a := &account{files: map[FileID]Extent{}}
		a.take(record(0, 100), 0, 5, 1)
		c.do(a)
		got := ""
		for _, h := range a.holes {
			for _, d := range h.damaged {
				got += fmt.Sprintf("[%d,%d)", d.Start, d.End)
			}
		}
		if got != c.want {
			t.Errorf("%s: damaged %q, want %q", name, got, c.want)
		}
	}
}
