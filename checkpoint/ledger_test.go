package checkpoint

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"logboom/wal"
)

func TestLedgerJoinsTouchingLossesAndNothingElse(t *testing.T) {
	a, b := testFile(1), testFile(2)
	at := func(s int) time.Time { return time.Date(2026, 1, 1, 0, 0, s, 0, time.UTC) }
	l := func(f *wal.File, start, end wal.Offset, cause string, more bool) Loss {
		return Loss{File: f, Start: start, End: end, Cause: cause, AtLeast: more}
	}
	const x, y = CauseDropped, CauseDeleted
	for name, c := range map[string]struct {
		in, want []Loss
		lost     map[string]int64
	}{
		"touching": {[]Loss{l(a, 0, 5, x, false), l(a, 5, 9, x, false)}, []Loss{l(a, 0, 9, x, false)}, map[string]int64{x: 9}},
		"touching, others between": {[]Loss{l(a, 0, 5, x, false), l(b, 0, 5, x, false), l(a, 5, 9, x, false), l(b, 5, 6, x, false)},
			[]Loss{l(a, 0, 9, x, false), l(b, 0, 6, x, false)}, map[string]int64{x: 15}},
		"overlapping":                 {[]Loss{l(a, 0, 5, x, false), l(a, 3, 9, x, false)}, []Loss{l(a, 0, 9, x, false)}, map[string]int64{x: 9}},
		"inside":                      {[]Loss{l(a, 0, 9, x, false), l(a, 3, 5, x, false)}, []Loss{l(a, 0, 9, x, false)}, map[string]int64{x: 9}},
		"the same again":              {[]Loss{l(a, 0, 9, x, false), l(a, 0, 9, x, false)}, []Loss{l(a, 0, 9, x, false)}, map[string]int64{x: 9}},
		"the same open again":         {[]Loss{l(a, 0, 9, x, true), l(a, 0, 9, x, true)}, []Loss{l(a, 0, 9, x, true)}, map[string]int64{x: 9}},
		"less of the same open again": {[]Loss{l(a, 3, 9, x, true), l(a, 3, 3, x, true), l(a, 3, 5, x, true)}, []Loss{l(a, 3, 9, x, true)}, map[string]int64{x: 6}},
		"open end":                    {[]Loss{l(a, 0, 5, x, false), l(a, 5, 5, x, true)}, []Loss{l(a, 0, 5, x, true)}, map[string]int64{x: 5}},
		"behind an open end":          {[]Loss{l(a, 0, 5, x, true), l(a, 5, 9, x, false)}, []Loss{l(a, 0, 5, x, true), l(a, 5, 9, x, false)}, map[string]int64{x: 9}},
		"an open end inside":          {[]Loss{l(a, 0, 9, x, false), l(a, 3, 5, x, true)}, []Loss{l(a, 0, 9, x, false), l(a, 3, 5, x, true)}, map[string]int64{x: 11}},
		"a gap":                       {[]Loss{l(a, 0, 5, x, false), l(a, 6, 9, x, false)}, []Loss{l(a, 0, 5, x, false), l(a, 6, 9, x, false)}, map[string]int64{x: 8}},
		"before":                      {[]Loss{l(a, 5, 9, x, false), l(a, 0, 5, x, false)}, []Loss{l(a, 5, 9, x, false), l(a, 0, 5, x, false)}, map[string]int64{x: 9}},
		"other cause":                 {[]Loss{l(a, 0, 5, x, false), l(a, 5, 9, y, false)}, []Loss{l(a, 0, 5, x, false), l(a, 5, 9, y, false)}, map[string]int64{x: 5, y: 4}},
		"other file":                  {[]Loss{l(a, 0, 5, x, false), l(b, 5, 9, x, false)}, []Loss{l(a, 0, 5, x, false), l(b, 5, 9, x, false)}, map[string]int64{x: 9}},
		"only the last counts": {[]Loss{l(a, 0, 5, x, false), l(a, 7, 9, x, false), l(a, 5, 6, x, false)},
			[]Loss{l(a, 0, 5, x, false), l(a, 7, 9, x, false), l(a, 5, 6, x, false)}, map[string]int64{x: 8}},
	} {
		t.Run(name, func(t *testing.T) {
			together := open(t, filepath.Join(t.TempDir(), "checkpoint.db"))
			commit(t, together, Change{Losses: c.in})
			apart := open(t, filepath.Join(t.TempDir(), "checkpoint.db"))
			for _, l := range c.in {
				commit(t, apart, Change{Losses: []Loss{l}})
			}
			for _, s := range []*Store{together, apart} {
				if diff := cmp.Diff(c.want, losses(t, s)); diff != "" {
					t.Error(diff)
				}
				if diff := cmp.Diff(c.lost, state(t, s).Lost); diff != "" {
					t.Error(diff)
				}
			}
		})
	}

	s := open(t, filepath.Join(t.TempDir(), "checkpoint.db"))
	first := Loss{File: a, Start: 0, End: 5, Cause: x, Time: at(9), Detail: "first", Since: at(3), Until: at(4)}
	second := Loss{File: a, Start: 5, End: 9, Cause: x, Time: at(19), Detail: "second", Since: at(2), Until: at(5)}
	commit(t, s, Change{Losses: []Loss{first, second, {File: a, Start: 9, End: 10, Cause: x}}})
	want := Loss{File: a, Start: 0, End: 10, Cause: x, Time: at(9), Detail: "first", Since: at(2), Until: at(5)}
	if diff := cmp.Diff([]Loss{want}, losses(t, s)); diff != "" {
		t.Error(diff)
	}
}

func TestLossesComeInOrderWhateverTheirNumber(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "checkpoint.db"))
	for _, n := range []int{0, 1, lossChunk - 1, lossChunk, lossChunk + 1, 3 * lossChunk} {
		have := len(losses(t, s))
		var c Change
		for i := have; i < n; i++ {
			c.Losses = append(c.Losses, Loss{File: testFile(i), Start: wal.Offset(i), End: wal.Offset(i + 1), Cause: CauseDeleted})
		}
		commit(t, s, c)
		all := losses(t, s)
		if len(all) != n {
			t.Fatalf("%d entries; want %d", len(all), n)
		}
		for i, l := range all {
			if l.Start != wal.Offset(i) {
				t.Fatalf("entry %d is that of %d", i, l.Start)
			}
		}
	}
	stop := errors.New("enough")
	seen := 0
	err := s.Losses(func(Loss) error {
		seen++
		if seen == 300 {
			return stop
		}
		return s.Commit(Change{Durable: wal.Index(seen)}) // a reader holds nobody up
	})
	if !errors.Is(err, stop) || seen != 300 {
		t.Errorf("stopped after %d: %v", seen, err)
	}
}
