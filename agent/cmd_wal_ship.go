package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"logboom/agent/config"
	"logboom/agent/pipeline"
)

func walShipCommand() *cobra.Command {
	var copied bool
	var out *output
	c := &cobra.Command{Use: "ship -c FILE [DIR]", Short: "Deliver the buffer of an agent that is gone", Long: `Deliver the buffer of an agent that is gone.

It sends what waits in DIR, or in the data_dir of FILE, to the backend of FILE: with the ids, indices and node name that the
agent would have used, so that nothing is stored twice, whoever sends it again. It may be interrupted at any time and run
again. The original is emptied as its agent would do it: LOCK is taken, acknowledgements are noted, delivered segments are
removed, refused events go to DIR/deadletter. With --copy nothing is changed, so DIR may be mounted read-only; the original,
should its agent come back, sends its events again. Log files that the agent had not read yet are not part of it.`, Args: cobra.MaximumNArgs(1)}
	path := c.Flags().StringP("config", "c", "", "configuration `FILE` with the sink (required)")
	c.Flags().BoolVar(&copied, "copy", false, "DIR is a copy, or must stay as it is: only read it")
	c.Example = `  logboom wal ship -c FILE
  logboom wal ship -c FILE /mnt/node-7/var/log/logboom
  logboom wal ship -c FILE --copy /snapshots/node-7/logboom
  logboom wal ship -c FILE --json | jq .stored`
	out = outputFlags(c, "one object; progress stays on standard error")
	c.RunE = func(c *cobra.Command, args []string) error {
		if *path == "" {
			return errors.New("no configuration file: add -c FILE, which says where to send to")
		}
		conf, err := config.Load(*path)
		if err != nil {
			return &failure{code: exitUsage, err: err}
		}
		if len(args) > 0 {
			if conf.DataDir, err = filepath.Abs(args[0]); err != nil {
				return failed(err)
			}
		}
		return failed(ship(c.Context(), *path, conf, copied, func(s *shipment) error {
			if out.json {
				return printJSON(c.OutOrStdout(), s)
			}
			return s.tell(c.OutOrStdout())
		}, c.ErrOrStderr()))
	}
	return c
}

func ship(ctx context.Context, path string, conf *config.Config, copied bool, tell func(*shipment) error, stderr io.Writer) error {
	if err := hasWAL(conf.DataDir); err != nil {
		return err
	}
	conf.LockWait = 0
	o := pipeline.ShipOptions{Config: conf, Logger: newLogger(config.LogText, slog.LevelError, stderr), Progress: (&teller{w: stderr}).tell,
		Reload: func() (*config.Config, error) { return config.Load(path) }}
	if copied {
		l, err := lookAt(ctx, conf.DataDir)
		if err != nil {
			return err
		}
		if l.unknown != nil {
			fmt.Fprintf(stderr, "logboom: %s: all of it is sent\n", l.delivered())
		}
		view := l.view()
		o.Copy = &view
	}
	s, err := pipeline.Ship(ctx, o)
	if errors.Is(err, syscall.EROFS) && !copied {
		return fmt.Errorf("%w: add --copy to send it without changing it", err)
	}
	if err != nil {
		return err
	}
	if err := tell(shipmentOf(conf.DataDir, &s, copied)); err != nil {
		return err
	}
	switch {
	case !s.Done():
		return fmt.Errorf("interrupted at block %d of %d: what is not delivered is still there. Run it again to go on", s.Acked, s.Durable)
	case copied && s.DeadLetters+s.Losses > 0:
		return errDamage
	}
	return nil
}

// tellEvery is how often progress is told while it goes on.
const tellEvery = 10 * time.Second

// teller writes progress: often enough to see that it lives, and at once when the trouble is another one.
type teller struct {
	w       io.Writer
	told    time.Time
	trouble string
}

func (t *teller) tell(s pipeline.Shipped) {
	if time.Since(t.told) < tellEvery && s.Trouble == t.trouble {
		return
	}
	t.told, t.trouble = time.Now(), s.Trouble
	line := fmt.Sprintf("block %d of %d, %d events delivered", s.Acked, s.Durable, s.Stored+s.Duplicates)
	if s.Trouble != "" {
		line += "; trying again: " + printable(s.Trouble)
	}
	fmt.Fprintf(t.w, "logboom: %s\n", line)
}
