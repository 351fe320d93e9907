package checkpoint

import (
	"encoding/hex"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"logboom/wal"
)

func accounts(t testing.TB, s *Store) Accounts {
	t.Helper()
	a, err := s.Accounts()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Each change is committed twice, as after an fsync that failed with everything written: nothing counts twice.
func TestAnAccountAddsUpWhateverIsCommittedAgain(t *testing.T) {
	f, other := testFile(1), testFile(2)
	f.Start = 100
	fs := func(end wal.Offset) []FileState { return []FileState{{f, end, 0, 0}} }
	dead := func(n wal.Index, start wal.Offset, bytes int64) []DeadLetters {
		return []DeadLetters{{n, f, start, bytes}}
	}
	loss := func(start, end wal.Offset, read bool, cause string) []Loss {
		return []Loss{{File: f, Start: start, End: end, Read: read, Cause: cause}}
	}
	s := open(t, filepath.Join(t.TempDir(), "checkpoint.db"))
	for _, c := range []struct {
		what   string
		change Change
		want   Account
		acked  int64
	}{
		{"first", Change{Acked: 1, Files: fs(150)}, Account{100, 150, 0, 0, 0, 0}, 50},
		{"dead letters", Change{Acked: 3, Files: fs(250), Dead: append(dead(2, 150, 7), dead(3, 200, 8)...)}, Account{100, 250, 15, 0, 0, 0}, 135},
		{"dropped, with its Offset", Change{Acked: 4, Files: fs(300), Losses: loss(250, 300, true, CauseDropped)}, Account{100, 300, 15, 50, 0, 0}, 135},
		{"damaged, without one", Change{Acked: 5, Losses: loss(300, 340, true, CauseDamaged)}, Account{100, 340, 15, 90, 0, 0}, 135},
		{"dead letters before damage", Change{Acked: 7, Files: fs(420), Dead: dead(6, 350, 5), Losses: loss(400, 420, true, CauseDamaged)},
			Account{100, 420, 20, 110, 0, 0}, 190},
		{"cut off unread", Change{Losses: loss(500, 600, false, CauseTruncated)}, Account{100, 420, 20, 110, 100, 0}, 190},
		{"read again, after a power cut", Change{Acked: 9, Files: fs(380), Dead: dead(8, 350, 5)}, Account{100, 420, 20, 110, 100, 0}, 190},
		{"and on", Change{Acked: 10, Files: fs(500)}, Account{100, 500, 20, 110, 100, 0}, 270},
		{"dropped in pieces, between what is stored", Change{Acked: 12, Files: fs(560), Losses: []Loss{
			{File: f, Start: 500, End: 510, Read: true, Cause: CauseDropped, Index: 11},
			{File: f, Start: 530, End: 540, Read: true, Cause: CauseDropped, Index: 12}}}, Account{100, 560, 20, 130, 100, 0}, 310},
	} {
		for range 2 {
			commit(t, s, c.change)
			got := accounts(t, s).Files[f.ID]
			if got != c.want || got.Acked() != c.acked {
				t.Fatalf("%s: %+v, acked %d; want %+v, acked %d", c.what, got, got.Acked(), c.want, c.acked)
			}
		}
	}
	commit(t, s, Change{Acked: 13, Files: []FileState{{other, 30, 0, 0}}})
	want := Accounts{Files: map[wal.FileID]Account{other.ID: {0, 30, 0, 0, 0, 0}}, Gone: Account{0, 460, 20, 130, 103, 0},
		Lost: map[string]int64{CauseDropped: 70, CauseDamaged: 60, CauseTruncated: 100, CauseDeleted: 3}}
	for range 2 { // a loss and the end of a File come together
		commit(t, s, Change{Losses: loss(500, 503, false, CauseDeleted), Forget: []wal.FileID{f.ID}})
		if s.Close() != nil {
			t.Fatal()
		}
		s = open(t, s.path)
		got := accounts(t, s)
		if got.Gone.LostUnread == 0 {
			t.Fatal("forgotten")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	}
}

// A File of which nothing was ever acknowledged can lose bytes too. A Block that can't be read at all names none.
func TestLossesOfUnknownFilesCountToo(t *testing.T) {
	f := testFile(1)
	s := open(t, filepath.Join(t.TempDir(), "checkpoint.db"))
	commit(t, s, Change{Losses: []Loss{{File: f, Start: 0, End: 10, Cause: CauseDeleted}, {File: testFile(2), AtLeast: true, Read: true, Cause: CauseDamaged}}})
	if diff := cmp.Diff(map[wal.FileID]Account{f.ID: {0, 0, 0, 0, 10, 0}}, accounts(t, s).Files); diff != "" {
		t.Error(diff)
	}
	if st := state(t, s); len(st.Files) != 1 || st.Files[f.ID].Offset != 0 || st.Files[f.ID].File.Path != f.Path {
		t.Errorf("%+v", st)
	}
}

func TestRowsAreAsDrawn(t *testing.T) {
	fs := FileState{Offset: 1 << 40, Prefix: 0xdeadbeef, Tail: 0x01020304}
	const short = "0000010000000000deadbeef01020304"
	for want, a := range map[string]Account{
		short: {Reach: 1 << 40},
		short + "0000000000000001" + "0000010000000002" + "0000000000000003" + "0000000000000004" + "0000000000000005": {1, 1<<40 + 2, 3, 4, 5, 0},
	} {
		row := fs.encode(a)
		if got := hex.EncodeToString(row); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
		var back FileState
		if got, ok := back.decode(row); !ok || got != a || back != fs {
			t.Errorf("%+v %+v %v", back, got, ok)
		}
	}
	for _, n := range []int{0, 15, 17, 55, 57} {
		if _, ok := fs.decode(make([]byte, n)); ok {
			t.Errorf("a row of %d bytes is taken", n)
		}
	}
}
