package pipeline

import (
	"fmt"
	"time"
)

// makeLetterRoom gives up the oldest dead letters where the store has no room for those of b, or, without b, is over its limit:
// poison never stops delivery. The ledger lists each of them, in the transaction after which they are removed.
func (d *Delivery) makeLetterRoom(b *batch) error {
	if d.letters == nil {
		return nil
	}
	if !d.letters.known { // else the next start can't tell what a crash leaves there from what another checkpoint counted
		if err := d.commit(time.Now()); err != nil {
			return err
		}
	}
	need := int64(0)
	if b != nil {
		need = min(int64(b.text), d.letters.maxSize/4) // more than it is, once it is compressed
	}
	for d.letters.over(need) {
		any, err := d.letters.drop()
		if err == nil && any {
			err = d.commit(time.Now())
		}
		if err != nil {
			return fmt.Errorf("make room for dead letters: %w", err)
		}
		if !any {
			break // what is left is less than a Segment
		}
		d.slog.Warn("the dead-letter store is full: gave up the oldest; the ledger lists them", "max_size", d.letters.maxSize)
	}
	return nil
}
