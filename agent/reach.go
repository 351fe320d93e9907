package main

import (
	"context"
	"errors"
	"fmt"

	"logboom/agent/socket"
	"logboom/checkpoint"
)

// reach gets at a data directory that may be an agent's at this moment: it calls alone with LOCK held, or, where an agent
// has that, beside with a way to ask it.
func reach(ctx context.Context, dataDir string, alone func() error, beside func(*socket.Client) error) error {
	lock, err := checkpoint.TakeLock(ctx, dataDir, 0)
	if err == nil {
		return errors.Join(alone(), lock.Release())
	}
	if !errors.Is(err, checkpoint.ErrLocked) {
		return err
	}
	asked := beside(socket.NewClient(dataDir))
	if errors.Is(asked, socket.ErrNoAgent) {
		return fmt.Errorf("%w; %w", err, asked)
	}
	return asked
}
