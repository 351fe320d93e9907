package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// configuration is a default agent but for the places, with everything switched on that is by default: WAL with fsync and
// compression, pins, gzip bodies, status page. min_free is small so that a disk that is nearly full doesn't stop the run.
func configuration(home, root, backendAddr, listen string) []byte {
	return fmt.Appendf(nil, `# Written by bench.
data_dir: %q
inputs:
  - kubernetes:
      root: %q
      read_from: beginning
wal:
  min_free: 64MiB
sink:
  elasticsearch:
    urls: ["http://%s"]
    index: logs-logboom-default
http:
  listen: %s
`, filepath.Join(home, "data"), root, backendAddr, listen)
}

// accountsWrites reports whether the kernel counts what a process writes below dir. It doesn't on tmpfs and on some
// network file systems.
func accountsWrites(dir string) (bool, error) {
	before, err := writtenBytes(os.Getpid())
	if err != nil {
		return false, nil // a kernel without the account
	}
	f, err := os.CreateTemp(dir, "probe-")
	if err != nil {
		return false, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	const size = 256 << 10
	if _, err := f.Write(make([]byte, size)); err != nil {
		return false, err
	}
	if err := f.Sync(); err != nil {
		return false, err
	}
	after, err := writtenBytes(os.Getpid())
	return after-before >= size, err
}

// The two sources of the bytes written to disk, as the result names them.
const (
	fromKernel = "write_bytes of /proc/<pid>/io at the agent's end"
	fromStatus = "wal.written_bytes of /api/v1/status, last seen at most 0.1 s before the agent's end"
)

func (m *meter) diskSource() string {
	if m.accounted {
		return fromKernel
	}
	return fromStatus
}

// watchStatus asks the agent how much it wrote until it ends, where the kernel can't say. It costs the agent an answer
// each 0.1 s.
func watchStatus(p *process, addr string) func() int64 {
	last := make(chan int64, 1)
	go func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		var seen int64
		for {
			select {
			case <-p.done:
				last <- seen
				return
			case <-tick.C:
				seen = max(seen, walWritten(addr))
			}
		}
	}()
	return func() int64 { return <-last }
}

// walWritten asks once. An agent that has no answer, because it starts or ends, has written nothing that is news.
func walWritten(addr string) int64 {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var status struct {
		WAL struct {
			Written int64 `json:"written_bytes"`
		} `json:"wal"`
	}
	if err := getJSON(ctx, "http://"+addr+"/api/v1/status", &status); err != nil {
		return 0
	}
	return status.WAL.Written
}

// Agent says which binary was measured.
type Agent struct {
	Version string `json:"version"` // what its command version prints
	Bytes   int64  `json:"bytes"`   // of the binary
}

func describeAgent(ctx context.Context, path string) (Agent, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Agent{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	output, err := exec.CommandContext(ctx, path, "version").Output()
	if err != nil {
		return Agent{}, fmt.Errorf("%s version: %w", path, err)
	}
	return Agent{Version: strings.TrimSpace(string(output)), Bytes: info.Size()}, nil
}
