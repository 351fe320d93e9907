package parse

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"logboom/sink"
	"logboom/wal"
)

// grouped returns the Events that Delivery makes of text as one Record of plain Lines.
func grouped(t testing.TB, m *wal.Multiline, text string) []string {
	t.Helper()
	return messages(t, wal.Record{File: &wal.File{Format: wal.Plain, Multiline: m}, Text: []byte(text)})
}

// Each file of testdata/traces holds Events as a runtime prints them, with ===== between them.
func TestStackTracesAreSingleEvents(t *testing.T) {
	for _, set := range []string{"java", "python", "go", "node", "ruby", "dotnet"} {
		data, err := os.ReadFile(filepath.Join("testdata", "traces", set+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		want := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n=====\n")
		for _, name := range []string{set, "auto"} {
			got := grouped(t, &wal.Multiline{Traces: Traces[name]}, strings.Join(want, "\n")+"\n")
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s with the rules of %s: -want +got\n%s", set, name, d)
			}
		}
	}
}

func TestOrdinaryLinesStaySingle(t *testing.T) {
	data, err := os.ReadFile("testdata/traces/ordinary.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	for name, set := range Traces {
		if d := cmp.Diff(want, grouped(t, &wal.Multiline{Traces: set}, string(data))); d != "" {
			t.Errorf("the rules of %s: -want +got\n%s", name, d)
		}
	}
}

func TestPatternsSayWhereEventsBegin(t *testing.T) {
	text := lines("2026 a", "b", "2026 c", "", " d", "2026 e")
	for _, c := range []struct {
		m    wal.Multiline
		want []string
	}{
		{wal.Multiline{Start: `^\d{4} `}, []string{"2026 a\nb", "2026 c\n\n d", "2026 e"}},
		{wal.Multiline{Continue: `^(\s|$)`}, []string{"2026 a", "b", "2026 c\n\n d", "2026 e"}},
		{wal.Multiline{Start: "("}, strings.Split(strings.TrimSuffix(text, "\n"), "\n")}, // no pattern at all
		{wal.Multiline{Traces: "java.99"}, strings.Split(strings.TrimSuffix(text, "\n"), "\n")},
	} {
		if d := cmp.Diff(c.want, grouped(t, &c.m, text)); d != "" {
			t.Errorf("%+v: -want +got\n%s", c.m, d)
		}
	}
}

// A release may drain what another one wrote: so the rules behind a name in a description are fixed for good.
func TestEveryNameOfASetHasRules(t *testing.T) {
	for name, set := range Traces {
		if err := Check(&wal.Multiline{Traces: set}); err != nil || !strings.HasPrefix(set, name+".") {
			t.Errorf("%s: %s: %v", name, set, err)
		}
	}
	if Check(&wal.Multiline{Traces: "java.99"}) == nil || Check(&wal.Multiline{Start: "("}) == nil {
		t.Error("nonsense passes")
	}
}

// Whatever the runtime's encoding, the same Lines make the same Events; a stream's Lines belong together whatever the
// other stream says in between.
func TestFramingWorksBehindEveryFormat(t *testing.T) {
	m := &wal.Multiline{Traces: Traces["java"]}
	out := []string{"INFO one", "ERROR two", "java.lang.RuntimeException: \"quoted\" \\ and é", "\tat a.b.C.d(C.java:1)", "INFO three"}
	want := []string{"INFO one", strings.Join(out[1:4], "\n"), "INFO three"}
	for _, format := range []wal.Format{wal.CRI, wal.Docker} {
		var text strings.Builder
		for _, line := range out {
			text.WriteString(encoded(format, "stdout", line, false))
			text.WriteString(encoded(format, "stderr", "noise", false))
		}
		text.WriteString(encoded(format, "stderr", "par", true) + encoded(format, "stderr", "tial", false))
		text.WriteString(encoded(format, "stderr", "\tat a.b.C.d(C", true) + encoded(format, "stdout", "end", false) + encoded(format, "stderr", ".java:1)", false))
		got := messages(t, wal.Record{File: &wal.File{Format: format, Multiline: m}, Text: []byte(text.String())})
		var noise, rest []string
		for _, e := range got {
			if e == "noise" {
				noise = append(noise, e)
			} else {
				rest = append(rest, e)
			}
		}
		if d := cmp.Diff(append(want[:3:3], "partial\n\tat a.b.C.d(C.java:1)", "end"), rest); d != "" || len(noise) != len(out) {
			t.Errorf("%s: %d noise, -want +got\n%s", format, len(noise), d)
		}
	}
}

// encoded returns a Line as a runtime writes it.
func encoded(f wal.Format, stream, message string, partial bool) string {
	switch f {
	case wal.Plain:
		return message + "\n"
	case wal.CRI:
		return fmt.Sprintf("%s %s %s %s\n", at, stream, map[bool]string{true: "P", false: "F"}[partial], message)
	}
	if !partial {
		message += "\n"
	}
	return fmt.Sprintf("{\"log\":%s,\"stream\":%q,\"time\":%q}\n", quoted(message), stream, at)
}

// What a framing costs Intake for each Line that is text, without an allocation.
func BenchmarkScanFramed(b *testing.B) {
	line := "2026-11-22T16:01:41.123456789Z stdout F %s " + strings.Repeat("x", 140) + "\n"
	for name, first := range map[string]string{"digit": "2026", "letter": "level=info"} {
		text := []byte(strings.Repeat(fmt.Sprintf(line, first), 1300))
		for kind, m := range map[string]*wal.Multiline{"off": nil, "auto": {Traces: "auto.1"}, "start": {Start: `^\d{4}-`}} {
			file := &wal.File{Format: wal.CRI, Multiline: m}
			b.Run(kind+"/"+name, func(b *testing.B) {
				b.SetBytes(int64(len(text)))
				b.ReportAllocs()
				for b.Loop() {
					Scan(file, text)
				}
			})
		}
	}
}

func BenchmarkEventsFramed(b *testing.B) {
	text := []byte(strings.Repeat("2026-11-22T16:01:41.123456789Z stdout F level=info "+strings.Repeat("x", 140)+"\n", 1300))
	for kind, m := range map[string]*wal.Multiline{"off": nil, "auto": {Traces: "auto.1"}} {
		block := &wal.Block{Time: time.Now(), Records: []wal.Record{{File: &wal.File{Format: wal.CRI, Multiline: m}, Text: text}}}
		var p Parser
		b.Run(kind, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				_ = p.Events(block, func(*sink.Event) error { return nil })
			}
		})
	}
}

// What begins an Event does so at the start of a Record too, whatever stood before it.
func TestAnEventByItselfIsTheSameEvent(t *testing.T) {
	text := strings.Join(pool(t), "\n") + "\n"
	for _, set := range Traces {
		file := &wal.File{Format: wal.Plain, Multiline: &wal.Multiline{Traces: set}}
		each(t, func(e *sink.Event) string {
			again := events(t, wal.Record{File: file, Start: e.Offset, Text: bytes.Clone(e.Raw)})
			if want := []string{render(e)}; e.Offset > 0 && !cmp.Equal(want, again) {
				t.Errorf("%s: %q is by itself %q", set, want, again)
			}
			return ""
		}, wal.Record{File: file, Text: []byte(text)})
	}
}
