package manifest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func TestManifestReadsBackWhatWasAdded(t *testing.T) {
	var file bytes.Buffer
	w := NewWriter(&file)
	for i := range int64(2*flushAt + 7) {
		w.Add("a/out", i, Sum(i*3))
		if i < 5 {
			w.Add("b/err", i, Sum(i*5))
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	m, err := Read(&file)
	if err != nil || len(m) != 2 || m.Lines() != 2*flushAt+7+5 {
		t.Fatalf("%d streams, %d lines, %v", len(m), m.Lines(), err)
	}
	for i, sum := range m["a/out"] {
		if sum != Sum(i*3) {
			t.Fatalf("sum %d of a is %d", i, sum)
		}
	}
	if got := fmt.Sprint(m["b/err"]); got != "[0 5 10 15 20]" {
		t.Errorf("sums of b: %s", got)
	}
}

func TestGapInAManifestIsRefused(t *testing.T) {
	for _, text := range []string{
		`{"stream":"a","first":1,"sums":"AAAAAAAAAAA="}`, `{"stream":"a","first":0,"sums":"AAAA"}`, `{"stream`,
	} {
		if m, err := Read(strings.NewReader(text)); err == nil {
			t.Errorf("%s: read as %v", text, m)
		}
	}
}

func TestMessageNamesItself(t *testing.T) {
	for _, c := range []struct {
		text, stream string
		n            int64
		ok           bool
	}{
		{string(AppendPrefix(nil, "shop-1/web/0/out", 17)) + "text / 3", "shop-1/web/0/out", 17, true},
		{"seq=a/0", "a", 0, true},
		{"seq=a/-1 x", "a", -1, false},
		{"seq=a", "", 0, false},
		{"hello seq=a/0", "", 0, false},
	} {
		stream, n, ok := ParsePrefix([]byte(c.text))
		if ok != c.ok || ok && (string(stream) != c.stream || n != c.n) {
			t.Errorf("%q: %s %d %v", c.text, stream, n, ok)
		}
	}
}
