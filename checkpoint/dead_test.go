package checkpoint

import (
	"path/filepath"
	"testing"
)

// TestDeadLettersOfABlockCountOnce: committed again, as after an fsync that failed with everything written, also where the
// File was cut off by a power failure and went on below its dead letters, so that its Offset does not tell.
func TestDeadLettersOfABlockCountOnce(t *testing.T) {
	f := testFile(1)
	s := open(t, filepath.Join(t.TempDir(), "checkpoint.db"))
	for range 2 {
		commit(t, s, Change{Acked: 2, Dead: []DeadLetters{{Index: 1, File: f, Start: 500, Bytes: 7}}, Files: []FileState{{File: f, Offset: 250}}})
		if got := accounts(t, s).Files[f.ID].Dead; got != 7 {
			t.Fatalf("%d bytes are dead letters, want 7", got)
		}
	}
}
