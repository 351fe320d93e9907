package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

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
			show := func(s, _ *status.Status) error { return printJSON(w, s) }
			if !out.json {
				show = func(s, before *status.Status) error { return statusText(w, s, before, watch) }
			}
			if watch {
				return watchStatus(c.Context(), conf.DataDir, show)
			}
			s, err := askStatus(c.Context(), conf.DataDir)
			if err != nil {
				return err
			}
			return show(s, nil)
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
	if !errors.Is(err, socket.ErrNoAgent) {
		return &s, err
	}
	if held, holder := checkpoint.Held(dataDir); held {
		return nil, fmt.Errorf("%s is locked by %s, but %w", dataDir, holder, err)
	}
	return nil, fmt.Errorf("no agent runs with data_dir %s: start one with logboom run; logboom wal ls shows what waits there", dataDir)
}

// watchStatus shows the agent's Status beside the one before until ctx is done.
func watchStatus(ctx context.Context, dataDir string, show func(s, before *status.Status) error) error {
	tick := time.NewTicker(redrawEvery)
	defer tick.Stop()
	for before := (*status.Status)(nil); ; {
		s, err := askStatus(ctx, dataDir)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if err := show(s, before); err != nil {
			return err
		}
		before = s
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// statusText writes one picture at a time; over the one before where redraw is set and w is a terminal.
func statusText(w io.Writer, s, before *status.Status, redraw bool) error {
	var b bytes.Buffer
	switch {
	case redraw && isTerminal(w):
		b.WriteString("\x1b[H\x1b[2J")
	case before != nil:
		b.WriteByte('\n')
	}
	drawStatus(&b, s, before)
	_, err := w.Write(b.Bytes())
	return err
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
