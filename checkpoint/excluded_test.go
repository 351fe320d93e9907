package checkpoint

import (
	"path/filepath"
	"testing"

	"logboom/wal"
)

// What is excluded counts as such, in whatever order it is told, and when the File is forgotten.
func TestExcludedBytesAreCounted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint.db")
	s := open(t, path)
	f := *testFile(1)
	f.Excluded, f.Start = "namespace", 10
	for _, offset := range []wal.Offset{10, 110, 60} {
		commit(t, s, Change{Files: []FileState{{File: &f, Offset: offset}}})
	}
	want := Account{Start: 10, Reach: 110, Excluded: 100}
	if got := accounts(t, s).Files[f.ID]; got != want || got.Acked() != 0 {
		t.Errorf("%+v, acked %d; want %+v", got, got.Acked(), want)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	if got := accounts(t, s).Files[f.ID]; got != want {
		t.Errorf("after a restart: %+v", got)
	}
	if st, err := s.State(); err != nil || st.Files[f.ID].File.Excluded != "namespace" {
		t.Errorf("after a restart it is read: %+v, %v", st.Files, err)
	}
	commit(t, s, Change{Forget: []wal.FileID{f.ID}})
	if got := accounts(t, s); len(got.Files) > 0 || got.Gone != (Account{Reach: 100, Excluded: 100}) {
		t.Errorf("forgotten: %+v", got)
	}
}
