package parse

import (
	"strings"
	"testing"

	"logboom/wal"
)

// An Event ends with the beginning of the next one of its stream, and with nothing else.
func TestScanEndsFramedRecordsWhereTheNextEventBegins(t *testing.T) {
	file := &wal.File{Format: wal.CRI, Multiline: &wal.Multiline{Continue: "^-"}}
	o, on, op, e, en := at+" stdout F o", at+" stdout F -", at+" stdout P o", at+" stderr F e", at+" stderr F -"
	none := strings.Repeat("x", len(o))
	n := len(o) + 1
	for _, c := range []struct {
		name                          string
		text                          []string
		closed, lull, complete, whole int // in lines of the same length
	}{
		{"nothing", nil, 0, 0, 0, 0},
		{"one", []string{o}, 0, 0, 1, 1},
		{"two", []string{o, o}, 1, 1, 2, 2},
		{"one that goes on", []string{o, on, on}, 0, 0, 3, 3},
		{"and the next", []string{o, on, o, on}, 2, 2, 4, 4},
		{"in turns", []string{o, e, o, e}, 2, 3, 4, 4},
		{"in turns, one goes on", []string{o, e, o, en}, 1, 0, 4, 4},
		{"in turns, one quiet", []string{o, e, e, e}, 0, 3, 4, 4},
		{"one begins late", []string{o, o, e}, 1, 2, 3, 3},
		{"one begins in the middle", []string{en, o, o}, 0, 2, 3, 3},
		{"both in the middle", []string{en, on, e, o}, 2, 3, 4, 4},
		{"partial", []string{o, op}, 1, 1, 1, 2},
		{"partial closed", []string{o, op, on, o}, 3, 3, 4, 4},
		{"foreign", []string{none}, 1, 0, 1, 1},
		{"foreign behind one", []string{o, none}, 2, 0, 2, 2},
		{"behind foreign", []string{none, on, on}, 1, 1, 3, 3},
		{"foreign between", []string{e, none, o, none}, 0, 0, 4, 4},
	} {
		text := ""
		if c.text != nil {
			text = lines(c.text...)
		}
		want := Ends{c.closed * n, c.lull * n, c.complete * n, c.whole * n}
		if got := Scan(file, []byte(text)); got != want {
			t.Errorf("%s: %+v, want %+v", c.name, got, want)
		}
	}
}

func TestPartsOfFramedEventsAreCountedAcrossRecords(t *testing.T) {
	file := &wal.File{Format: wal.CRI, Multiline: &wal.Multiline{Continue: "^-"}}
	o, on, e, none := at+" stdout F o", at+" stdout F -", at+" stderr F e", "foreign"
	for _, c := range []struct {
		name                string
		text                string
		torn                bool
		in, resumed, behind [2]uint16
	}{
		{"it goes on", lines(on), false, [2]uint16{1, 0}, [2]uint16{1, 0}, [2]uint16{2, 0}},
		{"another begins", lines(o), false, [2]uint16{1, 0}, [2]uint16{0, 0}, [2]uint16{1, 0}},
		{"it goes on, another begins", lines(on, o), false, [2]uint16{1, 0}, [2]uint16{1, 0}, [2]uint16{1, 0}},
		{"inside of a Line", lines(o), true, [2]uint16{1, 0}, [2]uint16{1, 0}, [2]uint16{2, 0}},
		{"the other stream only", lines(e), false, [2]uint16{3, 0}, [2]uint16{3, 0}, [2]uint16{3, 1}},
		{"foreign", lines(none), false, [2]uint16{3, 0}, [2]uint16{0, 0}, [2]uint16{0, 0}},
		{"foreign inside of a Line", lines(none), true, [2]uint16{3, 0}, [2]uint16{3, 0}, [2]uint16{0, 0}},
		{"a Line that goes on", at + " stdout F -", false, [2]uint16{1, 0}, [2]uint16{1, 0}, [2]uint16{2, 0}},
		{"a Line that begins", at + " stdout F o", false, [2]uint16{1, 0}, [2]uint16{0, 0}, [2]uint16{1, 0}},
	} {
		resumed := Resume(file, []byte(c.text), c.in, c.torn)
		if behind := PartsAfter(file, []byte(c.text), resumed, true); resumed != c.resumed || behind != c.behind {
			t.Errorf("%s: %v, then %v; want %v, %v", c.name, resumed, behind, c.resumed, c.behind)
		}
	}
}
