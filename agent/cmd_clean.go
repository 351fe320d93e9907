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
)

func cleanCommand() *cobra.Command {
	var yes, deliver bool
	var out *output
	c := command("clean -c FILE", "Remove pins and buffer from this node, at uninstall", `
It says what is not delivered yet and how much disk comes free, asks, and removes from data_dir what agents make there:
buffer, dead letters, pins, checkpoint with the ledger. Anything else stays, links are never followed, and the log files of the node
are not touched. It refuses while an agent runs. Whatever is not delivered is lost then; logboom wal ship delivers it first.

With --deliver it first is the agent until all log files and pins are read and delivered, however long that takes, but for what is
written in its last moments; then it asks nothing, and removes nothing, ending with 1, while there are dead letters, or log
files that only pins hold and that could not be read. Where no agent left anything it does nothing.`,
		func(c *cobra.Command, path string, conf *config.Config) error {
			if !deliver || !anythingOurs(conf.DataDir) { // a pod that starts again: an agent would read and send all log files anew
				return clean(c.Context(), conf.DataDir, cleaning{yes: yes, delivered: deliver, json: out.json}, c.InOrStdin(), c.OutOrStdout())
			}
			if err := run(c.Context(), path, conf, pipeline.Options{ExitWhenDrained: true, Overtake: true}, c.ErrOrStderr()); err != nil {
				return err
			}
			if c.Context().Err() != nil {
				return errors.New("nothing was removed: asked to end before all was delivered")
			}
			return clean(c.Context(), conf.DataDir, cleaning{delivered: true, json: out.json}, c.InOrStdin(), c.OutOrStdout())
		})
	c.Example = `  logboom wal ship -c FILE && logboom clean -c FILE
  logboom clean -c FILE --yes
  logboom clean -c FILE --deliver            in a pod that nobody can answer in
  logboom clean -c FILE --json               what there is, and nothing is removed`
	out = outputFlags(c, "one object at the end; nobody is asked, so it removes only with --yes or --deliver")
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

// cleaning says how clean goes about it.
type cleaning struct {
	yes       bool // nobody is asked
	delivered bool // an agent has just ended that read all and delivered it: what pins hold is read
	json      bool // one object at the end, and no question
}

func clean(ctx context.Context, dataDir string, o cleaning, in io.Reader, out io.Writer) (err error) {
	r := &remains{DataDir: dataDir, Strangers: []string{}}
	if _, err := os.Lstat(filepath.Join(dataDir, "LOCK")); errors.Is(err, fs.ErrNotExist) {
		if o.json {
			return printJSON(out, r)
		}
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
	r.Used = true
	r.lookInto(f, o.delivered)
	if o.json {
		defer func() { err = errors.Join(err, printJSON(out, r)) }()
	} else if err := r.tell(out); err != nil {
		return err
	}
	if len(f.paths) == 0 {
		return nil
	}
	if err := mayRemove(ctx, r, o, in, out); err != nil {
		return err
	}
	if err := f.remove(); err != nil {
		return fmt.Errorf("not all could be removed: %w", err)
	}
	r.Removed = true
	if o.json {
		return nil
	}
	_, err = fmt.Fprintf(out, "Removed. LOCK stays in %s, so that no agent that is just starting loses it.\n", dataDir)
	return err
}

// mayRemove is nil where what r tells of may go.
func mayRemove(ctx context.Context, r *remains, o cleaning, in io.Reader, out io.Writer) error {
	switch {
	case o.delivered && r.undelivered():
		return errors.New("nothing was removed: nobody else has what is left. Look at dead letters with logboom deadletter ls -c FILE; " +
			"pins are read by an agent with a kubernetes input; logboom clean -c FILE --yes removes them all")
	case o.delivered, o.yes:
		return nil
	case o.json:
		return errors.New("nothing was removed: with --json nobody is asked. Add --yes")
	}
	fmt.Fprint(out, "Remove it all? Type yes: ")
	if answer := ask(ctx, in); answer != "yes" {
		return errors.New("nothing was removed: the answer was not yes")
	}
	return nil
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
