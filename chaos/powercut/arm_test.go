package powercut

import (
	"fmt"
	"syscall"
	"time"

	"logboom/chaos/cutfs"
)

// important are the operations at which a cut is most likely to hurt.
var important = []cutfs.Rule{
	{Op: cutfs.Write | cutfs.Sync, Path: "data/checkpoint.db*"},
	{Op: cutfs.Write | cutfs.Sync, Path: "data/wal/**"},
	{Op: cutfs.Create | cutfs.Rename | cutfs.Remove | cutfs.SyncDir, Path: "data/wal/**"},
	{Op: cutfs.Create | cutfs.Link | cutfs.Remove | cutfs.SyncDir, Path: "data/pins/**"},
	{Op: cutfs.Create | cutfs.Rename | cutfs.Sync | cutfs.SyncDir, Path: "data/**"},
	{Op: cutfs.Change, Path: "data/**"},
}

// arm decides when the power goes, and returns how long to wait for that at most.
func (l *life) arm() (limit time.Duration, lift func()) {
	limit = 1500 * time.Millisecond
	if l.r.IntN(4) == 0 {
		limit *= 2 // acknowledgements are committed once a second
	}
	rule := cutfs.Rule{Op: cutfs.Change, Skip: l.r.IntN(2000)}
	switch l.r.IntN(4) {
	case 0:
		return time.Duration(l.r.Int64N(int64(limit))), func() {}
	case 1, 2:
		rule = important[l.r.IntN(len(important))]
		rule.Skip = l.r.IntN([]int{3, 12, 100}[l.r.IntN(3)])
	}
	rule.Times, rule.Cut, rule.Seed = 1, true, l.r.Uint64()
	fmt.Fprintf(&l.history, "cut at: %+v\n", rule)
	return limit, l.disk.Inject(rule)
}

// fault makes the disk fail for a moment in some boots.
func (l *life) fault() (lift func()) {
	l.faulty = l.r.IntN(4) == 0
	if !l.faulty {
		return func() {}
	}
	rule := important[l.r.IntN(len(important))]
	rule.Skip, rule.Times = l.r.IntN(20), 1+l.r.IntN(4)
	switch l.r.IntN(3) {
	case 0:
		rule.Err = syscall.EIO
	case 1:
		rule.Err = syscall.ENOSPC
	default:
		rule.Op, rule.Short = cutfs.Write, true
	}
	fmt.Fprintf(&l.history, "fault: %+v\n", rule)
	return l.disk.Inject(rule)
}
