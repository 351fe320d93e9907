package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"logboom/agent/config"
	"logboom/agent/socket"
	"logboom/checkpoint"
)

func ledgerCommand() *cobra.Command {
	var out *output
	c := command("ledger -c FILE", "List what was lost", `
One line for each range of bytes of a log file that can't be delivered any more, with the time, the cause and what is
known of when the lines were written. It works beside a running agent, and without one.`,
		func(c *cobra.Command, _ string, conf *config.Config) error {
			return ledger(c.Context(), conf.DataDir, func(all losses) error {
				if out.json {
					return ledgerJSON(all, c.OutOrStdout())
				}
				return ledgerTable(all, c.OutOrStdout())
			})
		})
	c.Example = `  logboom ledger -c FILE
  logboom ledger -c FILE --json | jq -s 'map(.end - .start) | add'`
	out = outputFlags(c, "one object a line")
	return c
}

// losses calls fn for every entry of a ledger, oldest first.
type losses func(fn func(checkpoint.Loss) error) error

func ledger(ctx context.Context, dataDir string, show func(losses) error) error {
	path := filepath.Join(dataDir, "checkpoint.db")
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("there is no checkpoint in %s: no agent has run with this data_dir", dataDir)
	}
	// Nobody waits for a reader with LOCK held: an agent could not start while somebody pages through the ledger, which has a bound.
	var kept []checkpoint.Loss
	alone := false
	err := reach(ctx, dataDir,
		func() error {
			store, err := checkpoint.Open(path)
			if err != nil {
				return err
			}
			alone = true
			return errors.Join(store.Losses(func(l checkpoint.Loss) error { kept = append(kept, l); return nil }), store.Close())
		},
		func(agent *socket.Client) error {
			return show(func(fn func(checkpoint.Loss) error) error { return eachOf(ctx, agent, "/api/v1/ledger", "ledger", fn) })
		})
	if err != nil || !alone {
		return err
	}
	return show(func(fn func(checkpoint.Loss) error) error {
		for _, l := range kept {
			if err := fn(l); err != nil {
				return err
			}
		}
		return nil
	})
}

func ledgerJSON(all losses, w io.Writer) error {
	return all(func(l checkpoint.Loss) error { return printJSON(w, l) })
}

// ledgerTable writes the entries for people, and what they add up to. Widths are settled for a few hundred rows at a time.
func ledgerTable(all losses, w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	var entries, bytes int64
	err := all(func(l checkpoint.Loss) error {
		if entries == 0 {
			fmt.Fprintln(t, "FOUND\tCAUSE\tBYTES\tFROM\tTO\tWRITTEN\tFILE\tDETAIL")
		}
		entries++
		bytes += int64(l.End - l.Start)
		lost := fmt.Sprint(l.End - l.Start)
		if l.AtLeast && l.End == l.Start {
			lost = "unknown"
		} else if l.AtLeast {
			lost = "at least " + lost
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d\t%s\t%q\t%q\n", clock(l.Time), l.Cause, lost, l.Start, l.End, span(l.Since, l.Until), l.File.Path, l.Detail)
		if entries%256 == 0 {
			return t.Flush()
		}
		return nil
	})
	if err := errors.Join(err, t.Flush()); err != nil {
		return err
	}
	if entries == 0 {
		_, err = fmt.Fprintln(w, "Nothing was lost.")
		return err
	}
	_, err = fmt.Fprintf(w, "%d bytes in %d entries.\n", bytes, entries)
	return err
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "?"
	}
	return t.UTC().Format(time.RFC3339)
}

// span says between which times lost lines were written.
func span(since, until time.Time) string {
	if since.IsZero() && until.IsZero() {
		return "?"
	}
	return clock(since) + " to " + clock(until)
}
