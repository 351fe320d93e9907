package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"logboom/agent/config"
	"logboom/agent/pipeline"
	"logboom/checkpoint"
	"logboom/sink"
	"logboom/wal"
)

func cleanCommand() *cobra.Command {
	var yes, deliver bool
	c := command("clean -c FILE", "Remove pins and buffer from this node, at uninstall", `
It says what is not delivered yet and how much disk comes free, asks, and removes from data_dir what agents make there:
buffer, dead letters, pins, checkpoint with the ledger. Anything else stays, links are never followed, and the log files of the node
are not touched. It refuses while an agent runs. Whatever is not delivered is lost then; logboom wal ship delivers it first.
With --deliver it first is the agent until all log files and pins are read and delivered, however long that takes, but for what is
written in its last moments; then it asks nothing, and removes nothing, ending with 1, while there are dead letters. Where no agent left anything it does nothing.`,
		func(c *cobra.Command, path string, conf *config.Config) error {
			if !deliver || !anythingOurs(conf.DataDir) { // a pod that starts again: an agent would read and send all log files anew
				return clean(c.Context(), conf.DataDir, yes, deliver, c.InOrStdin(), c.OutOrStdout())
			}
			if err := run(c.Context(), path, conf, pipeline.Options{ExitWhenDrained: true, Overtake: true}, c.ErrOrStderr()); err != nil {
				return err
			}
			if c.Context().Err() != nil {
				return errors.New("nothing was removed: asked to end before all was delivered")
			}
			return clean(c.Context(), conf.DataDir, false, true, c.InOrStdin(), c.OutOrStdout())
		})
	c.Example = `  logboom wal ship -c FILE && logboom clean -c FILE
  logboom clean -c FILE --yes
  logboom clean -c FILE --deliver            in a pod that nobody can answer in`
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	c.Flags().BoolVar(&deliver, "deliver", false, "read and deliver everything first, and do not ask")
	return c
}

// anythingOurs says that an agent has left more than its LOCK in dataDir, or that this can't be told.
func anythingOurs(dataDir string) bool {
	if _, err := os.Lstat(dataDir + "/LOCK"); errors.Is(err, fs.ErrNotExist) {
		return false
	}
	f, err := find(dataDir)
	if err != nil {
		return true
	}
	defer f.root.Close()
	return len(f.paths) > 0
}

// clean takes what pins hold for read where delivered is true: an agent has just ended that read it.
func clean(ctx context.Context, dataDir string, yes, delivered bool, in io.Reader, out io.Writer) (err error) {
	if _, err := os.Lstat(filepath.Join(dataDir, "LOCK")); errors.Is(err, fs.ErrNotExist) {
		_, err := fmt.Fprintf(out, "No agent has run with data_dir %s: nothing is to be removed.\n", dataDir)
		return err
	}
	lock, err := checkpoint.TakeLock(ctx, dataDir, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	f, err := find(dataDir)
	if err != nil {
		return err
	}
	defer f.root.Close()
	left := tellFound(out, dataDir, f, delivered)
	if len(f.paths) == 0 {
		return nil
	}
	if delivered && left {
		return errors.New("nothing was removed: nobody else has what is left. Look at dead letters with logboom deadletter ls -c FILE; " +
			"logboom clean -c FILE --yes removes them, too")
	}
	if !yes && !delivered {
		fmt.Fprint(out, "Remove it all? Type yes: ")
		if answer := ask(ctx, in); answer != "yes" {
			return errors.New("nothing was removed: the answer was not yes")
		}
	}
	if err := f.remove(); err != nil {
		return fmt.Errorf("not all could be removed: %w", err)
	}
	_, err = fmt.Fprintf(out, "Removed. LOCK stays in %s, so that no agent that is just starting loses it.\n", dataDir)
	return err
}

// ask reads a line; "" when ctx ends first.
func ask(ctx context.Context, in io.Reader) string {
	line := make(chan string, 1)
	go func() {
		text, _ := bufio.NewReader(in).ReadString('\n') // without an end, what there is
		line <- strings.TrimSpace(text)
	}()
	select {
	case <-ctx.Done():
		return ""
	case text := <-line:
		return text
	}
}

// tellFound says what would be removed, and what of it nobody else has. left: there is some that is not delivered, or may be.
func tellFound(w io.Writer, dataDir string, f *found, pinsRead bool) (left bool) {
	left, err := tellUndelivered(w, dataDir)
	if err != nil { // such as the files of a newer release
		fmt.Fprintf(w, "What is not delivered can't be told: %v\n", err)
		left = true
	}
	if f.alone > 0 && !pinsRead {
		fmt.Fprintf(w, "PERHAPS NOT READ: %d log files (%s) exist only as pins any more.\n", f.alone, size(f.aloneText))
	}
	fmt.Fprintf(w, "%d files and folders are to be removed from %s, %d pins among them; that frees %s.\n", len(f.paths), dataDir, f.pins, size(f.bytes))
	for i, name := range f.strangers {
		if i == mostStrangers {
			fmt.Fprintf(w, "and %d more.\n", len(f.strangers)-i)
			break
		}
		fmt.Fprintf(w, "Not ours, stays: %q\n", name)
	}
	return left
}

const mostStrangers = 10

func tellUndelivered(w io.Writer, dataDir string) (left bool, err error) {
	l := &look{dataDir: dataDir}
	if err := l.readCheckpoint(); err != nil {
		return false, err
	}
	waiting, err := contents(l.view(), l.acked)
	if err != nil {
		return false, err
	}
	dead := 0
	if err := lettersOnDisk(dataDir, sink.Fields{}, func(*pipeline.Letter) error { dead++; return nil }); err != nil {
		return false, err
	}
	switch {
	case waiting.Blocks == 0:
		fmt.Fprintln(w, "All of the buffer is delivered.")
	case l.unknown != nil:
		fmt.Fprintf(w, "PERHAPS NOT DELIVERED: %s of text in the buffer; %s.\n", size(waiting.Text), l.delivered())
	default:
		fmt.Fprintf(w, "NOT DELIVERED: up to %s of text in the buffer.\n", size(waiting.Text))
	}
	if dead > 0 {
		fmt.Fprintf(w, "NOT DELIVERED: %d events that are kept as dead letters.\n", dead)
	}
	return waiting.Blocks > 0 || dead > 0, nil
}

// contents adds up the Segments that hold Blocks behind acked.
func contents(v wal.View, acked wal.Index) (sum wal.Contents, err error) {
	if _, err := os.Lstat(v.Dir); errors.Is(err, fs.ErrNotExist) {
		return sum, nil
	}
	r, err := wal.OpenReadOnly(v)
	if err != nil {
		return sum, err
	}
	defer r.Close()
	for _, s := range r.Segments() {
		if s.Last < s.First || s.Last <= acked {
			continue
		}
		c, err := r.Contents(s)
		if err != nil {
			return sum, err
		}
		sum.Blocks, sum.Records, sum.Text = sum.Blocks+c.Blocks, sum.Records+c.Records, sum.Text+c.Text
	}
	return sum, nil
}
