package pipeline

import (
	"fmt"
	"strings"
	"time"

	"logboom/checkpoint"
	"logboom/wal"
)

// Where not even the header of a Block can be read, the WAL can't say which Files it held. But the Records of a File follow one
// another without a gap, so the next one says what is missing: all from where the account of the File ends to where the
// Record starts. That goes into the ledger with the acknowledgement of the Record, or its Offset would call it delivered.
//
// Every Record that is passed is looked at, not only those behind damage that this process met: the next Record of a quiet
// File may come after a restart.
type gaps struct {
	store reaches   // nil: nothing is named, as for a copy of a WAL
	base  wal.Index // Blocks up to it are older than the checkpoint

	// Since the last commit:
	ends  map[wal.FileID]fileEnd
	jumps []jump
	fed   wal.Index // damage up to it has been passed

	holes []unread // what was met lately, for Details
}

// begin asks store, whose state is st. lost says that there was another one.
func (g *gaps) begin(store *checkpoint.Store, st checkpoint.State, r *wal.Recovery, lost bool) error {
	g.store, g.base = store, st.Base
	if !lost || r.First <= 1 { // nothing that is not here was ever delivered
		return nil
	}
	g.base = max(g.base, r.Last)
	return store.Begin(g.base)
}

// reaches says up to where each of these Files is in its account; those that have none are left out.
type reaches interface {
	Reach(files []wal.FileID) (map[wal.FileID]wal.Offset, error)
}

type fileEnd struct {
	end  wal.Offset
	last wal.Index
}

// jump is a Record, or damage that has a name, before which something may be missing.
type jump struct {
	file   *wal.File
	before fileEnd // of its File, since the last commit; 0: none was passed
	start  wal.Offset
	index  wal.Index
	time   time.Time
}

// unread is a run of Indexes that could not be read.
type unread struct {
	from, to wal.Index
	time     time.Time
	where    string
}

const maxHoles = 16 // remembered

// met notes damage that was read over behind after.
func (g *gaps) met(after wal.Index, damage *wal.DamageError) {
	if len(g.holes) == maxHoles {
		g.holes = append(g.holes[:0], g.holes[1:]...)
	}
	g.holes = append(g.holes, unread{after + 1, damage.Index, damage.Damaged[0].Time, where(damage)})
}

// block passes b, and the damage before it.
func (g *gaps) block(b *wal.Block, damage []*wal.DamageError) {
	g.damage(damage, b.Index)
	for i := range b.Records {
		r := &b.Records[i]
		g.pass(r.File, r.Start, r.End, b.Index, b.Time)
	}
}

// damage passes what has a name of the damage before Block end.
func (g *gaps) damage(damage []*wal.DamageError, end wal.Index) {
	for _, e := range damage {
		if e.Index <= g.fed || e.Index >= end {
			continue
		}
		g.fed = e.Index
		for _, d := range e.Damaged {
			if d.File != nil {
				g.pass(d.File, d.Start, d.End, d.Index, d.Time)
			}
		}
	}
}

func (g *gaps) pass(f *wal.File, start, end wal.Offset, index wal.Index, at time.Time) {
	before := g.ends[f.ID]
	if start > max(f.Start, before.end) {
		g.jumps = append(g.jumps, jump{f, before, start, index, at})
	}
	// What is read again after a crash ends before what was read already.
	g.ends[f.ID] = fileEnd{max(before.end, end), index}
}

// losses are what is missing. A File without an account begins at its start: only of what is older than the checkpoint
// nobody knows how much was delivered before, and it counts as delivered.
func (g *gaps) losses() (all []checkpoint.Loss, err error) {
	if g.store == nil || len(g.jumps) == 0 {
		return nil, nil
	}
	files := make([]wal.FileID, len(g.jumps))
	for i := range g.jumps {
		files[i] = g.jumps[i].file.ID
	}
	reach, err := g.store.Reach(files)
	if err != nil {
		return nil, fmt.Errorf("find what unreadable blocks held: %w", err)
	}
	for i := range g.jumps {
		j := &g.jumps[i]
		start := max(reach[j.file.ID], j.before.end, j.file.Start)
		if start == j.file.Start && j.index <= g.base {
			continue
		}
		if start < j.start {
			all = append(all, g.loss(j, start))
		}
	}
	return all, nil
}

// loss is of [start, j.start). Its Index is that of the Record that shows it: the Blocks that held it may have been
// acknowledged long ago.
func (g *gaps) loss(j *jump, start wal.Offset) checkpoint.Loss {
	l := checkpoint.Loss{Time: time.Now(), File: j.file, Start: start, End: j.start, Cause: checkpoint.CauseDamaged, Read: true,
		Until: j.time, Index: j.index}
	var blocks, kept []string
	for _, h := range g.holes {
		if h.to <= j.before.last || h.from >= j.index {
			continue
		}
		if l.Since.IsZero() {
			l.Since = h.time
		}
		if blocks = append(blocks, fmt.Sprintf("block %d", h.to)); h.from < h.to {
			blocks[len(blocks)-1] = fmt.Sprintf("blocks %d to %d", h.from, h.to)
		}
		if n := len(kept); n == 0 || kept[n-1] != h.where {
			kept = append(kept, h.where)
		}
	}
	if l.Detail = fmt.Sprintf("in blocks before block %d that can't be read", j.index); len(blocks) > 0 {
		l.Detail = fmt.Sprintf("in %s: can't be read; kept in %s", strings.Join(blocks, " or "), strings.Join(kept, " and "))
	}
	return l
}

// committed begins anew.
func (g *gaps) committed() {
	clear(g.ends)
	g.jumps = g.jumps[:0]
}
