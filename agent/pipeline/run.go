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
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
	a.o.Logger.Info("stopped", "read", a.tail.Report().ReadBytes, "acked_index", a.delivery.Acked(), "durable_index", a.log.Durable())
	return err
}

// drained is asked whenever Intake has nothing to do, and says whether it may end. Asked to end, that is when Delivery has
// what was durable then, and another scan has found nothing that still waits to be read. To leave nothing behind, a scan
// that was made while the WAL was empty must have found all Files at their end, and what stood unfinished there must be
// delivered too.
func (a *agent) drained() bool {
	if a.delivery.doubt.rereading() && a.tail.Report().Scans > 0 && a.tail.AtEnd() {
		a.delivery.doubt.caughtUp(a.log.Durable())
	}
	durable := a.ending.Load()
	switch {
	case durable != nil && !a.c.Delivery.DrainOnStop:
		return a.delivery.Acked() >= *durable && a.tail.LookedAgain()
	case durable == nil && !a.o.ExitWhenDrained:
		return false
	case durable == nil && a.o.Overtake:
		return a.tail.AtEnd() && a.tail.Report().Scans > 0 && a.overtaken(time.Now())
	}
	return a.tail.AtEnd() && a.delivery.Acked() >= a.log.Durable() && a.tail.Finished()
}

// behind is how far Delivery may be behind when Intake ends for good.
const behind = 10 * time.Second

// overtaken is asked when all Files are at their end. Where containers print on, no scan would ever find the WAL empty: it
// is enough that Delivery had within moments what was durable when another scan found them so, and that one more, after a
// Flush, did. When Intake has ended, Delivery sends the rest. Before that nothing ends: the kubelet rotates logs away.
func (a *agent) overtaken(now time.Time) bool {
	m := &a.mark
	switch {
	case m.flushed:
		return a.tail.LookedAgain()
	case !m.at.IsZero() && a.delivery.Acked() < m.durable:
	case m.at.IsZero() || now.Sub(m.at) > behind:
		m.at, m.durable = now, a.log.Durable()
	default:
		m.flushed = true
		a.tail.Flush()
	}
	return false
}

// open opens everything, in the order in which it depends on each other.
func (a *agent) open(ctx context.Context) error {
	recovery, err := a.openBuffer(ctx)
	if err != nil {
		return err
	}
	a.shares = newShares(podShare(a.c))
	a.shares.begin(recovery, a.state)
	sp := &space{dir: a.c.DataDir, minFree: a.c.WAL.MinFree, maxSize: int64(a.c.WAL.MaxSize), log: a.log, shares: a.shares, reserve: a.reserve}
	o := a.tailOptions(recovery)
	o.MaxPins, o.Shortage = int64(a.c.Pins.MaxSize), sp.shortage
	a.tail = tail.New(o)
	a.intake = &Intake{source: a.tail, log: a.log, space: sp.check, shares: a.shares, slog: a.o.Logger}
	a.delivery.shares, a.delivery.room, a.delivery.drops.on = a.shares, &a.intake.room, a.c.WAL.OnFull == config.DropOldest
	a.followIn(sp)
	a.followOut()
	return nil
}

// openBuffer opens what Delivery needs: everything but the log files.
func (a *agent) openBuffer(ctx context.Context) (recovery *wal.Recovery, err error) {
	c := a.c
	if a.lock, err = checkpoint.TakeLock(ctx, c.DataDir, c.LockWait); err != nil {
		return nil, err
	}
	if err := checkFormat(c.DataDir); err != nil {
		return nil, err
	}
	a.reserve = &reserve{path: filepath.Join(c.DataDir, "RESERVE"), slog: a.o.Logger}
	path := filepath.Join(c.DataDir, "checkpoint.db")
	if err := a.reserve.spend(func() error { return a.openCheckpoint(path) }); err != nil {
		return nil, err
	}
	if err := a.reserve.spend(func() (err error) { recovery, err = a.openLogs(); return err }); err != nil {
		return nil, err
	}
	if a.sink, err = sink.New(a.sinkConfig()); err != nil {
		return nil, err
	}
	es := c.Sink.Elasticsearch
	d := &Delivery{log: a.log, sink: a.sink, store: a.store, dead: a.letters, letters: a.letters, reserve: a.reserve, slog: a.o.Logger,
		batchText: int(es.BatchSize) / bodyPerText}
	d.post = newPost(a.letters, a.sink, d.batchText, a.reserve, a.o.Logger)
	a.delivery = d.begin(a.state.Acked, es.Concurrency)
	lost := a.setAside || a.state.BootID == "" && recovery.Last > 0
	d.doubt.begin(recovery.Last, lost)
	return recovery, a.reserve.spend(func() error { return d.gaps.begin(a.store, a.state, recovery, lost) })
}

// sinkConfig is SinkConfig, with credentials that are read again.
func (a *agent) sinkConfig() sink.Config {
	conf := SinkConfig(a.c, a.o.Logger)
	if a.o.Reload != nil {
		conf.Renew = func() (sink.Config, error) {
			now, err := a.o.Reload()
			if err != nil {
				return sink.Config{}, err
			}
			if !slices.Equal(now.Sink.Elasticsearch.URLs, a.c.Sink.Elasticsearch.URLs) { // these servers must not see them
				return sink.Config{}, errors.New("sink.elasticsearch.urls has other servers now: they are taken at the next start")
			}
			return SinkConfig(now, a.o.Logger), nil
		}
	}
	return conf
}

// bodyPerText is how many bytes of bulk body become of a byte of a Record, roughly: a line of 190 bytes makes a document
// of 570.
const bodyPerText = 3

// openCheckpoint opens the checkpoint. One that can't be read is set aside: the WAL, the pins and the files themselves
// give the same ids again, so a new one costs time and no line.
func (a *agent) openCheckpoint(path string) (err error) {
	open := checkpoint.Open
	if a.away {
		open = checkpoint.OpenAway
	}
	if a.store, err = open(path); err == nil {
		err = a.readCheckpoint()
	}
	if errors.Is(err, checkpoint.ErrCorrupt) {
		if a.store != nil {
			a.store.Close()
		}
		aside, asideErr := checkpoint.SetAside(path)
		if asideErr != nil {
			return errors.Join(err, asideErr)
		}
		a.o.Logger.Error("the checkpoint can't be read: beginning a new one; everything that is still there is read and sent again, "+
			"the backend keeps one copy", "error", err, "kept", aside)
		a.setAside = true
		if a.store, err = open(path); err == nil {
			err = a.readCheckpoint()
		}
	}
	return err
}

func (a *agent) readCheckpoint() (err error) {
	if a.state, err = a.store.State(); err == nil {
		a.mail, err = a.store.Letters()
	}
	return err
}

// patience is how long a disk that gives a part of the WAL not out is asked again: a path to a storage or a device that is
// being reset comes back, and what is called lost does not.
const patience = time.Minute

func (a *agent) openLogs() (*wal.Recovery, error) {
	dir := a.c.DataDir
	log, recovery, err := wal.Open(wal.Options{Dir: filepath.Join(dir, "wal"), Aside: filepath.Join(DamagedDir(dir), "wal"), Patience: patience,
		SegmentSize: int64(a.c.WAL.SegmentSize),
		MaxSize:     int64(a.c.WAL.MaxSize), Floor: max(a.state.Acked, a.state.Durable), Acked: a.state.Acked})
	if err != nil {
		return nil, err
	}
	a.log = log
	if len(recovery.Damaged) > 0 {
		// Delivery meets them in their turn, and lists them in the ledger then.
		a.o.Logger.Error("blocks of the WAL can't be read", "blocks", len(recovery.Damaged))
	}
	a.stays(a.log.Release(a.state.Acked))
	return recovery, a.openLetters()
}

// stays tells of a Segment that the disk does not let go. It keeps nobody from starting: acknowledgements try it again.
func (a *agent) stays(err error) {
	if err != nil {
		a.o.Logger.Error("segments that nobody needs can't be removed", "error", err)
	}
}

// letterSegment is small, so that the oldest dead letters go in small numbers when their store is full.
const letterSegment = 1 << 20 // bytes

func (a *agent) openLetters() (err error) {
	dir := a.c.DataDir
	a.deadLog, _, err = wal.Open(wal.Options{Dir: LetterDir(dir), Aside: filepath.Join(DamagedDir(dir), "deadletter"), Patience: patience,
		SegmentSize: letterSegment, Acked: a.mail.Gone, Floor: a.mail.Counted})
	if err != nil {
		return err
	}
	a.letters = &deadLetters{log: a.deadLog, maxSize: int64(a.c.Dead.MaxSize)}
	a.stays(a.letters.open(a.mail))
	return nil
}

// LetterDir is where a data directory has its dead letters.
func LetterDir(dataDir string) string { return filepath.Join(dataDir, "deadletter") }

// known is how far each File was read: as the checkpoint says, or as the WAL says where that is newer.
func known(state checkpoint.State, recovery *wal.Recovery) []tail.Known {
	all := map[wal.FileID]tail.Known{}
	for id, f := range state.Files {
		all[id] = tail.Known{FileState: f, Index: state.Acked}
	}
	for id, e := range recovery.Files {
		if e.Index > state.Acked {
			all[id] = tail.Known{FileState: checkpoint.FileState{File: e.File, Offset: e.End, Prefix: e.Prefix, Tail: e.Tail}, Index: e.Index}
		}
	}
	return slices.SortedFunc(maps.Values(all), func(x, y tail.Known) int {
		return cmp.Or(cmp.Compare(x.File.Ordinal, y.File.Ordinal), slices.Compare(x.File.ID[:], y.File.ID[:]))
	})
}

func (a *agent) tailOptions(recovery *wal.Recovery) tail.Options {
	o := tail.Options{Node: a.c.NodeName, PinDir: filepath.Join(a.c.DataDir, "pins"), Known: known(a.state, recovery),
		SameBoot: a.state.BootID != "" && a.state.BootID == a.store.BootID(), First: a.state.BootID == "" && recovery.Last == 0 && !a.setAside,
		Ledger: a.store, Acked: func() wal.Index { return a.delivery.Acked() }, Waits: a.shares.waits, Log: a.o.Logger}
	o.Inputs = inputs(a.c)
	a.askForPods(&o)
	return o
}

// holdFor is how long a Route that takes nothing may hold up the others.
const holdFor = time.Minute

// SinkConfig is what the sink needs of c.
func SinkConfig(c *config.Config, l *slog.Logger) sink.Config {
	es := c.Sink.Elasticsearch
	headers := map[string]string{}
	for name, value := range es.Headers {
		headers[name] = value.Reveal()
	}
	return sink.Config{
		URLs: es.URLs, Compression: es.CompressionLevel, Username: es.Username, Password: es.Password.Reveal(),
		APIKey: es.APIKey.Reveal(), Bearer: es.Bearer.Reveal(), Headers: headers,
		CAFile: es.TLS.CAFile, CertFile: es.TLS.CertFile, KeyFile: es.TLS.KeyFile, InsecureSkipVerify: es.TLS.InsecureSkipVerify,
		Proxy:   es.Proxy.Reveal(),
		Timeout: es.Timeout, MinBackoff: es.MinBackoff, MaxBackoff: es.MaxBackoff,
		Concurrency: es.Concurrency, BytesPerSecond: int64(es.BytesPerSecond), BodySize: int64(es.BatchSize) * 5 / 4, // a quarter more: rather that than a request for a small rest
		HoldFor: holdFor, Logger: l, Fields: FieldsOf(c),
	}
}

// FieldsOf is how c wants documents to be made.
func FieldsOf(c *config.Config) sink.Fields {
	f := sink.Fields{Add: c.Fields.Add, Drop: c.Fields.Drop, BackendIDs: !c.Sink.Elasticsearch.OwnIDs}
	for _, r := range c.Redact {
		f.Redact = append(f.Redact, sink.Redaction{Pattern: r.Pattern.Regexp, Replace: []byte(r.Replace)})
	}
	return f
}

// format is the version of the layout of the data directory.
const format = "1\n"

// checkFormat refuses a data directory of a layout that this release does not know, and signs a new one. A power cut may
// have left the signature without its bytes; there was no other release before this one.
func checkFormat(dir string) error {
	path := filepath.Join(dir, "FORMAT")
	text, err := os.ReadFile(path)
	switch {
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("read layout of data directory: %w", err)
	case len(bytes.Trim(text, "\x00")) == 0:
		return sign(path)
	case string(text) != format:
		return fmt.Errorf("%s says layout %q; this release knows %q: use the release that wrote it", path,
			strings.TrimSpace(string(text)), strings.TrimSpace(format))
	}
	return nil
}

// sign writes the version of the layout so that it is there whole or not at all.
func sign(path string) error {
	f, err := os.Create(path + ".new")
	if err != nil {
		return fmt.Errorf("sign data directory: %w", err)
	}
	_, err = f.WriteString(format)
	if err := errors.Join(err, f.Chmod(0o600), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("sign data directory: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("sign data directory: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func (a *agent) close() error {
	var errs []error
	if a.tail != nil {
		a.tail.Close()
	}
	for _, l := range []*wal.Log{a.log, a.deadLog} {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	if a.store != nil {
		errs = append(errs, a.store.Close())
	}
	if a.lock != nil {
		errs = append(errs, a.lock.Release())
	}
	return errors.Join(errs...)
}
