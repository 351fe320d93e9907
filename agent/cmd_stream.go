package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/spf13/cobra"

	"logboom/agent/config"
	"logboom/agent/stream"
)

func streamCommand() *cobra.Command {
	from := string(config.Beginning)
	var grace time.Duration
	c := &cobra.Command{Use: "stream PATH...", Short: "Print log files to standard output as they grow", Long: `Print log files to standard output as they grow.

It is the sidecar of an application that logs into files: the node's agent finds the lines among the container's. A PATH
is a file or a quoted pattern with *, ?, [a-z], {a,b} and ** for any number of folders, and need not be there yet. Files
are followed across rotation, recreation and truncation, and lines of several files are never mixed. A line without
newline is printed when its file has ended, and at the end. Nothing is kept on the disk: a restart begins anew. What was
gone before it was read is told on standard error.

SIGTERM or SIGINT prints what the files have until they are quiet, and ends with 0; a second one ends at once.`}
	c.Example = `  logboom stream /var/log/app/app.log
  logboom stream '/var/log/app/**/*.log' --from now --grace 20s`
	c.Flags().StringVar(&from, "from", from, "where to begin in the files that are there at the start: `beginning` or now")
	c.Flags().DurationVar(&grace, "grace", 10*time.Second, "how long the end may take after a signal")
	c.RunE = func(c *cobra.Command, args []string) error {
		o := stream.Options{FromNow: from == string(config.Now), Out: c.OutOrStdout(), Grace: grace,
			Log: newLogger(config.LogText, slog.LevelWarn, c.ErrOrStderr())}
		switch {
		case len(args) == 0:
			return errors.New("say which PATH is to be printed: a log file, or a quoted pattern")
		case !o.FromNow && from != string(config.Beginning):
			return fmt.Errorf("--from is beginning or now, not %q", from)
		case grace < 0:
			return errors.New("--grace can't be negative")
		}
		for _, path := range args {
			if path == "" || !doublestar.ValidatePattern(path) {
				return fmt.Errorf("%q is no pattern", path)
			}
			path, err := filepath.Abs(path)
			if err != nil {
				return &failure{code: exitFailed, err: err}
			}
			o.Paths = append(o.Paths, path)
		}
		signal.Ignore(syscall.SIGPIPE) // a reader that is gone is an error like others, with its exit code
		if err := stream.Run(c.Context(), o); err != nil {
			return &failure{code: exitFailed, err: err}
		}
		return nil
	}
	return c
}
