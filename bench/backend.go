package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// backend is the embedded backend, fresh for one run.
type backend struct {
	process *process
	addr    string // host:port
}

// startBackend returns when the backend listens. This one only counts.
func startBackend(ctx context.Context, program, home string) (*backend, error) {
	return startServer(ctx, program, home, "127.0.0.1:0", "--count-only")
}

// startStore starts one that keeps documents below home, and goes on with those that are there.
func startStore(ctx context.Context, program, home, addr string) (*backend, error) {
	return startServer(ctx, program, home, addr, "--data", filepath.Join(home, "store"))
}

func startServer(ctx context.Context, program, home, listen string, mode ...string) (*backend, error) {
	log := filepath.Join(home, "backend.log")
	args := append(mode, "--listen", listen, "--pid-file", filepath.Join(home, "backend.pid"))
	p, err := start("backend", log, false, program, args...)
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if addr := announced(log); addr != "" {
			return &backend{process: p, addr: addr}, nil
		}
		select {
		case <-p.done:
			return nil, fmt.Errorf("the backend ended at once: %w\n%s", p.err, lastLines(log))
		case <-ctx.Done():
			p.kill()
			return nil, fmt.Errorf("the backend doesn't listen: %w", context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// announced returns the address that the backend says it listens on, or "".
func announced(log string) string {
	data, err := os.ReadFile(log)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		if addr, ok := strings.CutPrefix(line, "listening on http://"); ok && strings.HasSuffix(addr, "\n") {
			return strings.TrimSpace(addr)
		}
	}
	return ""
}

// counts is what bulk requests brought to the backend.
type counts struct {
	Docs   int64 `json:"docs"`
	Bodies int64 `json:"bodies"`
	Wire   int64 `json:"wire_bytes"` // of bodies as they came, compressed
	Body   int64 `json:"body_bytes"` // of bodies after decompression
}

func (b *backend) stats(ctx context.Context) (c counts, err error) {
	err = getJSON(ctx, "http://"+b.addr+"/_stats/bench", &c)
	return c, err
}

// watchDelivered follows the count of documents while the agent runs. What it returns waits for the agent's end and gives
// the time from the agent's start until the backend had all of them: the agent's whole time when that was not seen.
// It costs the backend an answer each 20 ms.
func (b *backend) watchDelivered(ctx context.Context, agent *process, events int64) func() time.Duration {
	all := make(chan time.Duration, 1)
	go func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-agent.done:
				all <- agent.used.Wall
				return
			case <-tick.C:
			}
			if c, err := b.stats(ctx); err == nil && c.Docs >= events {
				all <- time.Since(agent.from)
				return
			}
		}
	}()
	return func() time.Duration { <-agent.done; return min(<-all, agent.used.Wall) }
}

// stop ends the backend and returns what it took.
func (b *backend) stop() (usage, error) {
	if err := b.process.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return usage{}, fmt.Errorf("stop the backend: %w", err)
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), 10*time.Second, errors.New("it did not end within 10 s of SIGTERM"))
	defer cancel()
	return b.process.wait(ctx)
}

func getJSON(ctx context.Context, url string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: status %s", url, answer.Status)
	}
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		return fmt.Errorf("%s: %w", url, err)
	}
	return nil
}
