package pipeline

import (
	"errors"

	"logboom/wal"
)

// appendAll appends b: as one Block, or in pieces where its Files have descriptions that are too long for one. Trying the
// same again would fail for ever. A single File's description always fits, since what it is made of is bounded: paths by the
// kernel, the rest by package config.
//
// Afterwards b.Index is the last piece's. When it fails, b holds what is not appended yet.
func appendAll(log interface{ Append(*wal.Block) error }, b *wal.Block) error {
	for most := len(b.Records); ; {
		piece := front(b, most)
		err := log.Append(&piece)
		if n := len(piece.Records); errors.Is(err, wal.ErrTooLarge) && len(front(b, n/2).Records) < n {
			most = n / 2
			continue
		}
		if b.Index = piece.Index; err != nil || len(piece.Records) == len(b.Records) {
			return err
		}
		b.Records, b.Text = b.Records[len(piece.Records):], b.Text[len(piece.Text):]
	}
}

// front returns the first n Records of b as a Block, or a few more: what is chained stays together.
func front(b *wal.Block, n int) wal.Block {
	piece := wal.Block{Time: b.Time}
	text := 0
	for i := range b.Records {
		if i >= max(n, 1) && !b.Records[i-1].Chained {
			break
		}
		piece.Records = b.Records[:i+1]
		text += len(b.Records[i].Text)
	}
	piece.Text = b.Text[:text]
	return piece
}
