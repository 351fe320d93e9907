package checkpoint

import (
	"path/filepath"
	"testing"

	"logboom/wal"
)

// The range of a dead letter may hold others: an Event of many pieces has Lines between them. What is given up is what leaves the
// dead letters, or the bytes of the others would be lost as well, and what is acked below zero.
func TestALetterThatIsGivenUpCountsItsOwnBytes(t *testing.T) {
	f := testFile(1)
	s := open(t, filepath.Join(t.TempDir(), "checkpoint.db"))
	give := func(n wal.Index, bytes int64, start, end wal.Offset) *Letters {
		return &Letters{Settled: []Settled{{n, []LetterPart{{f.ID, bytes, &Loss{File: f, Start: start, End: end, Read: true, Cause: CauseDropped}}}}}}
	}
	for _, c := range []struct {
		what   string
		change Change
		want   Account
	}{
		{"put", Change{Acked: 1, Files: []FileState{{f, 100, 0, 0}}, Dead: []DeadLetters{{1, f, 0, 90}}, Letters: &Letters{Base: 3, Counted: 9}},
			Account{0, 100, 90, 0, 0}},
		{"with others between", Change{Letters: give(4, 50, 0, 100)}, Account{0, 100, 40, 50, 0}},
		{"one of those", Change{Letters: give(5, 30, 10, 40)}, Account{0, 100, 10, 80, 0}},
		{"of more than was counted", Change{Letters: give(6, 30, 0, 30)}, Account{0, 100, 0, 90, 0}},
	} {
		commit(t, s, c.change)
		all := accounts(t, s)
		if got := all.Files[f.ID]; got != c.want || all.Lost[CauseDropped] != c.want.LostRead {
			t.Errorf("%s: %+v, %d lost in the ledger; want %+v", c.what, got, all.Lost[CauseDropped], c.want)
		}
	}
}
