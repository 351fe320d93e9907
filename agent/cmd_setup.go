package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"logboom/agent/config"
	"logboom/agent/pipeline"
	"logboom/sink"
)

func setupCommand() *cobra.Command {
	var o setupOptions
	c := command("setup -c FILE", "Install index templates, data streams and a life-cycle policy in the backend", `
What the configuration's indices need: an index template for each (times keep their nanoseconds, labels are one field and
can't explode the mapping), the data streams, and, where the server has life cycles, a policy that rolls data streams over
at 50 GB or 30 days and deletes nothing.

It may be run again at any time: what is in place stays, and what a person changed is left alone unless --force is given.
The user of the configuration needs the privileges monitor, manage_index_templates, manage_ilm and create_index for it; the agent
itself needs none of these.`,
		func(c *cobra.Command, _ string, conf *config.Config) error {
			return setup(c.Context(), conf, &o, c.OutOrStdout())
		})
	c.Example = `  logboom setup -c FILE
  logboom setup -c FILE --print                        what it would send, as the server needs it
  logboom setup -c FILE --print --server opensearch    the same without asking the server
  logboom setup -c FILE --json | jq -r 'select(.verdict == "left alone") | .name'`
	o.out = outputFlags(c, "one object a line for each piece, with verdict, name and detail; with --print the requests")
	c.Flags().BoolVar(&o.print, "print", false, "show the requests, and change nothing")
	c.Flags().BoolVar(&o.force, "force", false, "write over what a person changed or made")
	c.Flags().StringVar(&o.server, "server", "", "with --print: elasticsearch or opensearch, which is then not asked")
	return c
}

type setupOptions struct {
	print, force bool
	server       string
	out          *output
}

// setupTimeout bounds all requests together.
const setupTimeout = 2 * time.Minute

func setup(ctx context.Context, conf *config.Config, o *setupOptions, w io.Writer) error {
	if o.server != "" && !o.print {
		return &failure{code: exitUsage, err: fmt.Errorf("--server goes with --print only: setup asks the server what it is")}
	}
	ctx, cancel := context.WithTimeout(ctx, setupTimeout)
	defer cancel()
	s, err := sink.New(pipeline.SinkConfig(conf, slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	var pieces []sink.Piece
	if o.server != "" {
		if pieces, err = sink.PlanFor(o.server, routes(conf)); err != nil {
			return &failure{code: exitUsage, err: err}
		}
	} else if pieces, err = s.Plan(ctx, routes(conf)); err != nil {
		return fmt.Errorf("%w\nNothing was changed. What it would send is shown without asking by logboom setup -c FILE --print --server elasticsearch, or opensearch", err)
	}
	if o.print {
		if o.out.json {
			return requestsJSON(pieces, o.force, w)
		}
		return printRequests(pieces, o.force, w)
	}
	for i := range pieces {
		verdict, err := installPiece(ctx, s, &pieces[i], o.force)
		if err != nil {
			return err
		}
		if err := tellPiece(w, verdict, &pieces[i], o.out.json); err != nil {
			return err
		}
	}
	return nil
}

// installPiece makes p what it should be, and returns what became of it in one or two words.
func installPiece(ctx context.Context, s *sink.Sink, p *sink.Piece, force bool) (verdict string, err error) {
	verdict = string(p.State)
	switch {
	case p.Due(force):
		if err := s.Install(ctx, p); err != nil {
			return "", err
		}
		if verdict = "installed"; p.State == sink.PieceUnavailable {
			verdict = string(p.State)
		}
	case p.State == sink.PieceChanged, p.State == sink.PieceForeign:
		verdict = "left alone"
		if p.Method != "" {
			p.Detail += "; --force writes over it"
		}
	}
	return verdict, nil
}

func tellPiece(w io.Writer, verdict string, p *sink.Piece, asJSON bool) error {
	if asJSON {
		return printJSON(w, map[string]string{"verdict": verdict, "name": p.Name, "detail": p.Detail})
	}
	detail := p.Detail
	if detail != "" {
		detail = ": " + detail
	}
	_, err := fmt.Fprintf(w, "%-11s  %s%s\n", verdict, p.Name, detail)
	return err
}

// printRequests shows what is due in the form that Kibana's console and OpenSearch Dashboards' take.
func printRequests(pieces []sink.Piece, force bool, w io.Writer) error {
	for _, p := range pieces {
		if !p.Due(force) {
			if _, err := fmt.Fprintf(w, "# %s: %s\n\n", p.Name, p.State); err != nil {
				return err
			}
			continue
		}
		if _, err := fmt.Fprintf(w, "%s %s\n%s\n", p.Method, p.Path, p.Body); err != nil {
			return err
		}
	}
	return nil
}

// pieceRequest is a Piece for programs. What is not due has no request.
type pieceRequest struct {
	Name   string          `json:"name"`
	State  sink.PieceState `json:"state"`
	Method string          `json:"method,omitempty"`
	Path   string          `json:"path,omitempty"`
	Body   json.RawMessage `json:"body,omitempty"`
}

func requestsJSON(pieces []sink.Piece, force bool, w io.Writer) error {
	for _, p := range pieces {
		r := pieceRequest{Name: p.Name, State: p.State}
		if p.Due(force) {
			r.Method, r.Path, r.Body = p.Method, p.Path, p.Body
		}
		if err := printJSON(w, r); err != nil {
			return err
		}
	}
	return nil
}

// routes are the indices of all inputs, each once.
func routes(conf *config.Config) (all []string) {
	for _, in := range conf.Inputs {
		index := ""
		if in.Kubernetes != nil {
			index = in.Kubernetes.Index
		} else {
			index = in.Files.Index
		}
		if !slices.Contains(all, index) {
			all = append(all, index)
		}
	}
	return all
}
