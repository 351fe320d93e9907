package tail

import (
	"cmp"
	"slices"
	"time"

	"logboom/wal"
)

// Poll appends Records to b until b is full or nothing is left to read now. It returns when to look again; the zero time
// means at once.
func (t *Tailer) Poll(now time.Time, b *wal.Block) time.Time {
	t.Look(now)
	if len(t.round) == 0 {
		t.startRound(now)
	}
	for len(t.round) > 0 && len(b.Text) < wal.TargetText && len(b.Records) < maxRecords {
		f := t.round[0]
		t.round = t.round[1:]
		if t.fill(f, b, now) == full {
			t.round = append(t.round, f) // the others first
			if len(b.Text) > 0 {
				return time.Time{}
			}
		}
	}
	if len(b.Text) > 0 || len(t.round) > 0 {
		return time.Time{}
	}
	next := t.nextScan
	for _, f := range t.hot {
		if f.nextLook.Before(next) {
			next = f.nextLook
		}
	}
	return next
}

// startRound gathers the Files whose turn it is: those nearest to being deleted first.
func (t *Tailer) startRound(now time.Time) {
	t.round = t.round[:0]
	t.hot = slices.DeleteFunc(t.hot, func(f *file) bool {
		if f.cold(now) {
			f.hot = false
			return true
		}
		if !now.Before(f.nextLook) {
			t.round = append(t.round, f)
		}
		return false
	})
	slices.SortStableFunc(t.round, func(a, b *file) int {
		if a.rotated != b.rotated {
			if a.rotated {
				return -1
			}
			return 1
		}
		if a.rotated {
			return cmp.Compare(a.lastGrew.UnixNano(), b.lastGrew.UnixNano())
		}
		return 0
	})
	if t.open > t.o.MaxOpen {
		t.closeQuiet(now)
	}
}

// Look scans when it is time, and reads nothing: while nothing can be written, what comes and goes is still pinned.
func (t *Tailer) Look(now time.Time) {
	if !now.Before(t.nextScan) {
		t.nextScan = now.Add(scanEvery)
		t.scan(now)
	}
}

// warm puts f among the Files that rounds visit.
func (t *Tailer) warm(f *file) {
	if !f.hot && !f.lost {
		f.hot = true
		t.hot = append(t.hot, f)
	}
}
