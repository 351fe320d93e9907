package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"path"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"logboom/agent/parse"
	"logboom/sink"
	"logboom/wal"
)

func walCatCommand() *cobra.Command {
	var f filter
	var since, until string
	var meta bool
	c := onBuffer("cat", "Print what waits in the buffer, as it would be sent", `One document a line, in the order of the buffer: what is not delivered yet, of each event that passes all filters. --namespace and
--pod take *, ? and [a-z]; --since and --until take a time as in 2026-11-22T16:00:00Z, or how long ago, as in 90m, and look
at the event's own time. What can't be read is told on standard error, and makes the exit code 1.`,
		func(c *cobra.Command, l *look) (err error) {
			now := time.Now()
			if f.since, err = instant(since, now); err != nil {
				return &failure{code: exitUsage, err: fmt.Errorf("--since: %w", err)}
			}
			if f.until, err = instant(until, now); err != nil {
				return &failure{code: exitUsage, err: fmt.Errorf("--until: %w", err)}
			}
			for _, pattern := range []string{f.namespace, f.pod} {
				if _, err := path.Match(pattern, ""); err != nil {
					return &failure{code: exitUsage, err: fmt.Errorf("%q: %w", pattern, err)}
				}
			}
			signal.Ignore(syscall.SIGPIPE) // a reader that has seen enough is no failure
			return cat(c.Context(), c.OutOrStdout(), c.ErrOrStderr(), l, &f, meta)
		})
	c.Example = `  logboom wal cat -c FILE --namespace shop --since 15m
  logboom wal cat -c FILE --pod 'web-*' | jq -r .message | head
  logboom wal cat /mnt/node-7/var/log/logboom --meta > rest.jsonl`
	c.Flags().StringVar(&f.namespace, "namespace", "", "only of namespaces that match `PATTERN`")
	c.Flags().StringVar(&f.pod, "pod", "", "only of pods that match `PATTERN`")
	c.Flags().StringVar(&since, "since", "", "only from `TIME` on")
	c.Flags().StringVar(&until, "until", "", "only before `TIME`")
	c.Flags().BoolVar(&meta, "meta", false, `print {"_index":...,"_id":...,"_source":document}`)
	return c
}

// filter says which Events are wanted. The zero filter wants all.
type filter struct {
	namespace, pod string // patterns, checked; "" for any
	since, until   time.Time
}

// instant reads a time, or how long before now it was; "" is no time.
func instant(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil {
		return now.Add(-d.Abs()), nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return at, fmt.Errorf("%q is neither a time such as 2026-11-22T16:00:00Z nor a duration such as 90m", text)
	}
	return at, nil
}

func (f *filter) wants(e *sink.Event) bool {
	if f.namespace != "" && !matches(f.namespace, e.File.Namespace) || f.pod != "" && !matches(f.pod, e.File.Pod) {
		return false
	}
	if f.since.IsZero() && f.until.IsZero() {
		return true
	}
	at, _ := time.Parse(time.RFC3339Nano, string(e.Time)) // checked
	return !at.Before(f.since) && (f.until.IsZero() || at.Before(f.until))
}

func matches(pattern, name string) bool {
	ok, _ := path.Match(pattern, name) // checked
	return ok
}

// cat holds one Block at a time, whatever the backlog.
func cat(ctx context.Context, w, complaints io.Writer, l *look, f *filter, meta bool) error {
	r, err := l.open()
	if err != nil {
		return err
	}
	defer r.Close()
	p := &printer{w: bufio.NewWriterSize(w, 64<<10), renderer: sink.NewRenderer(l.fields), filter: f, meta: meta}
	damaged, err := p.all(ctx, r, l, complaints)
	err = errors.Join(err, p.w.Flush())
	switch {
	case errors.Is(err, syscall.EPIPE): // the reader has seen enough
		return nil
	case err == nil && damaged:
		return errDamage
	}
	return err
}

type printer struct {
	w        *bufio.Writer
	parser   parse.Parser
	renderer *sink.Renderer
	filter   *filter
	meta     bool
}

// all prints what stands behind l.acked, and complains about what can't be read.
func (p *printer) all(ctx context.Context, r *wal.Reader, l *look, complaints io.Writer) (damaged bool, err error) {
	var b wal.Block
	for after := l.acked; ctx.Err() == nil; {
		err := r.Next(after, &b)
		var damage *wal.DamageError
		switch {
		case errors.Is(err, wal.ErrNone):
			return damaged, nil
		case errors.As(err, &damage):
			after = damage.Index
			if err = l.ask(ctx); after > l.acked {
				damaged = true
				fmt.Fprintf(complaints, "logboom: %v; logboom wal verify says what is hit\n", damage)
			}
		case err == nil:
			after = b.Index
			err = p.parser.Events(&b, p.print)
		}
		if err != nil {
			return damaged, err
		}
	}
	return damaged, ctx.Err()
}

func (p *printer) print(e *sink.Event) error {
	if !p.filter.wants(e) {
		return nil
	}
	index, id, document := p.renderer.Render(e)
	if p.meta {
		name, _ := json.Marshal(string(index)) // a string can always be
		fmt.Fprintf(p.w, `{"_index":%s,`, name)
		if id != nil {
			fmt.Fprintf(p.w, `"_id":"%s",`, id)
		}
		p.w.WriteString(`"_source":`)
	}
	p.w.Write(document)
	if p.meta {
		p.w.WriteByte('}')
	}
	return p.w.WriteByte('\n') // a bufio.Writer keeps its first error
}
