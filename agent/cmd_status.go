package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"logboom/agent/config"
	"logboom/agent/socket"
	"logboom/agent/status"
	"logboom/checkpoint"
)

// redrawEvery is how often status -w looks again.
const redrawEvery = time.Second

func statusCommand() *cobra.Command {
	var out *output
	var watch bool
	c := command("status -c FILE", "Say how the running agent is doing", `
The first line says that all is well, or what is wrong, the worst first. It asks the agent through agent.sock, and ends
with 1 when none runs.`,
		func(c *cobra.Command, _ string, conf *config.Config) error {
			w := c.OutOrStdout()
			if watch {
				return watchStatus(c.Context(), conf.DataDir, w, out.json)
			}
			s, err := askStatus(c.Context(), conf.DataDir)
			if err != nil {
				return err
			}
			if out.json {
				return printJSON(w, s)
			}
			var picture bytes.Buffer
			drawStatus(&picture, s, nil)
			_, err = w.Write(picture.Bytes())
			return err
		})
	c.Example = `  logboom status -c FILE                   once
  logboom status -c FILE -w                again each second, with rates
  logboom status -c FILE --json | jq .account`
	out = outputFlags(c, "all of it, as one object a line")
	c.Flags().BoolVarP(&watch, "watch", "w", false, "go on, each second, until it is interrupted")
	return c
}

// askStatus asks the agent that runs in dataDir.
func askStatus(ctx context.Context, dataDir string) (*status.Status, error) {
	var s status.Status
	err := socket.NewClient(dataDir).GetJSON(ctx, "/api/v1/status", &s)
	if err == nil {
		return &s, nil
	}
	return nil, noAnswer(dataDir, err, "start one with logboom run; logboom wal ls shows what waits there")
}

// noAnswer says why the agent that should run in dataDir did not answer, and what to do where none runs.
func noAnswer(dataDir string, err error, do string) error {
	if !errors.Is(err, socket.ErrNoAgent) || errors.Is(err, fs.ErrPermission) { // who may not look can't say that there is none
		return err
	}
	if held, holder := checkpoint.Held(dataDir); held {
		return fmt.Errorf("%s is locked by %s, but %w", dataDir, holder, err)
	}
	return fmt.Errorf("no agent runs with data_dir %s: %s", dataDir, do)
}

// watchStatus shows the agent's Status again and again until ctx is done. An agent that answered once may be away for a while,
// as in a rollout: people are told, programs get an error.
func watchStatus(ctx context.Context, dataDir string, w io.Writer, asJSON bool) error {
	tick := time.NewTicker(redrawEvery)
	defer tick.Stop()
	p := &screen{w: w}
	for before := (*status.Status)(nil); ; {
		s, err := askStatus(ctx, dataDir)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && (before == nil || asJSON) {
			return err
		}
		if asJSON {
			err = printJSON(w, s)
		} else {
			err = p.show(pictureOf(s, before, err))
		}
		if err != nil {
			return err
		}
		if s != nil {
			before = s
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// pictureOf draws s beside the one before, or that one alone where err says why there is no other.
func pictureOf(s, before *status.Status, err error) []byte {
	var b bytes.Buffer
	if err != nil {
		fmt.Fprintf(&b, "AWAY: %s. What stands below is from %s.\n", printable(err.Error()), before.Now.Format(time.TimeOnly))
		drawStatus(&b, before, nil)
	} else {
		drawStatus(&b, s, before)
	}
	return b.Bytes()
}
