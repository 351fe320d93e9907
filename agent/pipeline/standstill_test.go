package pipeline

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"logboom/agent/status"
	"logboom/wal"
)

// watchful is a Source with a line for every Poll, which counts how often it was let look at the folders.
type watchful struct {
	f     *wal.File
	looks int
}

func (s *watchful) Poll(now time.Time, b *wal.Block) time.Time {
	fill(b, 1, s.f, "line\n")
	s.looks++
	return now.Add(time.Second)
}
func (s *watchful) Look(time.Time)     { s.looks++ }
func (s *watchful) Appended(wal.Index) {}
func (s *watchful) Taken(wal.Index)    {}
func (s *watchful) Rewind()            {}

// fickle is a WAL whose writes and fsyncs fail as told.
type fickle struct{ write, sync error }

func (l *fickle) Append(*wal.Block) error { return l.write }
func (l *fickle) Sync() error             { return l.sync }
func (l *fickle) Durable() wal.Index      { return 0 }

// TestIntakeLooksAtTheFoldersWhateverTheDiskDoes: what rotates away meanwhile is pinned.
func TestIntakeLooksAtTheFoldersWhateverTheDiskDoes(t *testing.T) {
	noSpace := fmt.Errorf("%w: %w", wal.ErrGivenUp, unix.ENOSPC)
	broken := fmt.Errorf("%w: %w", wal.ErrGivenUp, unix.EIO)
	for name, c := range map[string]struct {
		space  error
		log    fickle
		reason string
		asks   bool // for room
	}{
		"WAL full":                    {errFull, fickle{}, status.WALFull, true},
		"WAL full for this Block":     {nil, fickle{write: wal.ErrFull}, status.WALFull, true},
		"WAL full, and the disk sick": {errFull, fickle{sync: broken}, status.WriteFailed, false},
		"disk full":                   {nil, fickle{write: noSpace}, status.DiskFull, true},
		"disk sick":                   {nil, fickle{write: broken}, status.WriteFailed, false},
	} {
		s := &watchful{f: &wal.File{ID: wal.FileID{1}, Format: wal.Plain}}
		in := &Intake{source: s, log: &c.log, space: func() error { return c.space }, slog: quiet}
		in.unsynced = 1 // of before
		in.Step(time.Now())
		if got := in.standing().reason; s.looks == 0 || got != c.reason || (in.room.wanted() != "") != c.asks {
			t.Errorf("%s: %d looks, blocked by %q, asks for room: %q", name, s.looks, got, in.room.wanted())
		}
		c.space, c.log = nil, fickle{}
		in.Step(time.Now())
		if in.Blocked() != "" || in.room.wanted() != "" {
			t.Errorf("%s: it is over, and Intake is blocked: %q, asks for room: %q", name, in.Blocked(), in.room.wanted())
		}
	}
}
