package parse

import "testing"

// TestShapesAreExact: any byte, in any of the places, next to bytes that are right and that are wrong.
func TestShapesAreExact(t *testing.T) {
	for _, text := range []string{"0000-00-", "00T00:00", "00:00:00", "00000000"} {
		s := shapeOf(text)
		for i := range 8 {
			for c := range 256 {
				for _, beside := range []byte{0, '5', 0xff} {
					b := []byte(text)
					wrong := false
					if i > 0 && beside != '5' {
						b[i-1], wrong = beside, true
					}
					b[i] = byte(c)
					if text[i] == '0' {
						wrong = wrong || c < '0' || c > '9'
					} else {
						wrong = wrong || byte(c) != text[i]
					}
					if s.differs(b) != wrong {
						t.Fatalf("%q, %q: differs is %v", text, b, !wrong)
					}
				}
			}
		}
	}
}
