package checkpoint

import (
	"path/filepath"
	"testing"

	"logboom/wal"
)

func letters(t testing.TB, s *Store) LetterState {
	t.Helper()
	st, err := s.Letters()
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// Each change is committed twice, as after an fsync that failed with everything written: a letter leaves once.
func TestALetterLeavesItsAccountOnce(t *testing.T) {
	f, other := testFile(1), testFile(2)
	path := filepath.Join(t.TempDir(), "checkpoint.db")
	s := open(t, path)
	settle := func(n wal.Index, parts ...LetterPart) *Letters { return &Letters{Settled: []Settled{{n, parts}}} }
	stored := func(bytes int64) LetterPart { return LetterPart{File: f.ID, Bytes: bytes} }
	lost := func(start, end wal.Offset) LetterPart {
		return LetterPart{f.ID, int64(end - start), &Loss{File: f, Start: start, End: end, Read: true, Cause: CauseDropped}}
	}
	for _, c := range []struct {
		what   string
		change Change
		want   Account // of f, or of the forgotten
	}{
		{"put", Change{Acked: 1, Files: []FileState{{f, 500, 0, 0}}, Dead: []DeadLetters{{1, f, 0, 100}}, Letters: &Letters{Base: 3, Counted: 9}},
			Account{0, 500, 100, 0, 0, 0}},
		{"stored", Change{Letters: settle(4, stored(10), LetterPart{File: other.ID, Bytes: 5})}, Account{0, 500, 90, 0, 0, 0}},
		{"moved", Change{Letters: &Letters{Counted: 10, Settled: []Settled{{5, nil}}}}, Account{0, 500, 90, 0, 0, 0}},
		{"lost", Change{Letters: settle(6, lost(20, 30))}, Account{0, 500, 80, 10, 0, 0}},
		{"in no account, and stored", Change{Letters: settle(2, stored(10))}, Account{0, 500, 80, 10, 0, 0}},
		{"forgotten", Change{Forget: []wal.FileID{f.ID}, Letters: &Letters{Gone: 6}}, Account{0, 500, 80, 10, 0, 0}},
		{"stored after that", Change{Letters: settle(7, stored(30))}, Account{0, 500, 50, 10, 0, 0}},
		{"lost after that", Change{Letters: settle(8, lost(100, 120))}, Account{0, 500, 30, 30, 0, 0}},
		{"settled long ago", Change{Letters: settle(6, stored(30))}, Account{0, 500, 30, 30, 0, 0}},
	} {
		for range 2 {
			commit(t, s, c.change)
			all := accounts(t, s)
			got, known := all.Files[f.ID]
			if !known {
				got = all.Gone
			}
			if got != c.want || all.Lost[CauseDropped] != c.want.LostRead {
				t.Fatalf("%s: %+v, %d lost in the ledger; want %+v", c.what, got, all.Lost[CauseDropped], c.want)
			}
		}
	}
	if s.Close() != nil {
		t.Fatal()
	}
	st := letters(t, open(t, path))
	if !st.Known || st.Base != 3 || st.Counted != 10 || st.Gone != 6 || !st.Settled.Has(7) || !st.Settled.Has(8) || st.Settled.Has(9) {
		t.Errorf("%+v", st)
	}
}

// What is in no account is in the ledger, and in the sum of all, when it is lost, whatever became of its File.
func TestALostLetterThatNoAccountHasIsCounted(t *testing.T) {
	for name, files := range map[string][]FileState{"unknown": nil, "read again": {{testFile(1), 100, 0, 0}}} {
		t.Run(name, func(t *testing.T) {
			f := testFile(1)
			s := open(t, filepath.Join(t.TempDir(), "checkpoint.db"))
			loss := &Loss{File: f, Start: 10, End: 30, Read: true, Cause: CauseDropped}
			for range 2 {
				commit(t, s, Change{Files: files, Letters: &Letters{Base: 1, Settled: []Settled{{1, []LetterPart{{f.ID, 20, loss}}}}}})
			}
			if got := accounts(t, s); got.Gone != (Account{Reach: 20, LostRead: 20}) || len(got.Files) != len(files) || got.Lost[CauseDropped] != 20 {
				t.Errorf("%+v", got)
			}
		})
	}
}

// Sets of Blocks that are gone take no room.
func TestSettledBlocksThatAreGoneAreForgotten(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "checkpoint.db"))
	l := &Letters{Counted: 3 * chunkBits}
	for n := wal.Index(1); n < 3*chunkBits; n++ {
		l.Settled = append(l.Settled, Settled{Index: n})
	}
	commit(t, s, Change{Letters: l})
	commit(t, s, Change{Letters: &Letters{Gone: 2*chunkBits + 1}})
	st := letters(t, s)
	if len(st.Settled) != 1 || !st.Settled.Has(2*chunkBits) || st.Settled.Has(3*chunkBits) {
		t.Errorf("%d chunks", len(st.Settled))
	}
	st.Settled.Forget(3 * chunkBits)
	if len(st.Settled) != 0 {
		t.Errorf("%d chunks after Forget", len(st.Settled))
	}
}
