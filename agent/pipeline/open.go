package pipeline

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"logboom/agent/config"
	"logboom/agent/tail"
	"logboom/checkpoint"
	"logboom/sink"
	"logboom/wal"
)

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

func (a *agent) tailOptions(recovery *wal.Recovery) tail.Options {
	o := tail.Options{Node: a.c.NodeName, PinDir: filepath.Join(a.c.DataDir, "pins"), Known: known(a.state, recovery),
		SameBoot: a.state.BootID != "" && a.state.BootID == a.store.BootID(), First: a.state.BootID == "" && recovery.Last == 0 && !a.setAside,
		Ledger: a.store, Acked: func() wal.Index { return a.delivery.Acked() }, Waits: a.shares.waits, Log: a.o.Logger}
	o.Inputs = inputs(a.c)
	o.Ending = func() bool { return a.ending.Load() != nil }
	a.askForPods(&o)
	return o
}

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
