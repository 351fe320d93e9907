package wal

import (
	"errors"
	"fmt"
	"time"
)

// What callers branch on.
var (
	ErrFull     = errors.New("wal: full")                       // Append: over Options.MaxSize until a Release
	ErrGivenUp  = errors.New("wal: segment given up")           // Append, Sync, Close: read again from Durable
	ErrTooLarge = errors.New("wal: block too large")            // Append: descriptions of the Files over their bounds
	ErrNone     = errors.New("wal: no further block")           // Next: none is durable yet
	ErrClosed   = errors.New("wal: closed")                     // all
	ErrVersion  = errors.New("wal: written by a newer logboom") // Open, Next: nothing is damaged, go back to the newer one
)

// Damage is something of the WAL that was durable and can't be read any more.
type Damage struct {
	Index  Index // of the Block; of the last one where several in a row are gone
	File   *File // nil when not even the header could be read, and nothing else tells what it held
	Start  Offset
	End    Offset
	Time   time.Time // the Block's, or that of the one before when its header is gone too
	Reason string
}

// Reasons of a Damage.
const (
	reasonPayload = "the block's text is damaged"
	reasonHeader  = "the block's header is damaged"
	reasonNames   = "the description of the block's files is damaged"
	reasonMissing = "the block is missing"
)

// DamageError says that the Blocks up to Index, and after the one that Next was asked to go on behind, can't be read. All
// bytes of Damaged are lost as far as the WAL knows: the caller ledgers them, and goes on with after = Index.
type DamageError struct {
	Index   Index
	Damaged []Damage
	Kept    []string // folders in Options.Aside that hold the Segments, durably
	NotKept error    // why one is not kept there
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("wal: block %d: %s", e.Index, e.Damaged[0].Reason)
}

// hole is a run of Indexes that can't be read.
type hole struct {
	from, to Index
	time     time.Time
	reason   string
	damaged  []Damage
}

// lose adds a range that f had in h.
func (h *hole) lose(f *File, start, end Offset) {
	h.damaged = append(h.damaged, Damage{Index: h.to, File: f, Start: start, End: end, Time: h.time, Reason: h.reason})
}

// settle makes sure that h is not silent.
func (h *hole) settle() {
	if len(h.damaged) == 0 {
		h.lose(nil, 0, 0)
	}
}
