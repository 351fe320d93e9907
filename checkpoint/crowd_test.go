package checkpoint

import (
	"path/filepath"
	"strings"
	"testing"

	"logboom/wal"
)

// A pod whose every second line is refused, and given up as a dead letter in its turn, must not fill the disk with the ledger.
func TestALedgerDoesNotGrowWithoutEnd(t *testing.T) {
	defer func(n uint64) { maxEntries = n }(maxEntries)
	maxEntries = 10
	s := open(t, filepath.Join(t.TempDir(), "checkpoint.db"))
	f, other := testFile(1), testFile(2)
	f.Start = 0
	piece := func(n int) Change {
		at := wal.Offset(10 * n)
		return Change{Acked: wal.Index(n), Files: []FileState{{f, at + 10, 0, 0}},
			Losses: []Loss{{File: f, Start: at, End: at + 4, Read: true, Cause: CauseDropped, Detail: "why", Index: wal.Index(n)}}}
	}
	for n := 1; n <= 300; n++ {
		commit(t, s, piece(n))
		if n%7 == 0 {
			commit(t, s, piece(n))
		}
	}
	all := losses(t, s)
	if len(all) != 10 {
		t.Fatalf("%d entries", len(all))
	}
	if last := all[9]; last.Start != 100 || last.End != 3004 || strings.Count(last.Detail, widened) != 1 {
		t.Errorf("the last one is %+v", last)
	}
	if lost := state(t, s).Lost[CauseDropped]; lost != 1200 {
		t.Errorf("%d bytes are counted", lost)
	}
	if a := accounts(t, s).Files[f.ID]; a.LostRead != 1200 || a.Acked() != 3010-1200 {
		t.Errorf("%+v", a)
	}
	// What was never read is listed all the same, and so is another File.
	commit(t, s, Change{Losses: []Loss{{File: f, Start: 5000, End: 5001, Cause: CauseDropped}, {File: other, Start: 1, End: 2, Read: true, Cause: CauseDropped}}})
	if n := len(losses(t, s)); n != 12 {
		t.Errorf("%d entries", n)
	}
}
