package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"logboom/checkpoint"
	"logboom/sink"
	"logboom/wal"
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
	if err := d.commitIfDue(now); err != nil {
		return true, err
	}
	idle = !settled && !resent
	if waits, err := d.makeRoom(now); waits || err != nil || len(d.free) == 0 {
		return idle, err
	}
	b := d.free[len(d.free)-1]
	if err := d.gather(b); err != nil || b.n == 0 {
		return idle, err
	}
	d.launch(b)
	return false, nil
}

// launch sends the last free batch on its way.
func (d *Delivery) launch(b *batch) {
	d.doubt.mark(b)
	d.free = d.free[:len(d.free)-1]
	d.flight = append(d.flight, b)
	d.inFlight.Store(int64(len(d.flight)))
	d.dispatch(b)
}

// dispatch gives b to a worker. There is room for every batch.
func (d *Delivery) dispatch(b *batch) {
	b.recall.forget()
	b.back = false
	d.work <- b
}

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

// empty says that all durable Blocks have been acknowledged. A Block that was damaged counts as read.
func (d *Delivery) empty() bool { return len(d.flight) == 0 && d.read >= d.log.Durable() }

// Acked returns the highest Index whose acknowledgement is durable.
func (d *Delivery) Acked() wal.Index { return wal.Index(d.ackedIndex.Load()) }

func (d *Delivery) say(err error) {
	what := err.Error()
	if old := d.problem.Load(); old == nil || *old != what {
		d.slog.Error("delivery: trying again", "error", err)
	}
	d.problem.Store(&what)
}
