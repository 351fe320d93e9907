package tail

import (
	"cmp"
	"slices"
	"time"

	"logboom/wal"
)

// quantum is how much of one pod a round reads, about: with that, the next pod has its turn. A round is short, so that what
// is rotated meanwhile comes first soon, and a pod that writes without end holds the others up for some milliseconds.
const quantum = 4 * wal.TargetText // bytes

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
		pod := f.folder.share()
		if t.spent[pod] >= quantum {
			f.nextLook = time.Time{} // in the next round
			continue
		}
		before := len(b.Text)
		more := t.fill(f, b, now) == full
		t.spent[pod] += len(b.Text) - before
		if more {
			t.round = append(t.round, f) // the others first
			if len(b.Text) > 0 {
				return time.Time{}
			}
		}
	}
	if len(b.Text) > 0 || len(t.round) > 0 {
		return time.Time{}
	}
	next := t.nextHint(now)
	for _, f := range t.hot {
		if f.nextLook.Before(next) {
			next = f.nextLook
		}
	}
	return next
}

// share is whose files have a quantum together: those of a pod, or of a folder outside of pods.
func (fo *folder) share() string {
	if fo.pod != "" {
		return fo.pod
	}
	return fo.dir
}

// startRound gathers the Files whose turn it is: those nearest to being lost first.
func (t *Tailer) startRound(now time.Time) {
	clear(t.spent)
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
		danger := cmp.Compare(b.danger(), a.danger())
		if danger == 0 && a.rotated {
			return cmp.Compare(a.mtime, b.mtime)
		}
		return danger
	})
	if t.open > t.o.MaxOpen {
		t.closeQuiet(now)
	}
}

// danger says how near f is to being lost: without any name, it is with this process; rotated, with the kubelet's next steps.
func (f *file) danger() int {
	switch {
	case f.path == "":
		return 2
	case f.rotated:
		return 1
	}
	return 0
}

// Look scans when it is time, and reads nothing: while nothing can be written, what comes and goes is still pinned.
func (t *Tailer) Look(now time.Time) {
	if !now.Before(t.nextScan) || t.hinted(now) {
		t.nextScan = now.Add(scanEvery)
		t.scan(now)
	}
}

// warm puts f among the Files that rounds visit.
func (t *Tailer) warm(f *file) {
	if !f.hot && !f.lost && !f.excluded() {
		f.hot = true
		t.hot = append(t.hot, f)
	}
}
