package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"logboom/bench/corpus"
	"logboom/chaos/port"
)

// meter runs the agent on corpora. It belongs to the main goroutine.
type meter struct {
	dir       string // absolute, like the binaries' paths
	agent     string
	backend   string
	collector string
	runs      int
	timeout   time.Duration
	quiet     time.Duration // how long nothing may come until a peer is taken to have sent all it has
	keep      bool
	unit      unit
	accounted bool // the kernel counts what a process writes below dir
}

// measure makes the corpus and takes, in turns, the unit and the agent, so that each run lies between two units.
func (m *meter) measure(ctx context.Context, spec corpus.Spec) (*Result, error) {
	began := time.Now()
	c, err := corpus.Make(ctx, filepath.Join(m.dir, "corpora"), spec)
	if err != nil {
		return nil, err
	}
	progress("%s: %d bytes in %d files, %d lines, %d Events, seed %d, at hand after %.1f s",
		c.Name, c.Size, c.Files, c.Lines, c.Events, c.Seed, time.Since(began).Seconds())
	r := &Result{Corpus: summaryOf(c), Unit: m.unit.name, DiskSource: m.diskSource()}
	for i := 0; ; i++ {
		u, err := m.timeUnit(ctx, c)
		if err != nil {
			return nil, err
		}
		r.UnitCPU = append(r.UnitCPU, u.cpu().Seconds())
		if i == m.runs {
			break
		}
		run, err := m.runAgent(ctx, c)
		if err != nil {
			return nil, err
		}
		progress("%s: run %d of %d took %.1f s", c.Name, i+1, m.runs, run.Wall)
		r.Runs = append(r.Runs, *run)
	}
	r.compute()
	return r, nil
}

func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// timeUnit compresses the corpus once. It also brings the files into the page cache for the agent.
func (m *meter) timeUnit(ctx context.Context, c *corpus.Corpus) (usage, error) {
	ctx, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	log := filepath.Join(m.dir, "unit.log")
	defer os.Remove(log)
	p, err := start("the unit", log, true, m.unit.program, slices.Concat(m.unit.args, c.FilePaths())...)
	if err != nil {
		return usage{}, err
	}
	return p.wait(ctx)
}

// withBackend calls fn with a folder of its own and a backend that runs in it, for as long as a run may take.
func (m *meter) withBackend(ctx context.Context, prefix string, fn func(ctx context.Context, home string, b *backend) (*Run, error)) (*Run, error) {
	ctx, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	home, err := os.MkdirTemp(m.dir, prefix)
	if err != nil {
		return nil, err
	}
	if !m.keep {
		defer os.RemoveAll(home)
	}
	b, err := startBackend(ctx, m.backend, home)
	if err != nil {
		return nil, err
	}
	defer b.process.kill()
	return fn(ctx, home, b)
}

// runAgent drains the corpus once, from an empty data directory into a backend of its own.
func (m *meter) runAgent(ctx context.Context, c *corpus.Corpus) (*Run, error) {
	return m.withBackend(ctx, "run-", func(ctx context.Context, home string, b *backend) (*Run, error) {
		return m.drainInto(ctx, c, b, home)
	})
}

func (m *meter) drainInto(ctx context.Context, c *corpus.Corpus, b *backend, home string) (*Run, error) {
	run, err := m.drain(ctx, c, b, home)
	if err != nil {
		return nil, err
	}
	counted, err := b.stats(ctx)
	if err != nil {
		return nil, err
	}
	if counted.Docs != c.Events {
		return nil, fmt.Errorf("the backend counted %d documents; the corpus has %d Events", counted.Docs, c.Events)
	}
	run.Docs, run.Bodies, run.WireBytes, run.BodyBytes = counted.Docs, counted.Bodies, counted.Wire, counted.Body
	backendUsed, err := b.stop()
	if err != nil {
		return nil, err
	}
	run.BackendCPU = backendUsed.cpu().Seconds()
	return run, nil
}

// drain runs the agent until everything is delivered and it has ended.
func (m *meter) drain(ctx context.Context, c *corpus.Corpus, b *backend, home string) (*Run, error) {
	addr, err := port.Free()
	if err != nil {
		return nil, err
	}
	config := filepath.Join(home, "agent.yaml")
	if err := os.WriteFile(config, configuration(home, c.Root(), b.addr, addr), 0o600); err != nil {
		return nil, err
	}
	if err := settle(m.dir); err != nil {
		return nil, err
	}
	others, err := startCensus(b)
	if err != nil {
		return nil, err
	}
	p, err := start("agent", filepath.Join(home, "agent.log"), false, m.agent, "run", "-c", config, "--exit-when-drained")
	if err != nil {
		return nil, err
	}
	delivered := b.watchDelivered(ctx, p, c.Events)
	written := func() int64 { return p.used.DiskWritten }
	if !m.accounted {
		written = watchStatus(p, addr)
	}
	u, err := p.wait(ctx)
	if err != nil {
		return nil, err
	}
	share, err := others(u)
	return &Run{
		Wall: u.Wall.Seconds(), Delivered: delivered().Seconds(), User: u.User.Seconds(), System: u.System.Seconds(),
		PeakRSS: u.PeakRSS, DiskWritten: written(), Others: share,
	}, err
}

// settle writes out what others left dirty on the file system, so that the agent's fsyncs pay for its own bytes only.
func settle(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Syncfs(int(f.Fd()))
}
