// Package pipeline turns log files into documents, with the WAL in between.
//
//	file --Source.Poll--> Block --Log.Append, Sync--> WAL                               (Intake)
//	WAL --Blocks.Next--> batch --Sink.Send--> settled --Checkpoint.Commit, Release-->   (Delivery)
//
// It promises that a Block is delivered only after its fsync, that Acked moves only behind what is stored, known to be
// stored or written as a dead letter, and that Segments go only behind a committed Acked. The two loops share nothing
// but the WAL: a backend that is down never stops Intake before the disk is full, and a full disk never stops Delivery.
//
// It costs one Block (1.3 MB) for Intake, and for Delivery concurrency+1 Batches of a third of batch_size in text.
package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"logboom/agent/config"
	"logboom/agent/kube"
	"logboom/agent/status"
	"logboom/agent/tail"
	"logboom/checkpoint"
	"logboom/sink"
	"logboom/wal"
)

// Options of Run.
type Options struct {
	Config          *config.Config
	ExitWhenDrained bool // end when all Files are at their end and the WAL is empty
	Overtake        bool // with ExitWhenDrained: a node that prints on is not waited for, see overtaken
	Logger          *slog.Logger
	Version         string

	// Reload, unless it is nil, reads the configuration again: for the credentials in it (see sink.Config.Renew), and when
	// Hangup says so. Applied hears of what was taken over.
	Reload  func() (*config.Config, error)
	Hangup  <-chan os.Signal
	Applied func(*config.Config)
}

// agent is what one Run holds open.
type agent struct {
	o        Options
	c        *config.Config // as of the start
	conf     settings       // as of now
	lock     *checkpoint.Lock
	reserve  *reserve
	store    *checkpoint.Store
	state    checkpoint.State
	mail     checkpoint.LetterState
	setAside bool // there was another checkpoint, which could not be read
	away     bool // no log files are read, see Ship
	log      *wal.Log
	deadLog  *wal.Log
	letters  *deadLetters
	tail     *tail.Tailer
	pods     *kube.Pods // nil: the Kubernetes API is not asked
	shares   *shares
	sink     *sink.Sink
	intake   *Intake
	delivery *Delivery
	history  status.History
	started  time.Time
	ending   atomic.Pointer[wal.Index] // what was durable when the end was asked for
	mark     struct {                  // Intake's, see overtaken
		at      time.Time
		durable wal.Index
		flushed bool
	}
}

// Run is the agent: it takes LOCK, opens what the data directory holds, and runs both loops until ctx is done, or until
// all is delivered with ExitWhenDrained. When ctx is done it gives Delivery the configured grace, and reads on meanwhile;
// with drain_on_stop it uses the grace to read and deliver all there is.
func Run(ctx context.Context, o Options) (err error) {
	a := &agent{o: o, c: o.Config, started: time.Now()}
	a.conf.Store(o.Config)
	defer func() { err = errors.Join(err, a.close()) }()
	if err := a.open(ctx); err != nil {
		return err
	}
	servers, err := a.serve()
	if err != nil {
		return err
	}
	defer servers.close()
	var obeys sync.WaitGroup
	obeying, deaf := context.WithCancel(ctx)
	defer func() { deaf(); obeys.Wait() }()
	obeys.Go(func() { a.obey(obeying) })
	defer a.followPods(ctx)()
	return a.turn(ctx)
}

// unwatched is how long Delivery may send what was read last when nobody looks at the log files any more.
const unwatched = 500 * time.Millisecond

// turn runs the two loops. Asked to end it goes on reading for as long as Delivery needs, up to the grace: the node's
// containers go on, too, and nobody else would look while the kubelet rotates their logs away.
func (a *agent) turn(ctx context.Context) error {
	asked := context.WithoutCancel(ctx)
	sending, stopSending := context.WithCancel(asked)
	defer stopSending()
	reading, stopReading := context.WithCancel(asked)
	defer stopReading()
	defer context.AfterFunc(ctx, func() {
		grace := a.conf.Load().Delivery.Grace
		a.o.Logger.Info("stopping", "grace", grace)
		durable := a.log.Durable()
		a.ending.Store(&durable)
		time.AfterFunc(grace, func() { stopReading(); stopSending() })
	})()
	drain := make(chan struct{})
	var g errgroup.Group
	g.Go(func() error {
		defer close(drain)
		err := a.intake.Run(reading, a.drained)
		switch {
		case err != nil:
			stopSending()
		case a.ending.Load() != nil && !a.c.Delivery.DrainOnStop:
			time.AfterFunc(unwatched, stopSending)
		}
		return err
	})
	g.Go(func() error {
		defer stopReading()
		return a.delivery.Run(sending, a.c.Sink.Elasticsearch.Concurrency, drain)
	})
	err := g.Wait()
	a.tail.Taken(a.log.Durable())
	err = errors.Join(err, a.leave())
	a.o.Logger.Info("stopped", "read", a.tail.Report().ReadBytes, "acked_index", a.delivery.Acked(), "durable_index", a.log.Durable())
	return err
}
