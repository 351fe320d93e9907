package wal

import "time"

// Index is a Block's number in the WAL: ascending, never reused. Gaps are allowed. 0 is no Block.
type Index uint64

// Sizes of a Block, in bytes of text. A Block is closed when it holds TargetText; a single Record may go up to MaxText,
// so that one long Event still fits.
const (
	TargetText = 256 << 10
	MaxText    = 1 << 20
	MaxRecords = 4096 // a Block is closed when it has that many, too
)

// Record is a verbatim run of whole Lines of one File, [Start, End). Its end closes every Event in it, unless Chained or
// Cut says otherwise.
type Record struct {
	File   *File
	Start  Offset
	End    Offset
	Prefix uint32 // CRC-32C of the File's bytes [File.Start, End)
	Tail   uint32 // CRC-32C of the last min(TailLen, End-File.Start) bytes before End

	// Parts counts, per stream (0 stdout or none, 1 stderr), the parts that were already cut from the Event that is open
	// at Start. 0: an Event starts here.
	Parts [2]uint16

	// Chained: the Events open at End go on in the next Record of the same Block, which is of the Attempt's next File.
	Chained bool

	// Cut: the Events open at End were ended there all the same; what follows is a further part.
	Cut bool

	// Note says why a dead letter is one; empty in the main log.
	Note string

	Text []byte // End-Start bytes; part of Block.Text
}

// TailLen is how many bytes before an Offset are compared before a read goes on there.
const TailLen = 64

// Block is one WAL entry: Records of many Files; the unit of Index, compression, checksum and acknowledgement.
type Block struct {
	Index   Index
	Time    time.Time // when it was gathered: the time of Events that have none of their own
	Records []Record
	Text    []byte // the Texts of all Records, in order
}

// Reset empties b and keeps its memory.
func (b *Block) Reset() {
	clear(b.Records)
	*b = Block{Records: b.Records[:0], Text: b.Text[:0]}
}
