package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"logboom/checkpoint"
	"logboom/sink"
	"logboom/wal"
)

// look is how tools see a data directory that they don't change: an agent may write it at the same time, or start to, and it
// may lie on a volume that is mounted read-only. So it takes no LOCK.
type look struct {
	dataDir string
	acked   wal.Index // every Event up to it has its final home
	durable wal.Index // the last one that is known to be
	running bool
	fields  sink.Fields
	files   map[wal.FileID]checkpoint.FileState // where nobody runs
	unknown error                               // why acked is 0, where there may be more
}

// lookAt asks the agent that runs in dataDir how far things are, or reads the checkpoint where none does.
func lookAt(ctx context.Context, dataDir string) (*look, error) {
	if err := hasWAL(dataDir); err != nil {
		return nil, err
	}
	l := &look{dataDir: dataDir}
	return l, l.ask(ctx)
}

// hasWAL keeps a mistyped path from being taken for an empty buffer.
func hasWAL(dataDir string) error {
	_, err := os.Stat(filepath.Join(dataDir, walDir))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s has no folder %s: it is no data_dir of an agent, or none has run with it", dataDir, walDir)
	}
	return err
}

// The folders of a data directory that hold Blocks.
const (
	walDir  = "wal"
	deadDir = "deadletter"
)

// ask finds out anew how far things are.
func (l *look) ask(ctx context.Context) error {
	if held, _ := checkpoint.Held(l.dataDir); held {
		s, err := askStatus(ctx, l.dataDir)
		if err != nil {
			return err
		}
		l.running, l.acked = true, wal.Index(s.Delivery.Acked)
		l.durable = max(wal.Index(s.WAL.Durable), l.acked)
		return nil
	}
	l.running = false
	return l.readCheckpoint()
}

// readCheckpoint finds out how far things are where nobody has the checkpoint open.
func (l *look) readCheckpoint() error {
	store, err := checkpoint.OpenReadOnly(filepath.Join(l.dataDir, "checkpoint.db"))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, checkpoint.ErrCorrupt) {
		l.unknown = err // an agent would begin a new one, and send everything again
		return nil
	}
	if err != nil {
		return err
	}
	defer store.Close()
	state, err := store.State()
	if errors.Is(err, checkpoint.ErrCorrupt) {
		l.unknown = err
		return nil
	}
	l.files = state.Files
	l.acked, l.durable = state.Acked, max(state.Durable, state.Acked)
	return err
}

// open opens the WAL as far as it is durable.
func (l *look) open() (*wal.Reader, error) { return wal.OpenReadOnly(l.view()) }

func (l *look) view() wal.View {
	return wal.View{Dir: filepath.Join(l.dataDir, walDir), Acked: l.acked, Floor: l.durable, Live: l.running}
}

// delivered says how far everything is.
func (l *look) delivered() string {
	switch {
	case l.unknown != nil:
		return fmt.Sprintf("what of it is delivered is not known: %v", l.unknown)
	case l.acked == 0:
		return "nothing is delivered yet"
	}
	return fmt.Sprintf("delivered up to block %d", l.acked)
}
