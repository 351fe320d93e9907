package tail

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"logboom/wal"
)

func newMultilineNode(t *testing.T) *node {
	n := newNode(t)
	n.inputs[0].Multiline = &wal.Multiline{Traces: "java.1", MaxWait: time.Second}
	return n
}

// What an input says of its Files' Lines is in their descriptions, for whoever drains the WAL.
func TestTheDescriptionSaysHowLinesAreRead(t *testing.T) {
	n := newMultilineNode(t)
	n.inputs[0].JSON = "json"
	n.lines("0.log", "a", "b")
	n.start()
	n.poll(0)
	if len(n.events) == 0 {
		t.Fatal("nothing was read")
	}
	if f := n.events[0].File; f.JSON != "json" || f.Multiline == nil || *f.Multiline != *n.inputs[0].Multiline || f.Format != wal.CRI {
		t.Errorf("%+v", f)
	}
}

var trace = []string{"ERROR boom", "java.lang.IllegalStateException: no", "\tat a.B.c(B.java:1)", "\tat a.B.d(B.java:2)"}

func joined(messages ...string) string { return strings.Join(messages, "\n") }

func TestATraceIsOneEventAndWaitsForItsEnd(t *testing.T) {
	n := newMultilineNode(t)
	n.lines("0.log", "a", trace[0], trace[1])
	n.start()
	n.poll(0)
	n.want("a")
	n.lines("0.log", trace[2:]...)
	n.poll(900 * time.Millisecond)
	n.want("a")
	n.lines("0.log", "b")
	n.poll(50 * time.Millisecond)
	n.want("a", joined(trace...))
	n.poll(900 * time.Millisecond)
	n.want("a", joined(trace...))
	n.poll(200 * time.Millisecond)
	n.want("a", joined(trace...), "b")
}

// What max_wait ended is whole as far as anybody can tell; what comes later says that it goes on.
func TestALateLineOfATraceIsAnEventThatGoesOn(t *testing.T) {
	n := newMultilineNode(t)
	n.lines("0.log", trace[:2]...)
	n.start()
	n.poll(0)
	n.poll(1100 * time.Millisecond)
	n.lines("0.log", trace[2:]...)
	n.lines("0.log", "b")
	n.poll(50 * time.Millisecond)
	n.poll(1100 * time.Millisecond)
	n.want(joined(trace[:2]...), joined(trace[2:]...), "b")
	for i, e := range n.events {
		if e.GoesOn != (i == 1) || e.Part != 0 {
			t.Errorf("event %d: %+v", i, e)
		}
	}
}

// A quiet stdout holds nothing of a busy stderr up for longer than max_wait.
func TestOneStreamDoesNotHoldUpTheOther(t *testing.T) {
	n := newMultilineNode(t)
	stderr := func(m string) string { return strings.Replace(n.cri("F", m), "stdout", "stderr", 1) }
	n.lines("0.log", "out")
	n.start()
	n.poll(0)
	want := 0
	for range 50 {
		n.write("0.log", stderr("err"))
		n.poll(100 * time.Millisecond)
		want++
	}
	if len(n.got) < want-11 {
		t.Errorf("%d of %d Events after 5 s", len(n.got), want+1)
	}
	n.poll(2 * time.Second)
	n.poll(2 * time.Second)
	if len(n.got) != want+1 {
		t.Errorf("%d Events, want %d", len(n.got), want+1)
	}
}

// A trace of a stream that is quiet behind a rotation is whole, though nothing shows its end. The other stream's last Event
// is not ended with it.
func TestAQuietStreamsTraceIsJoinedAcrossARotation(t *testing.T) {
	n := newMultilineNode(t)
	stderr := func(m string) string { return strings.Replace(n.cri("F", m), "stdout", "stderr", 1) }
	n.lines("0.log", "a", "b")
	n.start()
	n.poll(0)
	n.write("0.log", stderr(trace[0])+stderr(trace[1]))
	n.rename("0.log", "0.log.20261122-160141")
	n.write("0.log", stderr(trace[2])+stderr(trace[3]))
	want := []string{"a", "b", joined(trace...)}
	for range 80 {
		n.lines("0.log", trace...)
		want = append(want, joined(trace...))
		n.poll(100 * time.Millisecond)
	}
	for range 10 {
		n.poll(time.Second)
	}
	slices.Sort(n.got)
	slices.Sort(want)
	n.want(want...)
}

// While one stream is quiet, the other one's traces are not cut by the wait for it.
func TestAQuietStreamCutsNoTraceOfTheOther(t *testing.T) {
	n := newMultilineNode(t)
	stderr := func(m string) string { return strings.Replace(n.cri("F", m), "stdout", "stderr", 1) }
	n.lines("0.log", "out")
	n.start()
	n.poll(0)
	want := []string{"out"}
	for range 100 {
		for _, line := range trace {
			n.write("0.log", stderr(line))
			n.poll(30 * time.Millisecond)
		}
		want = append(want, joined(trace...))
	}
	for range 3 {
		n.poll(time.Second)
	}
	slices.Sort(n.got)
	slices.Sort(want)
	n.want(want...)
}

func TestATraceIsJoinedAcrossARotation(t *testing.T) {
	type rotation struct {
		at          int // how many Lines of the trace stand in the first File
		zip, killed bool
	}
	for _, step := range []time.Duration{7 * time.Millisecond, 50 * time.Millisecond, 990 * time.Millisecond, 3 * time.Second, 20 * time.Second} {
		for at := range len(trace) + 1 {
			for _, c := range []rotation{{at: at}, {at: at, zip: true}, {at: at, killed: true}, {at: at, zip: true, killed: true}} {
				t.Run(fmt.Sprintf("%+v, a look every %v", c, step), func(t *testing.T) { acrossARotation(t, c.at, c.zip, c.killed, step) })
			}
		}
	}
}

func acrossARotation(t *testing.T, at int, zip, killed bool, step time.Duration) {
	n := newMultilineNode(t)
	n.lines("0.log", "a", "b")
	n.start()
	n.poll(0)
	n.lines("0.log", trace[:at]...)
	n.poll(50 * time.Millisecond)
	if killed {
		n.stop()
	}
	n.rename("0.log", "0.log.20261122-160141")
	if zip {
		n.zip("0.log.20261122-160141")
	}
	n.lines("0.log", trace[at:]...)
	n.lines("0.log", "c")
	if killed {
		n.start()
	}
	for range 100 {
		n.poll(step)
	}
	for range 30 {
		n.poll(time.Second)
	}
	n.want("a", "b", joined(trace...), "c")
	for _, e := range n.events {
		if e.GoesOn || e.Part != 0 {
			t.Errorf("%+v", e)
		}
	}
}

// Files that are grouped in different ways are not looked at together.
func TestANewConfigurationLeavesTheEndOfTheFileBefore(t *testing.T) {
	n := newMultilineNode(t)
	n.lines("0.log", "a")
	n.start()
	n.poll(0)
	n.poll(2 * time.Second)
	n.stop()
	n.inputs[0].Multiline = nil
	n.lines("0.log", trace...)
	n.rename("0.log", "0.log.20261122-160141")
	n.lines("0.log", "c", "d")
	n.start()
	for range 10 {
		n.poll(time.Second)
	}
	slices.Sort(n.got)
	n.want(joined(trace...), "a", "c", "d")
}

// The framing of a File is in its description: a new configuration groups none of its Lines anew.
func TestANewConfigurationHoldsForNewFiles(t *testing.T) {
	n := newMultilineNode(t)
	n.lines("0.log", "a")
	n.start()
	n.poll(0)
	n.poll(2 * time.Second)
	n.stop()
	n.inputs[0].Multiline = nil
	n.lines("0.log", trace...)
	n.start()
	n.poll(0)
	n.poll(2 * time.Second)
	n.want("a", joined(trace...))
	n.rename("0.log", "0.log.20261122-160141")
	n.lines("0.log", trace[2:]...)
	for range 30 {
		n.poll(time.Second)
	}
	n.want("a", joined(trace...), trace[2], trace[3])
}

// Nothing but the ids is the same after a lost checkpoint, if the Events are.
func TestALostCheckpointGivesTheSameIDsOfTraces(t *testing.T) {
	n := newMultilineNode(t)
	n.lines("0.log", "a")
	n.lines("0.log", trace...)
	n.lines("0.log", "b")
	n.start()
	n.poll(0)
	n.poll(2 * time.Second)
	before := n.ids
	n.stop()
	clear(n.states)
	n.ids, n.got = map[string]string{}, nil
	n.start()
	n.poll(0)
	n.poll(2 * time.Second)
	for id, m := range before {
		if n.ids[id] != m {
			t.Errorf("%q has another id", m)
		}
	}
	if len(before) != 3 || len(n.ids) != 3 {
		t.Errorf("%d and %d documents", len(before), len(n.ids))
	}
}

func TestALongTraceIsSplitBetweenItsLines(t *testing.T) {
	for _, format := range []wal.Format{wal.Plain, wal.CRI, wal.Docker} {
		for _, size := range []int{wal.TargetText, wal.MaxText, 3 * wal.MaxText} {
			n := newMultilineNode(t)
			n.inputs[0].Format = format
			frame := "\tat com.example.Ünïcode.run(App.java:12)"
			var text strings.Builder
			text.WriteString(n.pieces(format, "a", 1<<14) + n.pieces(format, "ERROR", 1<<14))
			count := size/len(frame) + 1
			for range count {
				text.WriteString(n.pieces(format, frame, 1<<14))
			}
			text.WriteString(n.pieces(format, "b", 1<<14) + n.pieces(format, "c", 1<<14))
			n.write("0.log", text.String())
			n.start()
			n.poll(0)
			n.poll(2 * time.Second)
			if len(n.got) < 4 {
				t.Fatalf("%s %d: %d Events", format, size, len(n.got))
			}
			last := len(n.got) - 2
			if got, want := joined(n.got[1:last]...), "ERROR"+strings.Repeat("\n"+frame, count); got != want || n.got[0] != "a" || joined(n.got[last:]...) != "b\nc" {
				t.Errorf("%s %d: %d bytes in %d parts, want %d", format, size, len(got), last-1, len(want))
			}
			for i, e := range n.events[1:last] {
				if last == 2 && e.Part == 0 {
					continue
				}
				if e.Part != i+1 || e.Last != (i == last-2) || e.GoesOn {
					t.Errorf("%s %d: part %d of %d says %d, last %v, goes on %v", format, size, i+1, last-1, e.Part, e.Last, e.GoesOn)
				}
			}
		}
	}
}

// A Record may end with its size before an Event is known to be over, which then is no part of what comes next.
func TestWhatBeginsBehindACutIsNoPart(t *testing.T) {
	n := newMultilineNode(t)
	n.inputs[0].Multiline.MaxWait = time.Minute
	n.lines("0.log", "out")
	frame := strings.Replace(n.cri("F", "\tat a.B.c("+strings.Repeat("x", 1000)+")"), "stdout", "stderr", 1)
	n.write("0.log", strings.Replace(n.cri("F", "err"), "stdout", "stderr", 1)+strings.Repeat(frame, 1200))
	n.lines("0.log", "new", "end")
	n.start()
	n.poll(0)
	n.tail.Flush()
	n.poll(time.Second)
	if len(n.events) != 5 {
		t.Fatalf("%d Events", len(n.events))
	}
	for i, e := range n.events {
		if e.Stream == "stdout" && e.Part != 0 {
			t.Errorf("%q is part %d", n.got[i], e.Part)
		}
		if e.Stream == "stderr" && e.Part == 0 {
			t.Errorf("half of stderr's Event is no part")
		}
	}
}

func TestALongPlainLineAmongTracesIsNumbered(t *testing.T) {
	n := newMultilineNode(t)
	n.inputs[0].Format = wal.Plain
	long := strings.Repeat("x", 2*wal.MaxText+5)
	n.write("0.log", "a\n"+long+"\nb\nc\n")
	n.start()
	n.poll(0)
	n.poll(2 * time.Second)
	n.poll(2 * time.Second)
	if got := strings.Join(n.got, ""); got != "a"+long+"bc" || len(n.got) != 6 {
		t.Fatalf("%d messages, %d bytes", len(n.got), len(got))
	}
	for i, e := range n.events[1:4] {
		if e.Part != i+1 || e.Last != (i == 2) {
			t.Errorf("part %d says %d, last %v", i+1, e.Part, e.Last)
		}
	}
}
