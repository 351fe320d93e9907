package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"logboom/chaos/kubelet"
	"logboom/chaos/manifest"
	"logboom/chaos/port"
)

// index is where the agent is told to store documents.
const index = "logs-logboom-default"

// How logs rotate: each 2 s what is over 256 KiB, and 5 files of a container stay. So a rotated file exists for 8 s, and
// nothing goes before an agent that is away for a few seconds could have read it.
const (
	speed    = 5
	maxSize  = 256 << 10 // bytes
	maxFiles = 5

	quotaKeeps = (maxFiles - 1) * 10 * time.Second / speed
)

// stage is everything that takes part. It belongs to the main goroutine.
type stage struct {
	options
	agent, server         process
	agentAddr, serverAddr string
	node                  *kubelet.Node
	manifestFile          *os.File
	list                  *manifest.Writer
	client                *http.Client
	show                  *display
	begin                 time.Time
	killedAt, backAt      time.Time     // of the agent
	away                  time.Duration // from its kill until it answered again
}

const configuration = `# Written by the demo.
data_dir: %q
inputs:
  - kubernetes:
      root: %q
      read_from: beginning
wal:
  max_size: 1GiB
  min_free: 1%%
sink:
  elasticsearch:
    urls: ["http://%s"]
    index: %s
http:
  listen: %s
`

// setUp makes the folder, the configuration and the actors; the backend runs when it returns.
func setUp(ctx context.Context, o options) (*stage, error) {
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return nil, err
	}
	o.dir = dir
	for _, binary := range []string{o.logboom, o.backend} {
		if _, err := os.Stat(binary); err != nil {
			return nil, fmt.Errorf("%w (make build makes it)", err)
		}
	}
	if err := emptyDir(dir); err != nil {
		return nil, err
	}
	s := &stage{options: o, client: &http.Client{Timeout: 20 * time.Second}, show: newDisplay(os.Stdout)}
	for _, addr := range []*string{&s.agentAddr, &s.serverAddr} {
		if *addr, err = port.Free(); err != nil {
			return nil, err
		}
	}
	config := fmt.Sprintf(configuration, s.in("agent"), s.in("pods"), s.serverAddr, index, s.agentAddr)
	if err := os.WriteFile(s.in("agent.yaml"), []byte(config), 0o600); err != nil {
		return nil, err
	}
	s.agent = process{name: "agent", log: s.in("agent.log"), args: []string{o.logboom, "run", "-c", s.in("agent.yaml")}}
	s.server = process{name: "backend", log: s.in("backend.log"), args: []string{
		o.backend, "--listen", s.serverAddr, "--data", s.in("backend"),
	}}
	if s.manifestFile, err = os.Create(s.in("manifest.jsonl")); err != nil {
		return nil, err
	}
	s.list = manifest.NewWriter(s.manifestFile)
	s.node = kubelet.New(kubelet.Config{
		Root: s.in("pods"), Seed: o.seed, Pods: pods(o), Duration: o.write,
		Speed: speed, MaxSize: maxSize, MaxFiles: maxFiles, Manifest: s.list,
	})
	if err := s.startServer(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *stage) in(name string) string { return filepath.Join(s.dir, name) }

// close ends the children that still run.
func (s *stage) close() {
	s.agent.kill()
	s.server.kill()
	s.manifestFile.Close()
}

// startServer starts the backend and waits until it answers.
func (s *stage) startServer(ctx context.Context) error {
	if err := s.server.start(); err != nil {
		return err
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		if answer, err := s.client.Get("http://" + s.serverAddr + "/"); err == nil {
			answer.Body.Close()
			return nil
		}
		switch {
		case ctx.Err() != nil:
			return errors.New("interrupted")
		case !s.server.running():
			return fmt.Errorf("the backend ended at once:\n%s", lastLines(s.server.log))
		case time.Now().After(deadline):
			return errors.New("the backend doesn't answer")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

const marker = ".logboom-demo"

// emptyDir makes an empty folder. What an earlier demo left in it is removed; anything else is left alone.
func emptyDir(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if len(entries) > 0 {
		if _, err := os.Stat(filepath.Join(dir, marker)); err != nil {
			return fmt.Errorf("%s is not empty and not from an earlier demo: give another --dir", dir)
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, marker), nil, 0o600)
}
