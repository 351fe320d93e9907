package tail

import (
	"cmp"
	"slices"
	"time"

	"logboom/checkpoint"
	"logboom/wal"
)

// A file whose only name is a pin takes space that nobody else counts. When such files hold more than they may, the oldest
// are given up, each with what was not read of it in the ledger. A pin of a file that has another name frees nothing, and
// is never touched.
//
// The order is: ledger, then the pin. Where the power goes in between, the pin is found and read after all, so the ledger
// may name bytes that were delivered; never the other way round.

// onlyPin is a file that only a pin keeps.
type onlyPin struct {
	alloc, mtime int64
	free         bool // it costs nothing to give it up
	giveUp       func()
}

// relieve gives pins up until those that are left keep to the limits. It changes nothing on the disk: dropPins does.
func (t *Tailer) relieve(now time.Time) {
	var held int64
	var pinned []onlyPin
	for _, f := range t.byID {
		if f.onlyPin && f.pin != "" && !f.lost {
			held += f.alloc
			if f.pending == 0 { // a Record that is not durable may have to be read again
				pinned = append(pinned, onlyPin{f.alloc, f.mtime, f.costsNothing(), func() { t.giveUp(f, now) }})
			}
		}
	}
	for _, fo := range t.folders {
		fo.onlyPins(func(u *unread, e *entry) {
			if u.pin != "" {
				return
			}
			held += e.alloc
			f := fo.lastSeenIn(u)
			if !t.queued && (f == nil || f.pending == 0) { // what waits for its turn is met at once, and may be a copy
				pinned = append(pinned, onlyPin{e.alloc, e.mtime, f != nil && f.attached, func() { t.giveUpUnread(fo, u, e, now) }})
			}
		})
	}
	if held == 0 {
		return
	}
	var over int64
	if t.o.MaxPins > 0 {
		over = held - t.o.MaxPins
	}
	if t.o.Shortage != nil {
		over = max(over, t.o.Shortage())
	}
	slices.SortFunc(pinned, func(a, b onlyPin) int {
		return cmp.Or(compareBool(b.free, a.free), cmp.Compare(a.mtime, b.mtime))
	})
	for _, p := range pinned {
		if over <= 0 {
			return
		}
		over -= p.alloc
		p.giveUp()
	}
}

// SetMaxPins replaces Options.MaxPins.
func (t *Tailer) SetMaxPins(bytes int64) { t.o.MaxPins = bytes }

// costsNothing says that all of f was read, or stands in a .gz as well.
func (f *file) costsNothing() bool { return f.zipEntry != nil || f.size <= int64(f.read.off) }

// giveUp makes the rest of f a loss, unless a .gz has it.
func (t *Tailer) giveUp(f *file, now time.Time) {
	t.dropped = append(t.dropped, f)
	if f.zipEntry != nil {
		return
	}
	f.lost = true
	if f.costsNothing() {
		return
	}
	t.changed.Losses = append(t.changed.Losses, checkpoint.Loss{Time: now, File: f.desc, Start: f.read.off, End: wal.Offset(f.size),
		AtLeast: !f.ended, Cause: checkpoint.CauseDropped, Detail: "its pin was given up for space", Since: f.lastGrew, Until: now})
}

// dropPins lets go of what was given up, now that the ledger has it.
func (t *Tailer) dropPins() {
	for _, f := range t.dropped {
		t.finish(f)
	}
	t.dropped = t.dropped[:0]
	for _, fo := range t.folders {
		t.dropUnread(fo)
	}
}
