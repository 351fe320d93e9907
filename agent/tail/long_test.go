package tail

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"logboom/wal"
)

// pieces returns message as a runtime writes it: in pieces of size bytes, cut wherever that is.
func (n *node) pieces(f wal.Format, message string, size int) string {
	var b strings.Builder
	for end := ""; end == ""; {
		piece := message[:min(size, len(message))]
		message = message[len(piece):]
		if message == "" {
			end = "\n"
		}
		switch {
		case f == wal.Plain:
			b.WriteString(piece + end)
		case f == wal.CRI:
			b.WriteString(n.cri(map[string]string{"": "P", "\n": "F"}[end], piece))
		default:
			text, _ := json.Marshal(piece + end)
			n.clock++
			fmt.Fprintf(&b, "{\"log\":%s,\"stream\":\"stdout\",\"time\":\"2026-11-22T16:01:41.%09dZ\"}\n", text, n.clock)
		}
	}
	return b.String()
}

// An Event over the limit goes out in parts that are numbered without a gap, of which only the last says so, and which
// together are its message. No part begins or ends within a character.
func TestLongEventsAreSplitNumberedAndNeverCut(t *testing.T) {
	const piece = 16 << 10
	for _, format := range []wal.Format{wal.Plain, wal.CRI, wal.Docker} {
		for _, char := range []string{"x", "é", "日", "𝄞"} {
			if format == wal.Docker && len(char) > 1 {
				continue // docker itself writes what it cuts as U+FFFD
			}
			for _, size := range []int{piece, wal.TargetText, wal.MaxText - 100, wal.MaxText - 1, wal.MaxText, wal.MaxText + 1, 2*wal.MaxText + 5} {
				message := strings.Repeat(char+char+"x", size/len(char)/2)
				message = message[:size-size%(2*len(char)+1)] + strings.Repeat("y", size%(2*len(char)+1))
				t.Run(fmt.Sprintf("%s %s %d", format, char, size), func(t *testing.T) {
					n := newNode(t)
					n.inputs[0].Format = format
					n.write("0.log", n.pieces(format, "a", piece)+n.pieces(format, message, piece)+n.pieces(format, "b", piece))
					n.start()
					n.poll(0)
					n.poll(time.Second)
					n.wantParts("a", message, "b")
				})
			}
		}
	}
}

// wantParts compares three messages, the middle one in parts.
func (n *node) wantParts(first, long, last string) {
	n.t.Helper()
	if len(n.got) < 3 || n.got[0] != first || n.got[len(n.got)-1] != last {
		n.t.Fatalf("%d messages", len(n.got))
	}
	parts, about := n.got[1:len(n.got)-1], n.events[1:len(n.got)-1]
	if got := strings.Join(parts, ""); got != long {
		n.t.Errorf("%d bytes in %d parts, want %d", len(got), len(parts), len(long))
	}
	for i, e := range about {
		wantPart, wantLast := i+1, i == len(about)-1
		if len(about) == 1 {
			wantPart, wantLast = 0, false
		}
		if e.Part != wantPart || e.Last != wantLast {
			n.t.Errorf("part %d of %d says %d, last %v", i+1, len(about), e.Part, e.Last)
		}
		if !utf8.ValidString(parts[i]) {
			n.t.Errorf("part %d of %d is cut within a character", i+1, len(about))
		}
	}
	if len(about) < (len(long)+wal.MaxText-1)/wal.MaxText {
		n.t.Errorf("%d parts for %d bytes", len(about), len(long))
	}
}
