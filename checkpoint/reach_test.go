package checkpoint

import (
	"path/filepath"
	"testing"

	"logboom/wal"
)

// TestBeginIsRememberedAndIsNoCommit: a start that is killed behind it still knows that it is the first with this checkpoint.
func TestBeginIsRememberedAndIsNoCommit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint.db")
	for _, base := range []wal.Index{7, 5} {
		s := open(t, path)
		if err := s.Begin(base); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, path) // the seal is compared
		if st := state(t, s); st.Base != 7 || st.BootID != "" || st.Acked != 0 || st.Durable != 0 {
			t.Errorf("%+v", st)
		}
		s.Close()
	}
}

// TestReachIsThatOfTheAccount, not the Offset: a log that a power cut made shorter has a lower one.
func TestReachIsThatOfTheAccount(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "checkpoint.db"))
	f, other := testFile(1), testFile(2)
	commit(t, s, Change{Acked: 1, Files: []FileState{{File: f, Offset: 90}}})
	commit(t, s, Change{Acked: 2, Files: []FileState{{File: f, Offset: 70}}})
	reach, err := s.Reach([]wal.FileID{f.ID, other.ID})
	if err != nil || len(reach) != 1 || reach[f.ID] != 90 {
		t.Errorf("%v %v", reach, err)
	}
}
