package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"logboom/agent/config"
	"logboom/agent/pipeline"
)

func runCommand() *cobra.Command {
	var drain bool
	c := command("run -c FILE", "Run the agent", `
It reads the log files of the node, secures them in the write-ahead log, and delivers that to the backend. SIGTERM or
SIGINT gives delivery.grace to what waits, reads on meanwhile, and ends with 0 and all that was read durable; a second one
ends at once.
SIGHUP reads the configuration again: what a running agent can take over holds from then on, and if there is anything else
in it that changed, nothing of it does, and the log says which keys want a restart.`,
		func(c *cobra.Command, path string, conf *config.Config) error {
			return run(c.Context(), path, conf, pipeline.Options{ExitWhenDrained: drain}, c.ErrOrStderr())
		})
	c.Example = `  logboom run -c FILE
  logboom run -c FILE --exit-when-drained    the last time, before a node goes`
	c.Flags().BoolVar(&drain, "exit-when-drained", false, "end with 0 when all files are read to their end and everything is delivered")
	return c
}

func run(ctx context.Context, path string, conf *config.Config, o pipeline.Options, stderr io.Writer) error {
	level := new(slog.LevelVar)
	level.Set(levels[conf.Log.Level])
	logger, flush := spared(newLogger(conf.Log.Format, level, stderr))
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	defer flush()
	logger.Info("starting", "version", release(), "config", path, "node", conf.NodeName, "data_dir", conf.DataDir, "memory_limit", limitMemory("/"))
	o.Config, o.Logger, o.Version, o.Hangup = conf, logger, release(), hangup
	o.Reload = func() (*config.Config, error) { return config.Load(path) }
	o.Applied = func(c *config.Config) { level.Set(levels[c.Log.Level]) }
	err := pipeline.Run(ctx, o)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // asked to end before everything was open
	}
	return err
}

var levels = map[config.LogLevel]slog.Level{config.LevelDebug: slog.LevelDebug, config.LevelInfo: slog.LevelInfo,
	config.LevelWarn: slog.LevelWarn, config.LevelError: slog.LevelError}
