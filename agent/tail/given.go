package tail

import (
	"time"

	"logboom/wal"
)

// given is a Record that is not durable yet.
type given struct {
	f     *file
	after position  // behind the Record
	index wal.Index // of its Block; 0: that is not appended yet
}

// Appended says that the Records given out since the last call are in Block index.
func (t *Tailer) Appended(index wal.Index) {
	for i := len(t.given) - 1; i >= 0 && t.given[i].index == 0; i-- {
		t.given[i].index = index
	}
}

// Taken says that the Records in Blocks up to durable are durable.
func (t *Tailer) Taken(durable wal.Index) {
	n := 0
	for ; n < len(t.given) && t.given[n].index != 0 && t.given[n].index <= durable; n++ {
		g := &t.given[n]
		t.readBytes.Add(int64(g.after.off - g.f.safe.off))
		g.f.safe, g.f.index = g.after, g.index
		g.f.pending--
	}
	t.given = append(t.given[:0], t.given[n:]...)
}

// Rewind says that all other Records are void: they will be given out again.
func (t *Tailer) Rewind() {
	for _, g := range t.given {
		f := g.f
		f.read, f.pending = f.safe, 0
		f.endSeen, f.heldSince, f.held = time.Time{}, time.Time{}, 0
		f.nextLook = time.Time{}
		t.warm(f)
	}
	t.given = t.given[:0]
	t.round = t.round[:0]
}

// Flush makes the following Polls ship what stands unfinished at the end of Files: a Line without newline, an open
// Event. It is for the end of a run that should leave nothing behind.
func (t *Tailer) Flush() {
	t.flush = true
	for _, f := range t.byID {
		f.nextLook = time.Time{}
		t.warm(f)
	}
	t.nextScan = time.Time{}
}
