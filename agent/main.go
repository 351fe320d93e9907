// Command logboom secures the logs of a Kubernetes node in a write-ahead log on the node's own disk, and drains that log
// to Elasticsearch or OpenSearch.
//
//	logboom run -c FILE                       is the agent
//	logboom run -c FILE --exit-when-drained   ends when everything is delivered
//	logboom check -c FILE                     says whether run would work here, and what is wrong
//	logboom status -c FILE                    says how the running agent is doing
//	logboom setup -c FILE                     installs index templates, data streams and a life-cycle policy
//	logboom ledger -c FILE                    lists what was lost
//	logboom deadletter ls|cat|replay -c FILE  lists what the backend refused, and sends it again
//	logboom wal ls|cat|verify -c FILE         looks into the buffer
//	logboom wal ship -c FILE [DIR]            delivers the buffer of an agent that is gone
//	logboom clean -c FILE                     removes pins and buffer at uninstall
//	logboom prepare DIR                       makes a data directory for an agent that is not root
//	logboom stream PATH...                    prints log files as they grow: a sidecar
//	logboom completion bash|zsh|fish          is for the shell
//	logboom version
//
// Exit codes: 0 done, 1 failed, 2 wrong usage or configuration. A command that fails says on standard error what was
// wrong and what to do about it. This package is only the outside: package pipeline is the agent itself.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"logboom/agent/config"
)

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	log.SetOutput(io.Discard) // net/http writes there what a peer sent, which may quote somebody's logs
	ctx, stop := untilSignal(context.Background(), os.Exit)
	code := execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// execute runs one command line and returns its exit code. A panic of the command is a failure: the Go runtime would end
// with 2, as if the configuration were wrong. In a goroutine of its own a panic still does that, for nothing here can
// recover it.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) (code int) {
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintf(stderr, "panic: %v\n\n%s", r, debug.Stack())
			code = exitFailed
		}
	}()
	root := rootCommand()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	var f *failure
	if !errors.As(err, &f) { // what cobra finds wrong is the command line
		f = &failure{code: exitUsage, err: fmt.Errorf("%w\nlogboom help says which commands there are, and logboom COMMAND --help what they take", err)}
	}
	if text := f.Error(); text != "" {
		fmt.Fprintf(stderr, "logboom: %s\n", text)
	}
	return f.code
}

// rootCommand is the whole command line.
func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:               "logboom",
		Short:             "Secure the logs of a Kubernetes node and deliver them to Elasticsearch or OpenSearch",
		Args:              noArgs,
		RunE:              func(c *cobra.Command, _ []string) error { return c.Help() },
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		Example: `  logboom check -c FILE     what would go wrong, before it does
  logboom run -c FILE
  logboom status -c FILE    what is wrong, in the first line`,
	}
	cobra.EnableCommandSorting = false // in the order in which they are needed
	for _, g := range []struct {
		title string
		has   []*cobra.Command
	}{
		{"The agent:", []*cobra.Command{checkCommand(), setupCommand(), runCommand(), statusCommand()}},
		{"What became of the logs:", []*cobra.Command{ledgerCommand(), deadLetterCommand(), walCommand()}},
		{"Before and after:", []*cobra.Command{prepareCommand(), cleanCommand()}},
		{"Beside it:", []*cobra.Command{streamCommand(), completionCommand(), versionCommand()}},
	} {
		root.AddGroup(&cobra.Group{ID: g.title, Title: g.title})
		for _, c := range g.has {
			c.GroupID = g.title
		}
		root.AddCommand(g.has...)
	}
	root.SetHelpCommandGroupID("Beside it:")
	return root
}

// failure is an error of a command, with its exit code.
type failure struct {
	code int
	err  error // nil: all is said already
}

func (f *failure) Error() string {
	if f.err == nil {
		return ""
	}
	text := f.err.Error()
	if help := advice(f.err); help != "" {
		text += "\n" + help
	}
	return text
}

func (f *failure) Unwrap() error { return f.err }

// command makes a command that takes a configuration file and no arguments. What work returns is a failure with code 1,
// unless it says otherwise.
func command(use, short, long string, work func(c *cobra.Command, path string, conf *config.Config) error) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Long: short + ".\n\n" + strings.TrimSpace(long), Args: noArgs}
	path := c.Flags().StringP("config", "c", "", "configuration `FILE` (required)")
	_ = c.MarkFlagFilename("config", "yaml", "yml") // the flag is there
	c.RunE = func(c *cobra.Command, _ []string) error {
		if *path == "" {
			return errors.New("no configuration file: add -c FILE")
		}
		conf, err := config.Load(*path)
		if err != nil {
			return &failure{code: exitUsage, err: err}
		}
		err = work(c, *path, conf)
		var f *failure
		if err == nil || errors.As(err, &f) {
			return err
		}
		return &failure{code: exitFailed, err: err}
	}
	return c
}

// noArgs says of a word that a command does not take what it may have been meant to be.
func noArgs(c *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case !c.HasSubCommands():
		return fmt.Errorf("%s takes no %q", c.CommandPath(), args[0])
	}
	text := fmt.Sprintf("unknown command %q for %q", args[0], c.CommandPath())
	c.SuggestionsMinimumDistance = 2 // letters
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		text += "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return errors.New(text)
}
