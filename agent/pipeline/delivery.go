package pipeline

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"logboom/checkpoint"
	"logboom/sink"
	"logboom/wal"
)

// Acknowledgements are committed together: until this much time or text has gone by since the commit before.
const (
	commitEvery = time.Second
	commitText  = 64 << 20 // bytes
)

// Blocks is the WAL as Delivery drains it.
type Blocks interface {
	Next(after wal.Index, b *wal.Block) error
	Release(acked wal.Index) error
	Durable() wal.Index
	Oldest(acked wal.Index) wal.Index
	Grown() <-chan struct{}
}

// Sink stores Events. Send comes back when every one of them has its home, or ctx is done.
type Sink interface {
	Send(ctx context.Context, events sink.Events) (sink.Result, error)
}

// Checkpoint remembers what is delivered.
type Checkpoint interface {
	Commit(checkpoint.Change) error
}

// DeadLetters keeps, durably, what the backend will never take.
type DeadLetters interface {
	Put(b *batch, refused []sink.Refusal) error
}

// Delivery drains the WAL into the sink, in order, with several Batches in flight. Its state is one goroutine's; a
// worker has a batch only between work and done. The counters may be read by others.
type Delivery struct {
	log     Blocks
	sink    Sink
	store   Checkpoint
	dead    DeadLetters
	letters *deadLetters // the same, as far as it changes the checkpoint; nil: not at all
	post    *post        // sends dead letters again; nil: nobody does
	reserve *reserve
	doubt   doubt
	drops   drops
	shares  *shares
	room    *room // what Intake asks for; nil: it never does
	slog    *slog.Logger
	conf    taken

	batchText int // bytes of text that make a Batch
	read      wal.Index
	damage    []*wal.DamageError // what was read over and is not acknowledged, in order
	gaps      gaps               // what no damage has a name for
	flight    []*batch           // dispatched, in order
	free      []*batch
	work      chan *batch
	done      chan *batch

	acked     wal.Index // every Event up to it has its home; not yet committed
	files     map[wal.FileID]checkpoint.FileState
	refused   []checkpoint.DeadLetters
	uncounted int // bytes of text acked since the last commit
	committed time.Time

	problem       atomic.Pointer[string]
	ackedIndex    atomic.Uint64 // committed
	stored        atomic.Int64
	duplicates    atomic.Int64
	deadLetters   atomic.Int64
	plain         atomic.Int64 // of stored
	failureStore  atomic.Int64 // of stored
	ackedBytes    atomic.Int64
	retries, sent atomic.Int64
	inFlight      atomic.Int64
	lastAck       atomic.Int64 // Unix nanoseconds
	lastStep      atomic.Int64
}

// begin makes d go on behind acked.
func (d *Delivery) begin(acked wal.Index, workers int) *Delivery {
	d.read, d.acked, d.files = acked, acked, map[wal.FileID]checkpoint.FileState{}
	d.gaps.ends = map[wal.FileID]fileEnd{}
	d.ackedIndex.Store(uint64(acked))
	batches := workers + 1 // one is filled while the others are sent
	d.work, d.done = make(chan *batch, batches), make(chan *batch, batches)
	for range batches {
		d.free = append(d.free, &batch{})
	}
	return d
}

// Step does one bounded thing: settles what came back, commits, and dispatches one Batch. It says whether there was
// nothing to do.
func (d *Delivery) Step(now time.Time) (idle bool, err error) {
	d.lastStep.Store(now.UnixNano())
	d.conf.look()
	d.reserve.tend(now)
	settled := d.settle()
	resent, err := d.resend(now)
	if err != nil {
		d.say(err) // dead letters that can't be read hold nothing else up
	}
	settled = settled || resent
	if err := d.commitIfDue(now); err != nil {
		return true, err
	}
	if waits, err := d.makeRoom(now); waits || err != nil || len(d.free) == 0 {
		return !settled, err
	}
	b := d.free[len(d.free)-1]
	if err := d.gather(b); err != nil || b.n == 0 {
		return !settled, err
	}
	d.doubt.mark(b)
	d.free = d.free[:len(d.free)-1]
	d.flight = append(d.flight, b)
	d.inFlight.Store(int64(len(d.flight)))
	d.dispatch(b)
	return false, nil
}

// dispatch gives b to a worker. There is room for every batch.
func (d *Delivery) dispatch(b *batch) {
	b.recall.forget()
	b.back = false
	d.work <- b
}

// maxDamage bounds what waits for the acknowledgement that passes it.
const maxDamage = 1000

// gather fills b with the next Blocks.
func (d *Delivery) gather(b *batch) error {
	for b.text < d.batchText && b.n < maxBlocks && len(d.damage) < maxDamage {
		err := d.log.Next(d.read, b.slot())
		var damage *wal.DamageError
		switch {
		case errors.Is(err, wal.ErrNone) || err != nil && b.n > 0:
			return nil // what is gathered goes first: Acked counts on nothing being left behind
		case errors.As(err, &damage):
			d.meet(damage)
			continue
		case err != nil:
			return fmt.Errorf("read the WAL behind block %d: %w", d.read, err)
		}
		d.read = b.slot().Index
		b.add()
	}
	return nil
}

// meet reads over what can't be read.
func (d *Delivery) meet(damage *wal.DamageError) {
	d.slog.Error("a block of the WAL can't be read; its ranges will be in the ledger", "index", damage.Index, "error", damage, "kept", where(damage))
	d.damage = append(d.damage, damage)
	d.gaps.met(d.read, damage)
	d.read = damage.Index
}

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

// Acked returns the highest Index whose acknowledgement is durable.
func (d *Delivery) Acked() wal.Index { return wal.Index(d.ackedIndex.Load()) }

func (d *Delivery) say(err error) {
	what := err.Error()
	if old := d.problem.Load(); old == nil || *old != what {
		d.slog.Error("delivery: trying again", "error", err)
	}
	d.problem.Store(&what)
}

// Run steps until ctx is done, or until stop is closed and the WAL is empty. Then it commits what is acknowledged.
func (d *Delivery) Run(ctx context.Context, workers int, stop <-chan struct{}) error {
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() { d.send(ctx) })
	}
	defer wg.Wait()
	defer close(d.work)
	defer d.post.start(ctx, &wg)()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		idle, err := d.Step(time.Now())
		if errors.Is(err, checkpoint.ErrCorrupt) {
			return err // the next start sets it aside and makes a new one
		}
		if err != nil {
			d.say(err)
		}
		if !idle && err == nil {
			continue
		}
		if stop == nil && d.empty() {
			break
		}
		timer.Reset(commitEvery / 4)
		select {
		case <-ctx.Done():
		case <-stop:
			stop = nil
		case b := <-d.done:
			d.done <- b // settle takes it: there is room for every batch
		case <-d.log.Grown():
		case <-d.post.wakes():
		case <-timer.C:
		}
	}
	d.settle()
	if d.acked != d.Acked() || d.letters.changed() {
		return d.commit(time.Now())
	}
	return nil
}

// empty says that all durable Blocks have been acknowledged. A Block that was damaged counts as read.
func (d *Delivery) empty() bool { return len(d.flight) == 0 && d.read >= d.log.Durable() }

// send is a worker: it renders and sends one Batch after another.
func (d *Delivery) send(ctx context.Context) {
	for b := range d.work {
		sending, end := b.recall.begin(ctx)
		if b.result, b.err = d.sink.Send(sending, b); b.err != nil && sending.Err() == nil {
			panic("BUG: the sink gave up: " + b.err.Error())
		}
		end()
		d.done <- b
	}
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
