package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"logboom/bench/corpus"
	"logboom/bench/peers"
)

// Sides is the same work done by each contender in turn.
type Sides struct {
	Corpus  Summary  `json:"corpus"`
	Missing []string `json:"missing"` // peers that are not on this machine
	Sides   []Side   `json:"sides"`
}

// Side is what one contender took.
type Side struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Runs    []Run  `json:"runs"`
	Missing int64  `json:"missing_documents"` // of all runs, when nothing came any more
	Surplus int64  `json:"surplus_documents"` // documents beyond one for each Event
}

// compareSides drains one corpus with each contender, in turns, as often as there are runs.
func (m *meter) compareSides(ctx context.Context, spec corpus.Spec) (*Sides, error) {
	c, err := corpus.Make(ctx, filepath.Join(m.dir, "corpora"), spec)
	if err != nil {
		return nil, err
	}
	all, missing, err := m.contenders(ctx)
	if err != nil {
		return nil, err
	}
	s := &Sides{Corpus: summaryOf(c), Missing: missing, Sides: make([]Side, len(all))}
	for i := range m.runs {
		for k := range all {
			side := &s.Sides[k]
			side.Name, side.Version = all[k].name, all[k].version
			run, err := m.runSide(ctx, c, &all[k])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", all[k].name, err)
			}
			progress("%s: run %d of %d took %.1f s", side.Name, i+1, m.runs, run.Delivered)
			side.Runs = append(side.Runs, *run)
			side.Missing += max(0, c.Events-run.Docs)
			side.Surplus += max(0, run.Docs-c.Events)
		}
	}
	return s, nil
}

// runSide drains the corpus once. Each contender runs until the backend has all documents, or none came for a while, and is then told
// to end.
func (m *meter) runSide(ctx context.Context, c *corpus.Corpus, side *contender) (*Run, error) {
	return m.withBackend(ctx, "side-", func(ctx context.Context, home string, b *backend) (*Run, error) {
		return m.runInto(ctx, c, side, b, home)
	})
}

func (m *meter) runInto(ctx context.Context, c *corpus.Corpus, side *contender, b *backend, home string) (*Run, error) {
	if err := m.warm(ctx, c); err != nil {
		return nil, err
	}
	others, err := startCensus(b)
	if err != nil {
		return nil, err
	}
	p, err := side.start(peers.Place{Home: home, Root: c.Root(), Backend: b.addr})
	if err != nil {
		return nil, err
	}
	defer p.kill()
	delivered, err := b.awaitDocuments(ctx, p, c.Events, m.quiet)
	if err != nil {
		return nil, err
	}
	if err := end(p); err != nil {
		return nil, err
	}
	share, err := others(p.used)
	if err != nil {
		return nil, err
	}
	counted, err := b.stats(ctx)
	if err != nil {
		return nil, err
	}
	u := p.used
	return &Run{
		Wall: u.Wall.Seconds(), Delivered: delivered.Seconds(), User: u.User.Seconds(), System: u.System.Seconds(), PeakRSS: u.PeakRSS,
		DiskWritten: u.DiskWritten, Docs: counted.Docs, Bodies: counted.Bodies, WireBytes: counted.Wire, BodyBytes: counted.Body, Others: share,
	}, nil
}

// warm brings the corpus into the page cache, and writes out what is dirty.
func (m *meter) warm(ctx context.Context, c *corpus.Corpus) error {
	if _, err := m.timeUnit(ctx, c); err != nil {
		return err
	}
	return settle(m.dir)
}

// awaitDocuments waits until the backend has as many documents as there are Events, or none came for a while, and returns how long
// after the process's start the last one came.
func (b *backend) awaitDocuments(ctx context.Context, p *process, events int64, quiet time.Duration) (time.Duration, error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var docs int64
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("%d of %d documents: %w", docs, events, context.Cause(ctx))
		case <-p.done:
			return 0, fmt.Errorf("it ended by itself: %w; its last words:\n%s", p.err, lastLines(p.log))
		case <-tick.C:
		}
		c, err := b.stats(ctx)
		if err != nil {
			return 0, err
		}
		if c.Docs > docs {
			docs, last = c.Docs, time.Now()
		}
		if docs >= events || time.Since(last) > quiet {
			return last.Sub(p.from), nil
		}
	}
}

// sideFigures are the lines of the table.
var sideFigures = []string{
	"throughput, events/s", "CPU, s/GB of input", "peak RSS, MB", "written to disk, bytes/byte of input", "sent to the backend, bytes/byte of input",
}

// table is Markdown, to be pasted.
func (s *Sides) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s: %.0f MB, %d Events in %d files; medians of %d runs of each, in turns\n\n", s.Corpus.Name, float64(s.Corpus.Bytes)/MB,
		s.Corpus.Events, s.Corpus.Files, len(s.Sides[0].Runs))
	row := func(name string, cell func(*Side) string) {
		fmt.Fprintf(&b, "| %s |", name)
		for i := range s.Sides {
			fmt.Fprintf(&b, " %s |", cell(&s.Sides[i]))
		}
		fmt.Fprintln(&b)
	}
	row("", func(x *Side) string { return x.Name + " " + x.Version })
	row("---", func(*Side) string { return "---:" })
	for _, q := range quantities {
		for _, name := range sideFigures {
			if q.name+", "+q.unit == name {
				row(name, func(x *Side) string { return digits(x.median(&s.Corpus, q)) })
			}
		}
	}
	row("documents missing", func(x *Side) string { return fmt.Sprint(x.Missing) })
	row("documents too many", func(x *Side) string { return fmt.Sprint(x.Surplus) })
	row("other processes, % of the machine, at most", func(x *Side) string { return digits(100 * x.busiest()) })
	for _, words := range s.Missing {
		fmt.Fprintf(&b, "\n%s\n", words)
	}
	return b.String()
}

func (x *Side) median(c *Summary, q quantity) float64 {
	values := make([]float64, len(x.Runs))
	for i := range x.Runs {
		values[i] = q.of(c, &x.Runs[i])
	}
	return median(values)
}

func (x *Side) busiest() (share float64) {
	for i := range x.Runs {
		share = max(share, x.Runs[i].Others)
	}
	return share
}
