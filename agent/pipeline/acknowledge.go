package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"logboom/checkpoint"
	"logboom/sink"
	"logboom/wal"
)

// settle takes back the Batches that workers are done with, and acknowledges those in front.
func (d *Delivery) settle() (any bool) {
	for {
		select {
		case b := <-d.done:
			b.back, b.settled = true, b.err == nil
			any = true
			continue
		default:
		}
		break
	}
	for len(d.flight) > 0 && d.flight[0].settled {
		b := d.flight[0]
		if err := d.bury(b); err != nil {
			d.say(err)
			return any
		}
		d.pass(b.blocks[:b.n])
		d.count(&b.result, b.text)
		d.lastAck.Store(time.Now().UnixNano())
		d.land(b)
	}
	if len(d.flight) == 0 {
		d.acked = d.read // damaged Blocks at the end hold nobody up: their ranges go into the ledger
	}
	return any
}

// land takes the first batch in flight back: nothing of it is left to do.
func (d *Delivery) land(b *batch) {
	d.flight = append(d.flight[:0], d.flight[1:]...)
	d.inFlight.Store(int64(len(d.flight)))
	b.reset(2 * d.batchText)
	d.free = append(d.free, b)
}

// bury puts what was refused into the dead-letter store. Only then may its Batch be acknowledged.
func (d *Delivery) bury(b *batch) error {
	if len(b.result.Refused) == 0 {
		return nil
	}
	if err := d.makeLetterRoom(b); err != nil {
		return err
	}
	if err := d.reserve.spend(func() error { return d.dead.Put(b, b.result.Refused) }); err != nil {
		return fmt.Errorf("write dead letters: %w", err)
	}
	d.deadLetters.Add(int64(len(b.result.Refused)))
	d.refused = append(d.refused, deadOf(b)...)
	return nil
}

// pass notes that all Events of these Blocks have their home, or are lost.
func (d *Delivery) pass(blocks []wal.Block) {
	for i := range blocks {
		d.gaps.block(&blocks[i], d.damage)
		for _, r := range blocks[i].Records {
			d.files[r.File.ID] = checkpoint.FileState{File: r.File, Offset: r.End, Prefix: r.Prefix, Tail: r.Tail}
		}
		d.acked = blocks[i].Index
	}
}

// count adds up what a Send did, with text bytes that have their home.
func (d *Delivery) count(r *sink.Result, text int) {
	d.uncounted += text
	d.stored.Add(int64(r.Stored))
	d.duplicates.Add(int64(r.Duplicate))
	d.plain.Add(int64(r.Plain))
	d.failureStore.Add(int64(r.FailureStore))
	d.retries.Add(int64(r.Retries))
	d.sent.Add(r.Bytes)
	d.ackedBytes.Add(int64(text))
}

// Acknowledgements are committed together: until this much time or text has gone by since the commit before.
const (
	commitEvery = time.Second
	commitText  = 64 << 20 // bytes
)

func (d *Delivery) commitIfDue(now time.Time) error {
	switch acked := d.Acked(); {
	case d.acked == acked && !d.letters.changed():
		return nil
	case d.uncounted >= commitText || now.Sub(d.committed) >= commitEvery:
	case d.room.wanted() != "" && d.frees(acked):
	default:
		return nil
	}
	return d.commit(now)
}

// frees says that a commit would free the oldest Segment.
func (d *Delivery) frees(acked wal.Index) bool {
	oldest := d.log.Oldest(acked)
	return oldest != 0 && oldest <= d.acked
}

// commit makes the acknowledgements durable, and only then removes the Segments that nobody needs any more.
func (d *Delivery) commit(now time.Time) error {
	c := checkpoint.Change{Acked: d.acked, Dead: d.refused, Letters: d.letters.change()}
	if d.acked > 0 { // a new checkpoint that names no Acked must not say that all Blocks up to Durable have to be there
		c.Durable = d.log.Durable()
	}
	for _, f := range d.files {
		c.Files = append(c.Files, f)
	}
	passed := 0
	for passed < len(d.damage) && d.damage[passed].Index <= d.acked {
		c.Losses = append(c.Losses, losses(d.damage[passed])...)
		passed++
	}
	d.gaps.damage(d.damage, d.acked+1)
	gaps, err := d.gaps.losses()
	if err != nil {
		return err
	}
	c.Losses = append(c.Losses, gaps...)
	c.Losses = append(c.Losses, d.drops.losses...)
	if err := d.reserve.spend(func() error { return d.store.Commit(c) }); err != nil {
		return fmt.Errorf("commit acknowledgements up to block %d: %w", d.acked, err)
	}
	for i := range gaps {
		l := &gaps[i]
		d.slog.Error("bytes of a log file stood in blocks that can't be read", "path", l.File.Path, "file", l.File.ID, "start", l.Start, "end", l.End)
	}
	for i := range c.Losses {
		d.shares.passed(c.Losses[i].File, c.Losses[i].End)
	}
	for _, f := range c.Files { // behind the losses, which may end before
		d.shares.passed(f.File, f.Offset)
	}
	clear(d.files)
	d.gaps.committed()
	d.damage, d.refused, d.drops.losses = slices.Delete(d.damage, 0, passed), d.refused[:0], nil
	clear(d.drops.ends)
	d.uncounted, d.committed = 0, now
	acked := d.Acked()
	d.ackedIndex.Store(uint64(d.acked))
	d.problem.Store(nil)
	defer d.room.give()
	frees := d.room.short() && d.frees(acked)
	err = d.log.Release(d.acked)
	if err != nil {
		err = fmt.Errorf("remove delivered segments: %w", err)
	} else if frees {
		d.drops.roomy = now
	}
	return errors.Join(err, d.letters.done(c.Letters)) // those are committed, whatever is left of the WAL
}
