package parse

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"logboom/sink"
	"logboom/wal"
)

// at is a time as containerd writes it, odd one that CRI allows as well.
const (
	at  = "2026-11-22T16:01:41.123456789Z"
	odd = "2026-11-22T16:01:41.5Z"
)

func lines(parts ...string) string { return strings.Join(parts, "\n") + "\n" }

func TestCRILinesAreTakenApart(t *testing.T) {
	for _, c := range []struct {
		in   string
		want string // time|stream|P or F|message; "" for a foreign line
	}{
		{at + " stdout F hello", at + "|0|F|hello"},
		{at + " stderr P  two spaces ", at + "|1|P| two spaces "},
		{at + " stdout F ", at + "|0|F|"},
		{at + " stdout F", at + "|0|F|"},
		{at + " stdout F:tag x", at + "|0|F|x"},
		{at + " stdout P:a:b x", at + "|0|P|x"},
		{"2026-11-22T16:01:41Z stdout F x", "2026-11-22T16:01:41Z|0|F|x"},
		{"2026-11-22T16:01:41.123456789+02:00 stdout F x", "2026-11-22T16:01:41.123456789+02:00|0|F|x"},
		{"2024-02-29T00:00:00Z stdout F x", "2024-02-29T00:00:00Z|0|F|x"},
		{"2026-02-29T00:00:00Z stdout F x", ""},
		{"2026-13-22T16:01:41Z stdout F x", ""},
		{"2026-11-22T24:01:41Z stdout F x", ""},
		{"2026-11-22T16:01:41.Z stdout F x", ""},
		{"2026-11-22T16:01:41.1234567890Z stdout F x", ""},
		{"2026-11-22T16:01:41 stdout F x", ""},
		{"2026-11-22 16:01:41Z stdout F x", ""},
		{at + " stdxxx F x", ""},
		{at + " stdout X x", ""},
		{at + " stdout Fx", ""},
		{at + "  stdout F x", ""},
		{at, ""},
		{"", ""},
		{"\x00\x00\x00", ""},
	} {
		l, ok := cri([]byte(c.in))
		got := ""
		if ok {
			got = fmt.Sprintf("%s|%d|%s|%s", l.time, l.stream, map[bool]string{true: "P", false: "F"}[l.partial], l.message)
		} else if string(l.message) != c.in {
			t.Errorf("cri(%q): the message of a foreign line is %q", c.in, l.message)
		}
		if got != c.want {
			t.Errorf("cri(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func TestDockerLinesAreTakenApart(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`{"log":"hello\n","stream":"stdout","time":"` + at + `"}`, at + "|0|F|hello"},
		{`{"log":"hel","stream":"stderr","time":"` + at + `"}`, at + "|1|P|hel"},
		{`{"log":"back\\n","stream":"stdout","time":"` + at + `"}`, at + `|0|P|back\n`},
		{`{"log":"back\\\n","stream":"stdout","time":"` + at + `"}`, at + `|0|F|back\`},
		{`{"log":"a\",\"stream\":\"stderr\n","stream":"stdout","time":"` + at + `"}`, at + `|0|F|a","stream":"stderr`},
		{`{"log":"x\n","stream":"stdout","time":"yesterday"}`, "|0|F|x"},
		{`{"log":"x\n","stream":"stdout","time":`, `|0|F|{"log":"x\n","stream":"stdout","time":`},
		{`no json`, ""},
	} {
		l, ok := docker([]byte(c.in))
		got := ""
		if ok {
			got = fmt.Sprintf("%s|%d|%s|%s", l.time, l.stream, map[bool]string{true: "P", false: "F"}[l.partial], l.message)
		}
		if got != c.want {
			t.Errorf("docker(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func TestDetectKnowsTheFormats(t *testing.T) {
	for in, want := range map[string]wal.Format{
		at + " stdout F x\nrest":         wal.CRI,
		`{"log":"x\n","stream":"stdout"`: wal.Docker,
		"hello\n":                        wal.Plain,
		"":                               wal.Plain,
	} {
		if got := Detect([]byte(in)); got != want {
			t.Errorf("Detect(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestScanEndsWhereNoEventIsOpen(t *testing.T) {
	f, p, ef, ep := at+" stdout F x", at+" stdout P x", at+" stderr F x", at+" stderr P x"
	n := len(f) + 1
	for _, c := range []struct {
		name          string
		text          string
		closed, whole int // in lines of the same length
	}{
		{"nothing", "", 0, 0},
		{"no newline", f, 0, 0},
		{"one line and a half", lines(f) + f[:9], 1, 1},
		{"partial", lines(f, p), 1, 2},
		{"partial closed", lines(f, p, f), 3, 3},
		{"other stream between", lines(p, ef, f), 3, 3},
		{"other stream does not close", lines(p, ef), 0, 2},
		{"both open", lines(p, ep, f), 0, 3},
		{"both closed", lines(p, ep, f, ef, p), 4, 5},
	} {
		e := Scan(&wal.File{Format: wal.CRI}, []byte(c.text))
		if e.Closed != c.closed*n || e.Whole != c.whole*n {
			t.Errorf("%s: closed %d, whole %d; want %d, %d lines of %d bytes", c.name, e.Closed, e.Whole, c.closed, c.whole, n)
		}
	}
}

// render writes an Event as a line of a test's expectation.
func render(e *sink.Event) string {
	s := fmt.Sprintf("%d %s %q", e.Offset, e.Stream, e.Message)
	if e.Part > 0 {
		s += fmt.Sprintf(" part %d last %v", e.Part, e.Last)
	}
	if e.GoesOn {
		s += " goes on"
	}
	if e.Sum != crc32.Checksum(e.Raw, castagnoli) {
		s += " WRONG SUM"
	}
	return s
}

func events(t testing.TB, rs ...wal.Record) []string {
	t.Helper()
	return each(t, render, rs...)
}

func messages(t testing.TB, rs ...wal.Record) []string {
	t.Helper()
	return each(t, func(e *sink.Event) string { return string(e.Message) }, rs...)
}

func each(t testing.TB, as func(*sink.Event) string, rs ...wal.Record) (got []string) {
	t.Helper()
	var p Parser
	b := &wal.Block{Time: time.Unix(0, 0), Records: rs}
	if err := p.Events(b, func(e *sink.Event) error { got = append(got, as(e)); return nil }); err != nil {
		t.Fatal(err)
	}
	return got
}

func quoted(s string) string {
	text, _ := json.Marshal(s)
	return string(text)
}

func TestEventsJoinPartialsPerStream(t *testing.T) {
	file := &wal.File{Format: wal.CRI}
	n := wal.Offset(len(at) + len(" stdout P a\n"))
	text := lines(at+" stdout P a", at+" stderr F b", at+" stdout P c", at+" stdout F d", at+" stdout F e")
	got := events(t, wal.Record{File: file, Start: 100, Text: []byte(text)})
	want := []string{
		fmt.Sprintf("%d stderr %q", 100+n, "b"),
		fmt.Sprintf("%d stdout %q", 100, "acd"),
		fmt.Sprintf("%d stdout %q", 100+4*n, "e"),
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestEventsGoOnInAChainedRecord(t *testing.T) {
	a, b := &wal.File{Format: wal.CRI, Ordinal: 1}, &wal.File{Format: wal.CRI, Ordinal: 2}
	n := len(at) + len(" stdout P a\n")
	got := events(t,
		wal.Record{File: a, Start: 50, Text: []byte(lines(at+" stdout P a", at+" stderr F b")), Chained: true},
		wal.Record{File: b, Text: []byte(lines(at+" stdout F c", at+" stdout F d"))})
	want := []string{
		fmt.Sprintf("%d stderr %q", 50+n, "b"),
		fmt.Sprintf("50 stdout %q", "ac"),
		fmt.Sprintf("%d stdout %q", n, "d"),
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestNothingIsDroppedAtARecordsEnd(t *testing.T) {
	file := &wal.File{Format: wal.CRI}
	open := lines(at + " stdout P a")
	for _, c := range []struct {
		name string
		r    wal.Record
		want []string
	}{
		{"an open Event of an ended File", wal.Record{Text: []byte(open)}, []string{`0 stdout "a"`}},
		{"a Line without newline", wal.Record{Text: []byte(at + " stdout F a")}, []string{`0 stdout "a"`}},
		{"a foreign Line", wal.Record{Text: []byte("boo\n")}, []string{`0  "boo"`}},
		{"a foreign Line behind an open Event", wal.Record{Text: []byte(open + "boo\n")},
			[]string{`0 stdout "a"`, fmt.Sprintf(`%d  "boo"`, len(open))}},
		{"cut", wal.Record{Text: []byte(open), Cut: true}, []string{`0 stdout "a" part 1 last false`}},
		{"cut within a Line", wal.Record{Text: []byte(at + " stdout F a"), Cut: true}, []string{`0 stdout "a" part 1 last false`}},
		{"cut again", wal.Record{Text: []byte(open), Cut: true, Parts: [2]uint16{1, 0}}, []string{`0 stdout "a" part 2 last false`}},
		{"the last part", wal.Record{Text: []byte(lines(at+" stdout F a", at+" stdout F b")), Parts: [2]uint16{2, 0}},
			[]string{`0 stdout "a" part 3 last true`, fmt.Sprintf(`%d stdout "b"`, len(open))}},
		{"an empty Line", wal.Record{Text: []byte("\n")}, []string{`0  ""`}},
	} {
		c.r.File = file
		if d := cmp.Diff(c.want, events(t, c.r)); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

func TestPartsAreCountedAcrossRecords(t *testing.T) {
	p, f, ef := at+" stdout P a", at+" stdout F a", at+" stderr F a"
	for _, c := range []struct {
		name string
		text string
		cut  bool
		in   [2]uint16
		want [2]uint16
	}{
		{"cut", lines(p), true, [2]uint16{}, [2]uint16{1, 0}},
		{"cut again", lines(p), true, [2]uint16{1, 0}, [2]uint16{2, 0}},
		{"closed, then cut", lines(f, p), true, [2]uint16{3, 0}, [2]uint16{1, 0}},
		{"closed", lines(f), false, [2]uint16{3, 0}, [2]uint16{0, 0}},
		{"ended while open", lines(p), false, [2]uint16{3, 0}, [2]uint16{0, 0}},
		{"the other stream only", lines(ef), false, [2]uint16{3, 0}, [2]uint16{3, 0}},
		{"in the middle of a line", "xxxx", true, [2]uint16{1, 0}, [2]uint16{2, 0}},
	} {
		if got := PartsAfter(&wal.File{Format: wal.CRI}, []byte(c.text), c.in, c.cut); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func BenchmarkEvents(b *testing.B) {
	text := []byte(strings.Repeat("2026-11-22T16:01:41.123456789Z stdout F "+strings.Repeat("x", 149)+"\n", 1300))
	block := &wal.Block{Time: time.Now(), Records: []wal.Record{{File: &wal.File{Format: wal.CRI}, Text: text}}}
	var p Parser
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		_ = p.Events(block, func(*sink.Event) error { return nil })
	}
}

func BenchmarkScan(b *testing.B) {
	text := []byte(strings.Repeat("2026-11-22T16:01:41.123456789Z stdout F "+strings.Repeat("x", 149)+"\n", 1300))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		Scan(&wal.File{Format: wal.CRI}, text)
	}
}
