package pipeline

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"logboom/checkpoint"
	"logboom/sink"
	"logboom/wal"
)

// With wal.on_full: drop_oldest, Delivery gives the oldest Segment up when Intake finds no space:
//
//  1. what is acknowledged is committed: perhaps that makes room;
//  2. requests that hold some of the Segment are called back, and awaited: some may just have been answered;
//  3. what has no home of it becomes Losses, named by the ranges in the Blocks' headers;
//  4. Acked, Offsets and Losses are committed in one transaction, and then the Segment is removed.
//
// Until 4 nothing is decided: a process that is killed before leaves the Segment as it was. What a request stored that was
// called back unanswered is called lost all the same.

// drops is what Delivery knows of that.
type drops struct {
	on     bool
	why    string             // there is no space
	upTo   wal.Index          // the Segment that is being given up ends there; 0: none is
	roomy  time.Time          // when nothing was wanting last, or a Segment was removed
	losses []checkpoint.Loss  // not yet committed
	ends   map[wal.FileID]int // the last of losses of each File
	bytes  int64              // of losses
	block  wal.Block
}

const (
	dropAfter = 2 * time.Second // of want: answers may be on their way that free a Segment, and some file systems count freed space late
	maxRanges = 10_000          // bounds the losses of one Segment: behind so many, the ranges take in what was stored between them
)

// makeRoom turns step by step; waits says that requests have yet to come back.
func (d *Delivery) makeRoom(now time.Time) (waits bool, err error) {
	if d.drops.upTo == 0 {
		if d.drops.roomy.IsZero() || !d.room.short() {
			d.drops.roomy = now
		}
		why := d.room.wanted()
		if !d.drops.on || why == "" || now.Sub(d.drops.roomy) < dropAfter {
			return false, nil
		}
		if d.acked != d.Acked() {
			return false, d.commit(now)
		}
		if d.drops.upTo = d.log.Oldest(d.acked); d.drops.upTo == 0 {
			return false, nil
		}
		d.drops.begin(why)
		for _, b := range d.flight {
			if b.first() <= d.drops.upTo {
				b.recall.call()
			}
		}
	}
	for _, b := range d.flight {
		if b.first() <= d.drops.upTo && !b.back {
			return true, nil
		}
	}
	return d.drop(now)
}

// drop makes Losses of the Segment, now that no worker has anything of it, and commits them.
func (d *Delivery) drop(now time.Time) (waits bool, err error) {
	for len(d.flight) > 0 && d.flight[0].first() <= d.drops.upTo {
		b := d.flight[0]
		if b.settled {
			return true, nil // its dead letters can't be written yet
		}
		if err := d.loseSent(b); err != nil {
			return true, err
		}
		d.settle()
	}
	for d.read < d.drops.upTo {
		if err := d.loseNext(); err != nil {
			return true, err
		}
	}
	d.acked = max(d.acked, d.drops.upTo)
	d.drops.upTo = 0
	if d.drops.bytes > 0 {
		d.slog.Error("there is no space: gave up the oldest segment of the WAL; the ledger has what was lost", "bytes", d.drops.bytes,
			"why", d.drops.why)
	}
	return false, d.commit(now)
}

// loseSent gives up those Blocks of b, which was called back, that are in the Segment. The others are sent again.
func (d *Delivery) loseSent(b *batch) error {
	front, home := b.front(d.drops.upTo)
	if err := d.bury(front); err != nil {
		return err
	}
	d.drops.loseUnsettled(front)
	d.pass(front.blocks)
	d.count(&b.result, 0)
	if b.trim(front.n, home); b.n > 0 {
		b.doubtful = max(b.doubtful, b.last()) // they were sent once
		d.dispatch(b)
		return nil
	}
	d.land(b)
	return nil
}

// loseNext gives up the next Block, which was never sent.
func (d *Delivery) loseNext() error {
	b := &d.drops.block
	b.Reset()
	err := d.log.Next(d.read, b)
	var damage *wal.DamageError
	if errors.As(err, &damage) {
		d.meet(damage)
		return nil
	}
	if err != nil {
		return fmt.Errorf("read what is to be dropped behind block %d: %w", d.read, err)
	}
	for i := range b.Records {
		r := &b.Records[i]
		d.drops.lose(b, r.File, r.Start, r.End)
	}
	d.pass([]wal.Block{*b})
	d.read = b.Index
	return nil
}

func (d *drops) begin(why string) {
	d.why, d.bytes, d.ends = why, 0, map[wal.FileID]int{}
}

// loseUnsettled loses what has no home of a Batch.
func (d *drops) loseUnsettled(b *batch) {
	n := -1
	for i := range b.blocks {
		block := &b.blocks[i]
		var home []span
		_ = b.parser.Events(block, func(e *sink.Event) error { // fails only where this function does
			n++
			if _, found := slices.BinarySearch(b.home, int32(n)); found {
				home = appendLines(home, block, e)
			}
			return nil
		})
		slices.SortFunc(home, func(x, y span) int { return cmp.Compare(x.start, y.start) })
		for k := range block.Records {
			r := &block.Records[k]
			at := r.Start
			for _, s := range home {
				if s.file == r.File.ID && s.start >= r.Start && s.end <= r.End {
					d.lose(block, r.File, at, s.start)
					at = s.end
				}
			}
			d.lose(block, r.File, at, r.End)
		}
	}
}

// lose adds a range of f. Ranges that follow one another are one.
func (d *drops) lose(b *wal.Block, f *wal.File, start, end wal.Offset) {
	if start >= end {
		return
	}
	n, known := d.ends[f.ID]
	if known && d.losses[n].Start <= start && (start <= d.losses[n].End || len(d.losses) >= maxRanges) {
		l := &d.losses[n]
		d.bytes += int64(max(end, l.End) - l.End)
		l.End, l.Until, l.Index = max(end, l.End), b.Time, b.Index
		return
	}
	d.bytes += int64(end - start)
	d.ends[f.ID] = len(d.losses)
	d.losses = append(d.losses, checkpoint.Loss{Time: time.Now(), File: f, Start: start, End: end, Read: true, Cause: checkpoint.CauseDropped,
		Detail: d.why, Since: b.Time, Until: b.Time, Index: b.Index})
}

// span is a range of a File.
type span struct {
	file       wal.FileID
	start, end wal.Offset
}

// appendLines adds where the Lines of e stand in its Block: an Event of several may have those of the other stream between
// them, and go on in the next Record.
func appendLines(all []span, b *wal.Block, e *sink.Event) []span {
	k := slices.IndexFunc(b.Records, func(r wal.Record) bool {
		return r.File.ID == e.File.ID && r.Start <= e.Offset && e.Offset < r.End
	})
	at := int(e.Offset - b.Records[k].Start)
	for raw := e.Raw; len(raw) > 0; {
		r := &b.Records[k]
		if at == len(r.Text) {
			k, at = k+1, 0
			continue
		}
		line := r.Text[at:]
		if n := bytes.IndexByte(line, '\n'); n >= 0 {
			line = line[:n+1]
		}
		if bytes.HasPrefix(raw, line) {
			all = append(all, span{r.File.ID, r.Start + wal.Offset(at), r.Start + wal.Offset(at+len(line))})
			raw = raw[len(line):]
		}
		at += len(line)
	}
	return all
}
