// Package stream prints log files to a writer: the sidecar of an application that logs into files, so that the node's
// agent finds its lines among the container's.
//
// It promises that every Line of a file that is on the disk when stream looks is printed once and whole, in the order of
// its file, across rotation, recreation and truncation; and that bytes which were gone before they were read are told
// about. It keeps nothing on the disk, so a restart begins anew.
//
// How: package tail follows the files as it does for the agent, and what would go to the WAL is printed. A reader that
// does not read stops the printing, not the looking: files that are rotated away meanwhile stay open until they are read.
//
// It costs one Block of text (1.3 MB), and a descriptor for each file that is not read to its end.
package stream

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"logboom/agent/tail"
	"logboom/checkpoint"
	"logboom/wal"
)

// Options of Run.
type Options struct {
	Paths   []string // absolute; patterns as for a files input
	FromNow bool     // pass over what is there at the start
	Out     io.Writer
	Grace   time.Duration // how long the end may take once ctx is done
	Log     *slog.Logger
}

// errGrace says that files were not printed to their ends when the time for that was over.
var errGrace = errors.New("not all was printed in the time that the end may take")

// quiet is how long nothing may come after ctx is done: the application may be ending too, and its last lines count.
const quiet = time.Second

// lookEvery is how often files are looked at while the reader does not read.
const lookEvery = time.Second

// Run prints what the files have, and goes on as they grow, until ctx is done. Then it ends when the files are printed
// to their ends and stay quiet, or half of the grace is over. An error of Out ends it at once. A write to Out that the end
// of the grace interrupts is left to itself: nothing else can be done with it but to end the process.
func Run(ctx context.Context, o Options) error {
	s := &stream{o: o, writes: make(chan *wal.Block), written: make(chan error, 1)}
	s.tail = tail.New(tail.Options{Inputs: []tail.Input{{Paths: o.Paths, Format: wal.Plain, FromNow: o.FromNow,
		AllowedRoots: []string{"/"}}}, First: true,
		Ledger: noLedger{}, Acked: func() wal.Index { return s.index }, Log: o.Log})
	defer s.tail.Close()
	p := newPrinter(o.Out)
	go p.run(s.writes, s.written)
	defer close(s.writes)
	for {
		done, next, err := s.step(ctx, time.Now())
		if done || err != nil {
			return err
		}
		s.wait(ctx, next)
	}
}

// noLedger forgets what the Tailer has told already.
type noLedger struct{}

func (noLedger) Commit(checkpoint.Change) error { return nil }

// stream is a Run. It belongs to one goroutine; the printer has the Block while it is printed.
type stream struct {
	o     Options
	tail  *tail.Tailer
	block wal.Block
	index wal.Index // of the last Block that was printed

	writes  chan *wal.Block
	written chan error

	printed time.Time // when the last Block was
	ending  bool
	flushed bool      // what stands unfinished at the ends of files is asked for
	soft    time.Time // of the end: from then on nothing new is waited for
	hard    time.Time // of the end: from then on nothing is
}

// step prints one Block, if there is one. It says whether that was all, or when to look again; the zero time is at once.
func (s *stream) step(ctx context.Context, now time.Time) (done bool, next time.Time, err error) {
	if ctx.Err() != nil {
		s.end(now)
	}
	s.block.Reset()
	next = s.tail.Poll(now, &s.block)
	if len(s.block.Records) > 0 {
		return false, time.Time{}, s.print(ctx)
	}
	switch {
	case next.IsZero() || !s.ending:
	case s.flushed:
		done = s.tail.AtEnd()
	case now.Sub(s.printed) >= quiet || !now.Before(s.soft):
		s.tail.Flush()
		s.flushed, next = true, time.Time{}
	}
	if s.ending && !done && now.After(s.hard) {
		err = errGrace
	}
	return done, next, err
}

// end begins the end, if it has not begun.
func (s *stream) end(now time.Time) {
	if !s.ending {
		s.ending, s.printed, s.soft, s.hard = true, now, now.Add(s.o.Grace/2), now.Add(s.o.Grace)
	}
}

// print waits until the Block is printed. Meanwhile it looks at the files, so that those that are rotated away are kept.
func (s *stream) print(ctx context.Context) error {
	s.writes <- &s.block
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case err := <-s.written:
			if err != nil {
				return err
			}
			s.index++
			s.tail.Appended(s.index)
			s.tail.Taken(s.index)
			s.printed = time.Now()
			return nil
		case <-look.C:
		}
		now := time.Now()
		if ctx.Err() != nil {
			s.end(now)
		}
		if s.ending && now.After(s.hard) {
			return errGrace
		}
		s.tail.Look(now)
	}
}

// wait returns at next, or when the end is asked for.
func (s *stream) wait(ctx context.Context, next time.Time) {
	if next.IsZero() {
		return
	}
	timer := time.NewTimer(time.Until(next))
	defer timer.Stop()
	asked := ctx.Done()
	if s.ending {
		asked = nil // and answered
	}
	select {
	case <-asked:
	case <-timer.C:
	}
}
