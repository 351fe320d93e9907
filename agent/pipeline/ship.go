package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"logboom/agent/config"
	"logboom/checkpoint"
	"logboom/sink"
	"logboom/wal"
)

// ShipOptions say what is shipped, and where to.
type ShipOptions struct {
	Config   *config.Config // its DataDir is shipped with its sink
	Copy     *wal.View      // what is known of a WAL that is only read; nil: the original, which is emptied
	Logger   *slog.Logger
	Reload   func() (*config.Config, error) // as in Options
	Progress func(Shipped)                  // is called each second
}

// Shipped says how far a Ship has come. Counts are since its start.
type Shipped struct {
	Acked, Durable wal.Index // up to and of which Block
	Stored         int64     // Events
	Duplicates     int64     // Events that were stored before
	DeadLetters    int64     // Events that were refused for good; of a copy, nobody keeps them but the original
	Losses         int64     // ranges that can't be read
	Trouble        string    // why nothing moves; "" while it does
}

// Done says whether everything has its home.
func (s *Shipped) Done() bool { return s.Acked >= s.Durable }

// Ship drains the WAL of an agent that is gone: the same Delivery with the same ids, since all it needs stands in the
// Segments. It comes back when everything is delivered or ctx is done; what is not delivered then stays where it is.
//
// The original is treated as its agent would: LOCK is taken, acknowledgements are committed before Segments are removed, what
// the backend refuses becomes a dead letter, what can't be read goes into the ledger. Of a copy nothing is changed.
func Ship(ctx context.Context, o ShipOptions) (now Shipped, err error) {
	a := &agent{o: Options{Config: o.Config, Logger: o.Logger, Reload: o.Reload}, c: o.Config, away: true}
	defer func() { err = errors.Join(err, a.close()) }()
	counted := &lossCounter{}
	if o.Copy != nil {
		r, err := a.openCopy(*o.Copy)
		if err != nil {
			return now, err
		}
		defer r.Close()
	} else {
		if _, err := a.openBuffer(ctx); err != nil {
			return now, err
		}
		counted.Checkpoint = a.store
	}
	d := a.delivery
	d.store = counted
	say := func() Shipped { return a.shipped(counted) }
	done := make(chan struct{})
	told := make(chan struct{})
	go func() {
		defer close(told)
		every(time.Second, done, func() { o.Progress(say()) })
	}()
	err = d.Run(ctx, a.c.Sink.Elasticsearch.Concurrency, nil)
	close(done)
	<-told
	return say(), err
}

// every calls fn each interval until done is closed.
func every(interval time.Duration, done <-chan struct{}, fn func()) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			fn()
		}
	}
}

func (a *agent) shipped(c *lossCounter) Shipped {
	d, health := a.delivery, a.sink.Health()
	s := Shipped{Acked: d.Acked(), Durable: d.log.Durable(), Stored: d.stored.Load(), Duplicates: d.duplicates.Load(),
		DeadLetters: d.deadLetters.Load(), Losses: c.losses.Load()}
	if problem := d.problem.Load(); problem != nil {
		s.Trouble = *problem
	} else if health.Retrying > 0 {
		s.Trouble = health.LastError
	}
	return s
}

// lossCounter counts what a Commit lists as lost. Without a Checkpoint behind it nothing is committed.
type lossCounter struct {
	Checkpoint
	losses atomic.Int64
}

// Commit counts a Change once: Delivery repeats one that failed.
func (c *lossCounter) Commit(change checkpoint.Change) error {
	if c.Checkpoint != nil {
		if err := c.Checkpoint.Commit(change); err != nil {
			return err
		}
	}
	c.losses.Add(int64(len(change.Losses)))
	return nil
}

// openCopy opens what Delivery needs to read a WAL, and nothing that it could write to.
func (a *agent) openCopy(v wal.View) (*wal.Reader, error) {
	var err error
	if a.sink, err = sink.New(a.sinkConfig()); err != nil {
		return nil, err
	}
	r, err := wal.OpenReadOnly(v)
	if err != nil {
		return nil, err
	}
	last := r.Recovery().Last
	es := a.c.Sink.Elasticsearch
	log := &readOnly{Reader: r}
	log.last.Store(uint64(last))
	d := &Delivery{log: log, sink: a.sink, dead: nowhere{}, slog: a.o.Logger, batchText: int(es.BatchSize) / bodyPerText}
	a.delivery = d.begin(v.Acked, es.Concurrency)
	d.doubt.begin(last, v.Acked == 0 && last > 0) // the checkpoint may be lost
	return r, nil
}

// readOnly gives out the Blocks that a WAL had when it was opened, but for those that its agent has delivered and removed
// since.
type readOnly struct {
	*wal.Reader
	last atomic.Uint64
}

func (r *readOnly) Next(after wal.Index, b *wal.Block) error {
	err := r.Reader.Next(after, b)
	if errors.Is(err, wal.ErrNone) {
		r.last.Store(uint64(after)) // the rest is gone
	}
	return err
}

func (r *readOnly) Durable() wal.Index         { return wal.Index(r.last.Load()) }
func (r *readOnly) Oldest(wal.Index) wal.Index { return 0 }
func (r *readOnly) Release(wal.Index) error    { return nil }
func (r *readOnly) Grown() <-chan struct{}     { return nil }

// nowhere keeps no dead letters: the original still has them.
type nowhere struct{}

func (nowhere) Put(*batch, []sink.Refusal) error { return nil }
