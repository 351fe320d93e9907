package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
)

// prepareCommand is an init container's work: the image has no shell that could do it.
func prepareCommand() *cobra.Command {
	var out *output
	c := &cobra.Command{
		Use: "prepare DIR", Short: "Make a data directory that an agent without root's rights can use", Long: `Make a data directory that an agent without root's rights can use.

The kubelet makes the folder of a hostPath volume for root alone. Run as its owner, this opens DIR to its group and to nobody
else, which needs no capability: an agent with any user and group 0 can then keep its buffer there. A folder with files of
others in it is left alone.`,
		Example: "  logboom prepare /var/lib/logboom\n  logboom prepare /var/lib/logboom --json",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("say which DIR is to be the data directory, and no more than one")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if err := prepare(args[0]); err != nil {
				return &failure{code: exitFailed, err: err}
			}
			if out.json {
				return printJSON(c.OutOrStdout(), map[string]string{"dir": args[0], "mode": fmt.Sprintf("%#o", preparedMode)})
			}
			_, err := fmt.Fprintf(c.OutOrStdout(), "%s can be used by its group\n", args[0])
			return err
		},
	}
	out = outputFlags(c, "one object")
	return c
}

// preparedMode is that of a folder that its group can use.
const preparedMode = 0o770

// prepare changes nothing but a folder that is empty or an agent's.
func prepare(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	names, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	names = slices.DeleteFunc(names, func(e os.DirEntry) bool { return e.Name() == "lost+found" }) // of a disk of its own
	if _, err := os.Lstat(filepath.Join(dir, "LOCK")); len(names) > 0 && err != nil {
		return fmt.Errorf("%s holds %s and no LOCK: it is no data directory, and stays as it is", dir, names[0].Name())
	}
	return os.Chmod(dir, preparedMode)
}
