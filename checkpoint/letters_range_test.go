package checkpoint

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

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
			Account{0, 100, 90, 0, 0, 0}},
		{"with others between", Change{Letters: give(4, 50, 0, 100)}, Account{0, 100, 40, 50, 0, 0}},
		{"one of those", Change{Letters: give(5, 30, 10, 40)}, Account{0, 100, 10, 80, 0, 0}},
		{"of more than was counted", Change{Letters: give(6, 30, 0, 30)}, Account{0, 100, 0, 90, 0, 0}},
	} {
		commit(t, s, c.change)
		all := accounts(t, s)
		if got := all.Files[f.ID]; got != c.want || all.Lost[CauseDropped] != c.want.LostRead {
			t.Errorf("%s: %+v, %d lost in the ledger; want %+v", c.what, got, all.Lost[CauseDropped], c.want)
		}
	}
}

// A File loses bytes in the WAL, and others as dead letters: what is told of an entry is true of all of it.
func TestLettersAndBlocksAreListedApart(t *testing.T) {
	f := testFile(1)
	s := open(t, filepath.Join(t.TempDir(), "checkpoint.db"))
	block := func(n wal.Index, start, end wal.Offset) Change {
		return Change{Acked: n, Losses: []Loss{{File: f, Start: start, End: end, Read: true, Cause: CauseDropped, Detail: "the WAL is full", Index: n}}}
	}
	letter := func(n wal.Index, start, end wal.Offset) Change {
		return Change{Letters: &Letters{Settled: []Settled{{n, []LetterPart{{f.ID, int64(end - start),
			&Loss{File: f, Start: start, End: end, Read: true, Cause: CauseDropped, Detail: "the store is full"}}}}}}}
	}
	commit(t, s, Change{Acked: 1, Files: []FileState{{f, 100, 0, 0}}, Dead: []DeadLetters{{1, f, 0, 100}}, Letters: &Letters{Counted: 9}})
	for _, c := range []Change{block(2, 100, 200), letter(1, 50, 100), block(3, 200, 300), letter(2, 0, 50)} {
		commit(t, s, c)
	}
	var got []string
	if err := s.Losses(func(l Loss) error {
		got = append(got, fmt.Sprintf("%s [%d, %d)", l.Detail, l.Start, l.End))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	want := []string{"the WAL is full [100, 300)", "the store is full [50, 100)", "the store is full [0, 50)"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if all := accounts(t, s); all.Files[f.ID] != (Account{0, 300, 0, 300, 0, 0}) || all.Lost[CauseDropped] != 300 {
		t.Errorf("%+v", all)
	}
}

// What is lost twice in one place, after a power cut has made its log shorter, counts once: or the account says that less than
// nothing is acked.
func TestAnOffsetIsLostOnce(t *testing.T) {
	f := testFile(1)
	s := open(t, filepath.Join(t.TempDir(), "checkpoint.db"))
	for i, c := range []struct {
		start, end, offset wal.Offset
		want               Account
	}{
		{0, 100, 100, Account{0, 100, 0, 100, 0, 0}},
		{200, 300, 300, Account{0, 300, 0, 200, 0, 0}},
		{50, 400, 400, Account{0, 400, 0, 400, 0, 0}},
		{500, 510, 600, Account{0, 600, 0, 410, 0, 0}},
	} {
		n := wal.Index(i + 1)
		for range 2 {
			commit(t, s, Change{Acked: n, Files: []FileState{{f, c.offset, 0, 0}},
				Losses: []Loss{{File: f, Start: c.start, End: c.end, Read: true, Cause: CauseDropped, Index: n}}})
			all := accounts(t, s)
			if got := all.Files[f.ID]; got != c.want || all.Lost[CauseDropped] != c.want.LostRead {
				t.Errorf("[%d, %d): %+v, %d lost in the ledger; want %+v", c.start, c.end, got, all.Lost[CauseDropped], c.want)
			}
		}
	}
}
