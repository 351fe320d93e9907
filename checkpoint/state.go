package checkpoint

import (
	"time"

	"logboom/wal"
)

// FileState says how far a File is delivered: every byte before Offset has its final home.
type FileState struct {
	File   *wal.File
	Offset wal.Offset
	Prefix uint32 // CRC-32C of the File's bytes [File.Start, Offset)
	Tail   uint32 // CRC-32C of the last min(wal.TailLen, Offset-File.Start) bytes before Offset
}

// State is all that a start needs.
type State struct {
	Acked   wal.Index // every Event up to it has its final home
	Durable wal.Index // the last durable Index when Acked was committed: no Index up to it may be used again
	Base    wal.Index // Blocks up to it are older than this checkpoint: the one before was lost. See Begin
	BootID  string    // of the kernel that ran when this was written; "" in a new checkpoint
	Files   map[wal.FileID]FileState
	Lost    map[string]int64 // bytes in the ledger by Cause
}

// Loss is one line of the ledger: bytes of a File that nobody can deliver any more.
type Loss struct {
	Time    time.Time  `json:"time"` // when it was found
	File    *wal.File  `json:"file"`
	Start   wal.Offset `json:"start"`
	End     wal.Offset `json:"end"`      // End-Start bytes are known to be lost, unless Detail says that the range takes in more
	AtLeast bool       `json:"at_least"` // there may have been more behind End
	Read    bool       `json:"read"`     // they stood in the WAL: lost after reading, not before
	Cause   string     `json:"cause"`    // one of the Cause constants
	Detail  string     `json:"detail,omitempty"`
	Since   time.Time  `json:"since"` // the lost lines were written between Since and Until, as far as known
	Until   time.Time  `json:"until"`

	// Index is the last Block that held it, with Read: then it is committed with an Acked of Index or more, and counts once,
	// however often that is done.
	Index wal.Index `json:"-"`
}

// Causes of a Loss: the values of the metric's label reason.
const (
	CauseTruncated = "truncated" // the writer or copytruncate cut the File before it was read
	CauseDeleted   = "deleted"   // the File's last name went before it was read
	CauseDamaged   = "damaged"   // a Block of the WAL, or a .gz, can't be read
	CauseDropped   = "dropped"   // given up for space: a Segment (on_full: drop_oldest), a pin, or a dead letter
)

// Causes lists every cause.
func Causes() []string {
	return []string{CauseTruncated, CauseDeleted, CauseDamaged, CauseDropped}
}

// Change is what one transaction makes durable, all of it or nothing.
type Change struct {
	Acked   wal.Index // 0: as it was
	Durable wal.Index
	Files   []FileState  // replace what was known of these Files
	Forget  []wal.FileID // nothing on the disk can match these Files any more
	Losses  []Loss
	Dead    []DeadLetters
	Letters *Letters // nil: nothing changes
}
