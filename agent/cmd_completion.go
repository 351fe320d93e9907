package main

import (
	"errors"
	"slices"

	"github.com/spf13/cobra"
)

func completionCommand() *cobra.Command {
	shells := []string{"bash", "zsh", "fish"}
	return &cobra.Command{
		Use: "completion bash|zsh|fish", Short: "Print what makes a shell complete logboom's command lines",
		Long: "Print what makes a shell complete logboom's command lines.\n\nThe shell runs it when it starts, or finds it in a file where it looks for such.",
		Example: `  logboom completion bash > /etc/bash_completion.d/logboom
  logboom completion zsh > "${fpath[1]}/_logboom"
  logboom completion fish > ~/.config/fish/completions/logboom.fish`,
		ValidArgs: shells,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || !slices.Contains(shells, args[0]) {
				return errors.New("say for which shell: bash, zsh or fish")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			switch root, out := c.Root(), c.OutOrStdout(); args[0] {
			case "bash":
				return root.GenBashCompletionV2(out, true)
			case "zsh":
				return root.GenZshCompletion(out)
			default:
				return root.GenFishCompletion(out, true)
			}
		},
	}
}
