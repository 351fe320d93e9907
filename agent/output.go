package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// output is what --output says. Commands that list something print a JSON object for each thing, in one line.
type output struct{ json bool }

// Set takes the value of the flag.
func (o *output) Set(text string) error {
	if text != "text" && text != "json" {
		return fmt.Errorf("want text or json")
	}
	o.json = text == "json"
	return nil
}

// String is the value that help shows as the default.
func (o *output) String() string {
	if o.json {
		return "json"
	}
	return "text"
}

// Type names the value in help.
func (o *output) Type() string { return "FORMAT" }

// outputFlags gives c --output, and --json for short. JSON says what comes then.
func outputFlags(c *cobra.Command, JSON string) *output {
	o := &output{}
	c.Flags().Var(o, "output", "text or json: "+JSON)
	c.Flags().BoolVar(&o.json, "json", false, "the same as --output json")
	_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	return o
}

// printJSON writes v in one line.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
