package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

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

// eachOf calls fn for each of the JSON values that the agent answers path with. what names them in an error.
func eachOf[T any](ctx context.Context, agent *socket.Client, path, what string, fn func(T) error) error {
	body, err := agent.Get(ctx, path)
	if err != nil {
		return err
	}
	defer body.Close()
	for d := json.NewDecoder(body); ; {
		var v T
		if err := d.Decode(&v); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("read the agent's %s: %w", what, err)
		}
		if err := fn(v); err != nil {
			return err
		}
	}
}
