package main

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/spf13/cobra"

	"logboom/agent/config"
	"logboom/agent/pipeline"
	"logboom/sink"
)

func walCommand() *cobra.Command {
	c := &cobra.Command{Use: "wal", Short: "Look into the buffer on this node's disk, check it, or send it from elsewhere", Long: `Look into the buffer on this node's disk, check it, or send it from elsewhere.

ls, cat and verify change nothing and work beside a running agent: they show what is durable, and what the agent has
delivered meanwhile is no damage.`, Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.Example = `  logboom wal ls -c FILE
  logboom wal ship --help`
	c.AddCommand(walLsCommand(), walCatCommand(), walVerifyCommand(), walShipCommand())
	return c
}

// onBuffer makes a command that looks at a data directory: the one that is its argument, or that of a configuration file.
func onBuffer(use, short, long string, work func(c *cobra.Command, l *look) error) *cobra.Command {
	c := &cobra.Command{Use: use + " -c FILE | DIR", Short: short, Long: short + ".\n\n" + long, Args: cobra.MaximumNArgs(1)}
	path := c.Flags().StringP("config", "c", "", "configuration `FILE` whose data_dir is meant")
	_ = c.MarkFlagFilename("config", "yaml", "yml") // the flag is there
	c.RunE = func(c *cobra.Command, args []string) error {
		dir, fields, err := dataDir(*path, args)
		if err != nil {
			return err
		}
		l, err := lookAt(c.Context(), dir)
		if err == nil {
			l.fields = fields
			err = work(c, l)
		}
		return failed(err)
	}
	return c
}

// dataDir is the directory that a command line means, and how the configuration, if one is named, wants documents to be made.
func dataDir(path string, args []string) (string, sink.Fields, error) {
	var none sink.Fields
	switch {
	case path != "" && len(args) > 0:
		return "", none, errors.New("give either -c FILE or a DIR, not both")
	case len(args) > 0:
		dir, err := filepath.Abs(args[0])
		return dir, none, failed(err)
	case path == "":
		return "", none, errors.New("say which buffer: add -c FILE, or the data_dir itself")
	}
	conf, err := config.Load(path)
	if err != nil {
		return "", none, &failure{code: exitUsage, err: err}
	}
	return conf.DataDir, pipeline.FieldsOf(conf), nil
}

// failed is err as a failure with code 1, unless it says otherwise.
func failed(err error) error {
	var f *failure
	if err == nil || errors.As(err, &f) {
		return err
	}
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	return &failure{code: exitFailed, err: err}
}
