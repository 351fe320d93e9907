package wal

import (
	"path/filepath"
	"testing"
	"time"
)

// optional are Files with those members of a description that came after its first version. Each has a golden Segment in
// testdata/v1-optional, which stays: a File that one release met is drained by the next.
func optional() map[string]*File {
	traces, start, fields, spaces := testFile(1), testFile(2), testFile(3), testFile(4)
	fields.JSON = "json"
	spaces.NamespaceLabels = map[string]string{"example.com/team": "a"}
	traces.Multiline = &Multiline{Traces: "auto.1", MaxWait: time.Second}
	start.Multiline = &Multiline{Start: `^\d{4}-`, MaxWait: 3 * time.Second}
	return map[string]*File{"multiline-traces": traces, "multiline-start": start, "json": fields, "namespace-labels": spaces}
}

func TestOptionalMembersOfAFileStayReadable(t *testing.T) {
	for name, f := range optional() {
		dir := filepath.Join("testdata", "v1-optional", name)
		if missing(dir) {
			w := newWriter(0, 42)
			w.files, w.at, w.sums, w.tails = []*File{f}, []Offset{0}, []uint32{0}, [][]byte{nil}
			l, _, err := Open(Options{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			l.salt = func() uint64 { return 0x0123456789abcdef }
			mustAppend(t, l, w.block(1, 0))
		}
		r, err := OpenReadOnly(View{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		got, damaged := drain(t, r, 0)
		if len(damaged) > 0 || len(got) != 1 || len(got[0].Records) != 1 || asJSON(t, got[0].Records[0].File) != asJSON(t, f) {
			t.Errorf("%s: %d blocks, damaged %+v", name, len(got), damaged)
		}
	}
}
