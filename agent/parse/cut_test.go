package parse

import "testing"

func TestCutAtKeepsCharactersWhole(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       int // from the start
	}{
		{"inside a Line", "abc", 3},
		{"two bytes, one there", "abé"[:3], 2},
		{"three bytes, two there", "ab日"[:4], 2},
		{"four bytes, three there", "ab𝄞"[:5], 2},
		{"whole", "ab𝄞", 6},
		{"not UTF-8", "ab\x80\x80\x80\x80", 6},
		{"not UTF-8 either", "ab\xff", 3},
		{"behind a Line", "ab\ncd", 3},
		{"the last Line is torn", "ab\ncé"[:5] + "\nxx", 3},
		{"every Line is torn", "é"[:1] + "\n" + "é"[:1] + "\nx", 4},
	} {
		text := []byte(c.text)
		whole := 0
		for i, b := range text {
			if b == '\n' {
				whole = i + 1
			}
		}
		if got := CutAt(text, whole); got != c.want {
			t.Errorf("%s: CutAt(%q) = %d, want %d", c.name, c.text, got, c.want)
		}
	}
}
