package parse

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"logboom/sink"
	"logboom/wal"
)

var framed = []*wal.Multiline{
	nil, {Traces: "auto.1"}, {Start: `^\d`}, {Continue: `^(\s|$|Caused)`}, {Start: "never"}, {Continue: "never"}, {Traces: "java.1"},
}

// pool are the Lines of all traces.
func pool(t testing.TB) (all []string) {
	files, err := filepath.Glob("testdata/traces/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, strings.Split(string(data), "\n")...)
	}
	return append(all, "", "é\r", "\x00\xff", strings.Repeat("x", headLen), "\t"+strings.Repeat(`"\`, headLen))
}

// script makes a log of the pool's Lines: two streams, in runs and in turns, some in partials, some of no Format at all.
func script(rng *rand.Rand, format wal.Format, pool []string) []byte {
	var b strings.Builder
	place := [2]int{rng.IntN(len(pool)), rng.IntN(len(pool))}
	for range rng.IntN(30) {
		stream := rng.IntN(2)
		if rng.IntN(12) == 0 {
			place[stream] = rng.IntN(len(pool))
		}
		line := pool[place[stream]%len(pool)]
		place[stream]++
		name := streamNames[stream]
		if rng.IntN(10) == 0 {
			b.WriteString(line + "\n")
			continue
		}
		for format != wal.Plain && rng.IntN(6) == 0 {
			n := rng.IntN(len(line) + 1)
			b.WriteString(encoded(format, name, line[:n], true))
			if line = line[n:]; rng.IntN(2) == 0 {
				b.WriteString(encoded(format, streamNames[1-stream], "between", rng.IntN(8) == 0))
			}
		}
		b.WriteString(encoded(format, name, line, rng.IntN(30) == 0))
	}
	if rng.IntN(3) == 0 {
		return []byte(strings.ReplaceAll(b.String(), at, odd))
	}
	return []byte(b.String())
}

// Wherever Intake ends its Records, Delivery must see the same Events; of any bytes, and of what runtimes write.
func FuzzRecordsOfAnySizeGiveTheSameEvents(f *testing.F) {
	f.Add([]byte(lines(at+" stdout P a", at+" stderr P b", "boo", at+" stdout F c", at+" stderr F d")), uint64(1), byte(0), byte(0))
	f.Add([]byte(`{"log":"x","stream":"stdout","time":""}`+"\n"+`{"log":"y\n","stream":"stdout"}`+"\n"), uint64(2), byte(1), byte(1))
	f.Add([]byte("a\n\nb"), uint64(3), byte(2), byte(2))
	for seed := range uint64(300) {
		f.Add([]byte(nil), seed, byte(seed), byte(seed/3))
	}
	pool := pool(f)
	f.Fuzz(func(t *testing.T, text []byte, seed uint64, format, framing byte) {
		rng := rand.New(rand.NewPCG(seed, 0))
		file := &wal.File{Format: []wal.Format{wal.CRI, wal.Docker, wal.Plain}[format%3], Multiline: framed[int(framing)%len(framed)]}
		if len(text) == 0 {
			text = script(rng, file.Format, pool)
		}
		e := Scan(file, text)
		if e.Closed > e.Whole || e.Complete > e.Whole || file.Multiline == nil && e.Complete != e.Closed {
			t.Fatalf("%+v", e)
		}
		end := e.Closed
		want := events(t, wal.Record{File: file, Text: text[:end]})
		var got []string
		for start := 0; start < end; {
			// What Intake has read so far: any piece, grown until something in it is closed.
			n := 0
			for size := start; n == 0; {
				size = min(end, size+1+rng.IntN(40))
				n = Scan(file, text[start:size]).Closed
				if n == 0 && size == end {
					n = end - start // more has to be read to see that it is closed
				}
			}
			got = append(got, events(t, wal.Record{File: file, Start: wal.Offset(start), Text: text[start : start+n]})...)
			start += n
		}
		sortEvents(want)
		sortEvents(got)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%q\n%s", text[:end], d)
		}
		whole(t, file, text)
	})
}

// whole checks that every byte of a Record is in one Event, and that an Event's own bytes are that Event again: as a dead
// letter they are a Record of its own.
func whole(t *testing.T, file *wal.File, text []byte) {
	count := 0
	each(t, func(e *sink.Event) string {
		count += len(e.Raw)
		again := messages(t, wal.Record{File: file, Start: e.Offset, Text: bytes.Clone(e.Raw)})
		if len(again) != 1 || again[0] != string(e.Message) {
			t.Errorf("the Event %q is %q by itself", e.Message, again)
		}
		if !bytes.HasPrefix(text[e.Offset:], e.Raw[:bytes.IndexByte(append(e.Raw, '\n'), '\n')]) {
			t.Errorf("%q is not at %d", e.Raw, e.Offset)
		}
		return ""
	}, wal.Record{File: file, Text: text})
	if count != len(text) {
		t.Errorf("Events of %d bytes in a Record of %d", count, len(text))
	}
}

// sortEvents puts Events in the order of their beginnings: where a Record ends, open ones come out earlier.
func sortEvents(events []string) {
	offset := func(e string) int { n, _, _ := strings.Cut(e, " "); i, _ := strconv.Atoi(n); return i }
	slices.SortStableFunc(events, func(a, b string) int { return offset(a) - offset(b) })
}
