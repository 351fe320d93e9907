package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set with -ldflags "-X main.version=..."; otherwise the build's own records name it.
var version string

func versionCommand() *cobra.Command {
	var out *output
	c := &cobra.Command{
		Use: "version", Short: "Say which release this is", Example: "  logboom version\n  logboom version --json", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if out.json {
				return printJSON(c.OutOrStdout(), map[string]string{"version": release(), "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH})
			}
			_, err := fmt.Fprintf(c.OutOrStdout(), "logboom %s %s %s/%s\n", release(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
	out = outputFlags(c, "one object")
	return c
}

// release names the version that runs, with the commit where the build knows it.
func release() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return orUnknown(version)
	}
	name := version
	if name == "" && info.Main.Version != "(devel)" {
		name = info.Main.Version
	}
	name = orUnknown(name)
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	if commit := settings["vcs.revision"]; len(commit) >= 12 {
		name += " (" + commit[:12]
		if settings["vcs.modified"] == "true" {
			name += ", changed"
		}
		name += ")"
	}
	return name
}

func orUnknown(name string) string {
	if name == "" {
		return "unknown"
	}
	return name
}
