package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"logboom/wal"
)

// Group commit: an fsync waits for more Blocks until this much text or time has gone by since the one before.
const (
	syncText  = 4 << 20 // bytes
	syncEvery = 100 * time.Millisecond

	retryEvery = time.Second // after a failed write
)

// Source gives Intake the bytes to secure.
type Source interface {
	Poll(now time.Time, b *wal.Block) (next time.Time) // appends Records to b
	Look(now time.Time)                                // keeps up with what happens to files while nothing can be read
	Appended(wal.Index)                                // the Records since the last Poll are in this Block
	Taken(durable wal.Index)                           // the Records up to this Block are durable
	Rewind()                                           // all others are void: they will be asked for again
}

// Log is the WAL as Intake writes it.
type Log interface {
	Append(*wal.Block) error
	Sync() error
	Durable() wal.Index
}

// Intake secures bytes: Source to WAL. It is one goroutine's, but for Blocked.
type Intake struct {
	source Source
	log    Log
	space  func() error // why nothing may be written now, or nil
	shares *shares
	slog   *slog.Logger
	conf   taken

	block    wal.Block
	pending  bool // block waits for room in the WAL
	unsynced int  // bytes of text appended since the last fsync
	since    time.Time

	room     room
	lastStep atomic.Int64
	blocked  atomic.Pointer[standstill]
}

// Run steps until ctx is done, then makes durable what was read. idle is called whenever all that can be read is
// durable; when it returns true, Run ends.
func (in *Intake) Run(ctx context.Context, idle func() (done bool)) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		next := in.Step(time.Now())
		if next.IsZero() {
			continue
		}
		if in.unsynced == 0 && !in.pending && in.Blocked() == "" && idle() {
			return nil
		}
		timer.Reset(time.Until(next))
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
	}
	if err := in.sync(); err != nil {
		return fmt.Errorf("flush to the WAL: %w", err)
	}
	return nil
}

// Step does one bounded thing: gathers and appends one Block, and makes durable what was appended when it is time. It
// returns when the next Step is due; the zero time means at once.
func (in *Intake) Step(now time.Time) (next time.Time) {
	in.lastStep.Store(now.UnixNano())
	in.conf.look()
	freed := in.room.freed.Load()
	if why := in.space(); why != nil {
		return in.wait(now, why, freed)
	}
	if !in.pending {
		in.block.Reset()
		next = in.source.Poll(now, &in.block)
		in.block.Time = now
		in.pending = len(in.block.Records) > 0
		in.shares.gathered(&in.block)
	}
	if in.pending {
		switch err := appendAll(in.log, &in.block); {
		case errors.Is(err, wal.ErrFull):
			return in.wait(now, err, freed)
		case err != nil:
			return in.giveUp(now, err)
		}
		in.appended(now)
	}
	if in.unsynced > 0 && (!next.IsZero() || in.unsynced >= syncText || now.Sub(in.since) >= syncEvery) {
		if err := in.sync(); err != nil {
			return in.giveUp(now, err)
		}
	}
	in.blocked.Store(nil)
	in.room.enough()
	return next
}

func (in *Intake) appended(now time.Time) {
	in.pending = false
	in.source.Appended(in.block.Index)
	if in.unsynced == 0 {
		in.since = now
	}
	in.unsynced += len(in.block.Text)
}

// sync makes durable what was appended, and only then lets the source count it as read.
func (in *Intake) sync() error {
	if in.unsynced == 0 {
		return nil
	}
	if err := in.log.Sync(); err != nil {
		return err
	}
	in.source.Taken(in.log.Durable())
	in.unsynced = 0
	return nil
}

// giveUp reads again what a failed write or fsync leaves in doubt. The WAL has given its Segment up; what it had made
// durable before is not in doubt, and Delivery may have it already.
func (in *Intake) giveUp(now time.Time, err error) time.Time {
	in.source.Taken(in.log.Durable())
	in.source.Rewind()
	in.pending, in.unsynced = false, 0
	if errors.Is(err, unix.ENOSPC) {
		in.room.want(in.room.freed.Load(), "the disk is full")
	}
	in.blocked.Store(&standstill{reason(err), "the WAL can't be written: " + err.Error()})
	in.slog.Error("write the WAL: going back to the last durable byte", "error", err)
	return now.Add(retryEvery)
}

// wait tells why reading stands still. Meanwhile what was appended becomes durable, so that Delivery can make room, and
// what the kubelet rotates away is pinned.
func (in *Intake) wait(now time.Time, why error, freed uint64) time.Time {
	if in.blocked.Load() == nil {
		in.slog.Warn("reading stands still; the log files wait", "why", why)
	}
	in.blocked.Store(&standstill{reason(why), why.Error()})
	in.source.Look(now) // first: a disk that fails must not keep it from happening
	if err := in.sync(); err != nil {
		return in.giveUp(now, err)
	}
	in.room.want(freed, why.Error())
	return now.Add(syncEvery)
}

// standstill is why reading stands still: one of status.BlockReasons, and a sentence.
type standstill struct{ reason, why string }

// standing says why reading stands still; it is empty if it does not.
func (in *Intake) standing() standstill {
	if s := in.blocked.Load(); s != nil {
		return *s
	}
	return standstill{}
}

// Blocked says why reading stands still, "" if it does not.
func (in *Intake) Blocked() string { return in.standing().why }
