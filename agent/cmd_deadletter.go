package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"os/signal"
	"path"
	"path/filepath"
	"slices"
	"syscall"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"logboom/agent/config"
	"logboom/agent/pipeline"
	"logboom/agent/socket"
	"logboom/checkpoint"
	"logboom/sink"
)

func deadLetterCommand() *cobra.Command {
	c := &cobra.Command{Use: "deadletter", Short: "List the events that the backend refused, and send them again", Long: `List the events that the backend refused, and send them again.

ls and cat change nothing, and work beside a running agent and without one. Letters that are held are sent again by the agent
itself, when their index takes documents.`, Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.Example = `  logboom deadletter ls -c FILE
  logboom deadletter cat -c FILE | jq -r .document.message
  logboom deadletter replay -c FILE --reason document_parsing_exception`
	c.AddCommand(deadLetterLsCommand(), deadLetterCatCommand(), deadLetterReplayCommand())
	return c
}

func deadLetterLsCommand() *cobra.Command {
	var out *output
	c := command("ls -c FILE", "List dead letters", `
One line for each event, oldest first: when it was refused, whether it is refused for good or held until its index takes documents,
the index, the backend's error type, the id of the document, and the line itself. Then how many there are, by reason.`,
		func(c *cobra.Command, _ string, conf *config.Config) error {
			signal.Ignore(syscall.SIGPIPE) // a reader that has seen enough is no failure
			if out.json {
				return quietly(lettersJSON(c.Context(), conf, c.OutOrStdout()))
			}
			return quietly(lettersTable(c.Context(), conf, c.OutOrStdout()))
		})
	c.Example = `  logboom deadletter ls -c FILE
  logboom deadletter ls -c FILE | tail`
	out = outputFlags(c, "what cat prints")
	return c
}

func deadLetterCatCommand() *cobra.Command {
	c := command("cat -c FILE", "Print dead letters with their documents", `
One JSON object a line for each event, oldest first: what ls shows, the backend's words, and the document as it would be sent.`,
		func(c *cobra.Command, _ string, conf *config.Config) error {
			signal.Ignore(syscall.SIGPIPE)
			return quietly(lettersJSON(c.Context(), conf, c.OutOrStdout()))
		})
	c.Example = `  logboom deadletter cat -c FILE | jq -r .document.message
  logboom deadletter cat -c FILE > letters.jsonl`
	return c
}

func lettersJSON(ctx context.Context, conf *config.Config, out io.Writer) error {
	w := bufio.NewWriterSize(out, 64<<10)
	err := letters(ctx, conf.DataDir, pipeline.FieldsOf(conf), func(l *pipeline.Letter) error { return printJSON(w, l) })
	return errors.Join(err, w.Flush())
}

func deadLetterReplayCommand() *cobra.Command {
	var out *output
	var id, reason, route string
	c := command("replay -c FILE", "Send dead letters again, with the same ids", `
The agent that runs sends all of them, or those that the flags pick, and they leave the store when the backend has them. What is
refused again stays. --reason and --route take *, ? and [a-z]. It ends when all are sent; interrupted, it stops after a request.`,
		func(c *cobra.Command, _ string, conf *config.Config) error {
			for _, pattern := range []string{reason, route} {
				if _, err := path.Match(pattern, ""); err != nil {
					return &failure{code: exitUsage, err: fmt.Errorf("%q: %w", pattern, err)}
				}
			}
			q := url.Values{"id": {id}, "reason": {reason}, "route": {route}}
			return replay(c.Context(), conf.DataDir, q, c.OutOrStdout(), out.json)
		})
	c.Example = `  logboom deadletter replay -c FILE
  logboom deadletter replay -c FILE --route 'logs-shop-*' --reason document_parsing_exception`
	out = outputFlags(c, "one object with how many were stored, refused and held")
	c.Flags().StringVar(&id, "id", "", "only the one with this `ID`")
	c.Flags().StringVar(&reason, "reason", "", "only those whose error type matches `PATTERN`")
	c.Flags().StringVar(&route, "route", "", "only those whose index matches `PATTERN`")
	return c
}

// quietly takes a reader that has seen enough for no failure.
func quietly(err error) error {
	if errors.Is(err, syscall.EPIPE) {
		return nil
	}
	return err
}

// letters calls fn once for every Event in the dead-letter store, oldest first.
func letters(ctx context.Context, dataDir string, fields sink.Fields, fn func(*pipeline.Letter) error) error {
	seen := map[string]bool{}
	once := func(l *pipeline.Letter) error {
		key := eventOf(l)
		if seen[key] {
			return nil
		}
		seen[key] = true
		return fn(l)
	}
	if held, _ := checkpoint.Held(dataDir); held {
		return eachOf(ctx, socket.NewClient(dataDir), "/api/v1/deadletters", "dead letters",
			func(l pipeline.Letter) error { return once(&l) })
	}
	if err := hasWAL(dataDir); err != nil {
		return err
	}
	return lettersOnDisk(dataDir, fields, once)
}

// eventOf tells Events from each other. Where the backend makes the ids, Files that had one name one after the other have the
// same places in them.
func eventOf(l *pipeline.Letter) string {
	if l.ID != "" {
		return l.ID
	}
	return fmt.Sprintf("%s %d %x", l.Path, l.Offset, sha256.Sum256(l.Document))
}

// lettersOnDisk reads a store that no agent has. The same Event may come twice.
func lettersOnDisk(dataDir string, fields sink.Fields, fn func(*pipeline.Letter) error) error {
	if _, err := os.Stat(pipeline.LetterDir(dataDir)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	known := checkpoint.LetterState{}
	store, err := checkpoint.OpenReadOnly(filepath.Join(dataDir, "checkpoint.db"))
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, checkpoint.ErrCorrupt): // an agent would begin a new one
	case err != nil:
		return err
	default:
		known, err = store.Letters()
		if err := errors.Join(err, store.Close()); err != nil {
			return err
		}
	}
	return pipeline.Letters(dataDir, known, false, fields, fn)
}

// lineWidth is how much of a line the table shows, in characters.
const lineWidth = 100

// lettersTable settles widths for a few hundred rows at a time.
func lettersTable(ctx context.Context, conf *config.Config, w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	n, reasons := 0, map[string]int{}
	err := letters(ctx, conf.DataDir, pipeline.FieldsOf(conf), func(l *pipeline.Letter) error {
		if n == 0 {
			fmt.Fprintln(t, "REFUSED\tSTATE\tINDEX\tREASON\tID\tLINE")
		}
		var document struct{ Message string }
		_ = json.Unmarshal(l.Document, &document) // ours
		line := []rune(document.Message)
		n++
		reasons[l.State+" "+l.Type]++
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%q\n", clock(l.Time), l.State, l.Index, l.Type, l.ID, string(line[:min(len(line), lineWidth)]))
		if n%256 == 0 {
			return t.Flush()
		}
		return nil
	})
	if err := errors.Join(err, t.Flush()); err != nil {
		return err
	}
	if n == 0 {
		_, err := fmt.Fprintln(w, "There are no dead letters.")
		return err
	}
	fmt.Fprintf(w, "\n%d events:\n", n)
	for _, reason := range slices.SortedFunc(maps.Keys(reasons), func(a, b string) int {
		return cmp.Or(cmp.Compare(reasons[b], reasons[a]), cmp.Compare(a, b))
	}) {
		if _, err = fmt.Fprintf(w, "%8d %s\n", reasons[reason], reason); err != nil {
			return err
		}
	}
	return nil
}

func replay(ctx context.Context, dataDir string, pick url.Values, w io.Writer, asJSON bool) error {
	body, err := socket.NewClient(dataDir).Post(ctx, "/api/v1/deadletters/replay?"+pick.Encode())
	if err != nil {
		return noAnswer(dataDir, err, "it is the agent that sends dead letters again, start it first with logboom run")
	}
	defer body.Close()
	var r pipeline.Resent
	if err := json.NewDecoder(body).Decode(&r); err != nil {
		return fmt.Errorf("the agent did not come to an end with it (what is stored is stored; say it again): %w", err)
	}
	if asJSON {
		err = printJSON(w, r)
	} else {
		_, err = fmt.Fprintf(w, "%d stored, %d refused again, %d held until their index takes documents.\n", r.Stored, r.Refused, r.Held)
	}
	if err != nil {
		return err
	}
	if r.Refused+r.Held > 0 {
		return &failure{code: exitFailed, err: errors.New("not all were taken: logboom deadletter cat has the backend's words")}
	}
	return nil
}
