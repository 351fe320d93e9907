package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"logboom/agent/config"
	"logboom/checkpoint"
)

func ledgerCommand() *cobra.Command {
	var asJSON bool
	c := command("ledger -c FILE", "List what was lost", `
One line for each range of bytes of a log file that can't be delivered any more, with the time, the cause and what is
known of when the lines were written. It works while no agent runs.`,
		func(c *cobra.Command, _ string, conf *config.Config) error {
			return ledger(c, conf.DataDir, asJSON)
		})
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return c
}

func ledger(c *cobra.Command, dataDir string, asJSON bool) (err error) {
	path := filepath.Join(dataDir, "checkpoint.db")
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("there is no checkpoint in %s: no agent has run with this data_dir", dataDir)
	}
	lock, err := checkpoint.TakeLock(c.Context(), dataDir, 0)
	if errors.Is(err, checkpoint.ErrLocked) {
		return &failure{code: exitFailed, err: errors.New("the agent is running, and its ledger can be read when it has ended. " +
			"Meanwhile its status page and the metric logboom_lost_bytes_total say how much was lost. " + err.Error())}
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	store, err := checkpoint.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if asJSON {
		return ledgerJSON(store, c.OutOrStdout())
	}
	return ledgerTable(store, c.OutOrStdout())
}

func ledgerJSON(s *checkpoint.Store, w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return s.Losses(func(l checkpoint.Loss) error { return e.Encode(l) })
}

// ledgerTable writes the entries for people, and what they add up to. Widths are settled for a few hundred rows at a time.
func ledgerTable(s *checkpoint.Store, w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	var entries, bytes int64
	err := s.Losses(func(l checkpoint.Loss) error {
		if entries == 0 {
			fmt.Fprintln(t, "FOUND\tCAUSE\tBYTES\tFROM\tTO\tWRITTEN\tFILE\tDETAIL")
		}
		entries++
		bytes += int64(l.End - l.Start)
		lost := fmt.Sprint(l.End - l.Start)
		if l.AtLeast {
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
