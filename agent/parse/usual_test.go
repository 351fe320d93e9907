package parse

import (
	"bytes"
	"testing"
)

// sameAsCRI checks that usual and ended say of b what cri says, where they say anything.
func sameAsCRI(t *testing.T, b []byte) (short bool) {
	t.Helper()
	l, ok := cri(b)
	if stream, short := usual(b); short {
		if !ok || l.partial || !l.named || l.stream != stream || !bytes.Equal(l.time, b[:usualTime]) || !bytes.Equal(l.message, b[usualLen:]) {
			t.Fatalf("%q: usual says stream %d, cri %+v", b, stream, l)
		}
	}
	if ended(b) && l.partial {
		t.Fatalf("%q is partial", b)
	}
	return ended(b)
}

// TestTheShortWayThroughALineIsTheSame: any byte in any place, a byte more or less, and each length, of Lines that have all that cri
// knows.
func TestTheShortWayThroughALineIsTheSame(t *testing.T) {
	const nine = "2026-11-22T16:01:41.123456789Z"
	short := 0
	for _, text := range []string{
		nine + " stdout F message", nine + " stderr F message", nine + " stdout P message", nine + " stdout F", nine + " stdout F ",
		nine + " stdout F:x message", nine + " stderr P:F F", "2026-11-22T16:01:41.12345678Z stdout P F", "2026-11-22T16:01:41Z stdout P:Z2345678F x",
		"2026-11-22T16:01:41.1Z stdout P stdout F x", "2026-11-22T16:01:41+01:00 stdout P stdout F x",
		"2026-11-22T16:01:41.1+01:00 stdout P F stdout F x", "2024-02-29T23:59:59.000000000Z stderr F x", "2026-02-29T23:59:59.000000000Z stderr F x",
	} {
		for i := range len(text) + 1 {
			for c := range 256 {
				more := append([]byte(text[:i]), byte(c))
				more = append(more, text[i:]...)
				sameAsCRI(t, more)
				if i < len(text) {
					b := []byte(text)
					b[i] = byte(c)
					if sameAsCRI(t, b) {
						short++
					}
				}
			}
			sameAsCRI(t, []byte(text[:i]))
			sameAsCRI(t, append([]byte(text[:i]), text[min(i+1, len(text)):]...))
		}
	}
	if short == 0 {
		t.Error("no Line goes the short way")
	}
	for _, text := range []string{nine + " stdout F message", nine + " stderr F "} {
		if _, ok := usual([]byte(text)); !ok || !ended([]byte(text)) {
			t.Errorf("%q does not go the short way", text)
		}
	}
}

func FuzzTheShortWayThroughALine(f *testing.F) {
	for _, text := range []string{"2026-11-22T16:01:41.123456789Z stdout F message", "2026-11-22T16:01:41.123456789Z stderr P x"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) { sameAsCRI(t, b) })
}
