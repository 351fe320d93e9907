package pipeline

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"logboom/checkpoint"
	"logboom/wal"
)

// maxDamage bounds what waits for the acknowledgement that passes it.
const maxDamage = 1000

// meet reads over what can't be read.
func (d *Delivery) meet(damage *wal.DamageError) {
	d.slog.Error("a block of the WAL can't be read; its ranges will be in the ledger", "index", damage.Index, "error", damage, "kept", where(damage))
	d.damage = append(d.damage, damage)
	d.gaps.met(d.read, damage)
	d.read = damage.Index
}

// losses puts damaged Blocks into the words of the ledger.
func losses(damage *wal.DamageError) []checkpoint.Loss {
	var all []checkpoint.Loss
	for _, g := range damage.Damaged {
		l := checkpoint.Loss{Time: time.Now(), File: g.File, Start: g.Start, End: g.End, Cause: checkpoint.CauseDamaged, Read: true,
			Detail: fmt.Sprintf("block %d: %s; kept in %s", g.Index, g.Reason, where(damage)), Since: g.Time, Until: g.Time, Index: g.Index}
		if l.File == nil { // not even its header can be read: all that has a name is the Block
			l.File, l.AtLeast = &wal.File{Path: fmt.Sprintf("unknown files in block %d of the WAL", g.Index)}, true
			binary.BigEndian.PutUint64(l.File.ID[8:], uint64(g.Index))
		}
		all = append(all, l)
	}
	return all
}

// where says in which folders the Segments with this damage are kept for a person to look at.
func where(damage *wal.DamageError) string {
	kept := strings.Join(damage.Kept, " and ")
	switch {
	case kept == "" && damage.NotKept == nil:
		return "nowhere: nothing of it is there"
	case kept == "":
		return "nowhere: " + damage.NotKept.Error()
	case damage.NotKept != nil:
		return kept + ", and " + damage.NotKept.Error()
	}
	return kept
}
