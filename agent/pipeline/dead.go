package pipeline

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"logboom/agent/parse"
	"logboom/checkpoint"
	"logboom/sink"
	"logboom/wal"
)

// deadLetters is the dead-letter store: a second WAL, whose Records are the Lines of one Event each and say in their Note
// why it is there. It belongs to Delivery's goroutine.
//
// A letter leaves when it is stored after all, moves to the end (refused for good what was held, or left over in its
// Block), or is given up because the store is full. The log itself never changes, so the checkpoint keeps a bit for each
// Block that is settled, and changes it in one transaction with the accounts. A letter that moves is fsynced in its new place
// before. And what a crash leaves in the log without a commit that counts it is sent again by Delivery: it is settled at
// the start, or it would be there twice.
type deadLetters struct {
	log     *wal.Log
	maxSize int64 // bytes on disk; 0: no limit

	known         bool      // the checkpoint has heard of the store
	base, counted wal.Index // as in checkpoint.Letters
	settled       checkpoint.IndexSet
	gone          wal.Index // every Block up to it is settled
	first         wal.Index // the first Block that is not; 0: not known
	begun         wal.Index // the last Block of an earlier process

	scanned        wal.Index // of the Blocks up to begun, those are known
	holds          map[string]*hold
	refusedLetters atomic.Int64 // in the store, as far as they are known
	heldLetters    atomic.Int64

	pending   []checkpoint.Settled // not committed yet
	committed wal.Index            // counted, as far as it is
	block     wal.Block            // memory for one
	parser    parse.Parser
}

// open begins with what the checkpoint knows of the store. After an error it is open too: Segments stay that nobody needs.
func (d *deadLetters) open(st checkpoint.LetterState) error {
	d.begun = d.log.Durable()
	d.settled, d.gone, d.base, d.counted = st.Settled, st.Gone, st.Base, st.Counted
	d.committed = d.counted
	if d.known = st.Known; !d.known {
		d.base, d.counted = d.begun, d.begun // the checkpoint that knew more is lost
	}
	d.void(d.counted)
	d.scanned = d.gone
	return d.log.Release(d.gone)
}

// Put makes the refused Events durable as dead letters.
func (d *deadLetters) Put(b *batch, refused []sink.Refusal) error {
	why := make(map[int]*sink.Refusal, len(refused))
	for i := range refused {
		why[refused[i].N] = &refused[i]
	}
	var p pile
	now := time.Now()
	err := b.each(func(i, n int, e *sink.Event) error {
		r := why[n]
		if r == nil {
			return nil
		}
		p.add(e, &note{Time: now, Held: r.Held, Type: r.Type, Reason: r.Reason, Places: placesOf(&b.blocks[i], e)})
		return nil
	})
	if err != nil {
		return err
	}
	return d.append(&p)
}

// append makes p durable, all of it or nothing that counts.
func (d *deadLetters) append(p *pile) error {
	if len(p.blocks) == 0 {
		return nil
	}
	before := d.log.Durable()
	err := d.write(p)
	if err != nil {
		d.void(before) // it is put again
		return err
	}
	d.counted = d.log.Durable()
	d.refusedLetters.Add(int64(p.others))
	for index, n := range p.held {
		d.heldLetters.Add(int64(n))
		d.held(index, before, d.counted)
	}
	return nil
}

func (d *deadLetters) write(p *pile) error {
	for _, b := range p.blocks {
		if err := appendAll(d.log, b); err != nil {
			return err
		}
	}
	return d.log.Sync()
}

// void settles what is behind after: nothing counts it.
func (d *deadLetters) void(after wal.Index) {
	for n := after + 1; n <= d.log.Durable(); n++ {
		d.settle(n, nil)
	}
	d.counted = max(d.counted, d.log.Durable())
}

// has says whether Block n is settled. What is gone may be in the set no longer, and in the log still.
func (d *deadLetters) has(n wal.Index) bool { return n <= d.gone || d.settled.Has(n) }

// settle says that no letter of Block n is one any more, once this is committed.
func (d *deadLetters) settle(n wal.Index, parts []checkpoint.LetterPart) {
	if d.has(n) {
		return
	}
	if d.settled == nil {
		d.settled = checkpoint.IndexSet{}
	}
	d.settled.Add(n)
	d.pending = append(d.pending, checkpoint.Settled{Index: n, Parts: parts})
}

// changed says that a commit has something to say of the store.
func (d *deadLetters) changed() bool {
	return d != nil && (len(d.pending) > 0 || d.counted != d.committed)
}

// change is what that is; nil: nothing. The first commit of a checkpoint always says something.
func (d *deadLetters) change() *checkpoint.Letters {
	if d == nil || d.known && !d.changed() {
		return nil
	}
	return &checkpoint.Letters{Base: d.base, Counted: d.counted, Settled: d.pending, Gone: d.gone}
}

// done notes that c is committed, and removes the Segments that nobody needs any more.
func (d *deadLetters) done(c *checkpoint.Letters) error {
	if c == nil {
		return nil
	}
	d.known, d.pending, d.committed = true, nil, c.Counted
	d.settled.Forget(c.Gone)
	if err := d.log.Release(c.Gone); err != nil {
		return fmt.Errorf("remove settled dead letters: %w", err)
	}
	return nil
}

// advance finds out how far everything is settled, a bounded number of Blocks a call.
func (d *deadLetters) advance() error {
	for range 64 {
		if d.first != 0 && !d.settled.Has(d.first) {
			return nil
		}
		d.gone, d.first = max(d.gone, d.first), 0
		switch err := d.next(d.gone, &d.block); {
		case errors.Is(err, wal.ErrNone):
			return nil
		case err != nil:
			return err
		}
		d.gone, d.first = d.block.Index-1, d.block.Index
	}
	return nil
}

// next reads the first Block behind after. What can't be read is lost.
func (d *deadLetters) next(after wal.Index, b *wal.Block) error {
	for {
		err := d.log.Next(after, b)
		var damage *wal.DamageError
		if !errors.As(err, &damage) {
			return err
		}
		var parts []checkpoint.LetterPart
		for _, l := range losses(damage) {
			parts = append(parts, checkpoint.LetterPart{File: l.File.ID, Bytes: int64(l.End - l.Start), Lost: &l})
		}
		d.settle(damage.Index, parts)
		for n := after + 1; n < damage.Index; n++ {
			d.settle(n, nil)
		}
		after = damage.Index
	}
}

// over says that there is no room for so many bytes.
func (d *deadLetters) over(bytes int64) bool {
	return d != nil && d.maxSize > 0 && d.log.Stats().Bytes+bytes > d.maxSize
}

// dropAtOnce is how many Blocks are given up before the next look at the room that makes. Those of one Segment take room
// together, so a few more than needed may go.
const dropAtOnce = 32

// drop gives up the oldest letters, which the ledger lists then. It says whether there were any.
func (d *deadLetters) drop() (any bool, err error) {
	for range dropAtOnce {
		if err := d.advance(); err != nil || d.first == 0 {
			return any, err
		}
		if d.settled.Has(d.first) {
			return true, nil // advance has not come to the end
		}
		if err := d.next(d.first-1, &d.block); err != nil {
			return any, err
		}
		var parts []checkpoint.LetterPart
		err := eachLetter(&d.parser, &d.block, func(e *sink.Event, n *note) error {
			d.left(d.block.Index, n)
			parts = append(parts, lossesOf(e, n, "a dead letter ("+n.Type+"), given up for newer ones: deadletter.max_size")...)
			return nil
		})
		if err != nil {
			return any, err
		}
		d.settle(d.block.Index, parts)
		any = true
	}
	return any, d.advance()
}
