package scenarios

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"logboom/chaos/kubelet"
	"logboom/chaos/manifest"
)

// index is where the agent stores documents.
const index = "logs-scenario-default"

// stage is everything that takes part in a scenario. It belongs to the test's goroutine.
type stage struct {
	t      *testing.T
	dir    string
	logs   string // folder of log files
	config string // path of the agent's configuration
	url    string // of the backend

	agent   process
	backend server

	list   bytes.Buffer
	writer *manifest.Writer
	film   *film              // nil: no report is wanted
	seed   uint64             // of random; 0: nothing was left to chance
	sizes  map[string][]int64 // of what hands wrote: bytes in the file, by stream and number

	client *http.Client // of the agent's socket
}

// settings are what a scenario wants otherwise than most.
type settings struct {
	inputs string // YAML; "" is the kubernetes input of the stage's logs
	more   string // further YAML
	wal    string // further keys of wal
	sink   string // further keys of sink.elasticsearch
	url    string // of the sink; "" is the backend's
	server string // what stands for the backend; "" is the embedded one
}

const kubernetesInput = `  - kubernetes:
      root: %q
`

const filesInput = `  - files:
      paths: [%q]
      format: %s
`

// newStage sets a stage. The backend runs, the agent doesn't.
func newStage(t *testing.T, s settings) *stage {
	t.Helper()
	dir, err := os.MkdirTemp("", "stage") // t.TempDir is too long for a socket's path
	must(t, err)
	g := &stage{t: t, dir: dir, logs: filepath.Join(dir, "logs"), config: filepath.Join(dir, "logboom.yaml"), sizes: map[string][]int64{}}
	must(t, os.Mkdir(g.logs, 0o755))
	g.writer = manifest.NewWriter(&g.list)
	g.client = &http.Client{Timeout: 5 * time.Second, Transport: g.socket()}
	g.film = newFilm(g)
	g.backend = g.newServer(s.server)
	g.agent = process{t: t, name: "agent", log: filepath.Join(dir, "agent.log"), args: []string{agentBinary, "run", "-c", g.config}, film: g.film}
	t.Cleanup(func() {
		g.film.end()
		if t.Failed() {
			if err := g.film.report(nil); err != nil {
				t.Error(err)
			}
		}
		g.agent.cleanUp()
		g.backend.cleanUp()
		os.RemoveAll(dir)
	})
	g.startBackend()
	g.configure(s)
	g.film.begin()
	return g
}

// socket is the way to the agent.
func (g *stage) socket() *http.Transport {
	path := filepath.Join(g.data(), "agent.sock")
	return &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
}

// configure writes the agent's configuration.
func (g *stage) configure(s settings) {
	g.t.Helper()
	if s.inputs == "" {
		s.inputs = fmt.Sprintf(kubernetesInput, g.logs)
	}
	if s.url == "" {
		s.url = g.url
	}
	must(g.t, os.WriteFile(g.config, []byte(fmt.Sprintf(`node_name: node
data_dir: %q
inputs:
%s
wal:
  min_free: 1MiB
%s
sink:
  elasticsearch:
    urls: [%q]
    index: %s
    max_backoff: 1s
%s
http:
  listen: "off"
%s`, g.data(), s.inputs, s.wal, s.url, index, s.sink, s.more)), 0o600))
}

func (g *stage) data() string { return filepath.Join(g.dir, "data") }

// log returns the path of a log file.
func (g *stage) log(name string) string { return filepath.Join(g.logs, name) }

// random returns a source of chance. LOGBOOM_SEED plays a run again, as far as the machine lets it.
func (g *stage) random() *rand.Rand {
	g.t.Helper()
	seed, err := strconv.ParseUint(os.Getenv("LOGBOOM_SEED"), 10, 64)
	if err != nil {
		seed = uint64(time.Now().UnixNano())
	}
	g.t.Logf("LOGBOOM_SEED=%d", seed)
	g.seed = seed
	return rand.New(rand.NewPCG(seed, 0))
}

// fault adds to the backend's script.
func (g *stage) fault(script string) {
	g.t.Helper()
	answer, err := http.Post(g.url+"/_chaos", "application/json", strings.NewReader(script))
	must(g.t, err)
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(answer.Body)
		g.t.Fatalf("script %s: %s: %s", script, answer.Status, text)
	}
}

// stored counts the documents.
func (g *stage) stored() int64 {
	g.t.Helper()
	n := int64(-1)
	await(g.t, "the backend says how many documents it has", func() bool {
		got, ok := count(http.DefaultClient, g.url)
		if ok {
			n = got
		}
		return ok
	})
	return n
}

func (g *stage) awaitStored(n int64) {
	g.t.Helper()
	awaitFor(g.t, g.drains(), fmt.Sprintf("%d documents are stored", n), func() bool { return g.stored() >= n })
}

// status is what a scenario looks at of the agent's status.
type status struct {
	Files []struct {
		Path          string
		Size, Durable int64
	}
	FileCount int `json:"file_count"`
	Intake    struct {
		Blocked     string
		LastStep    time.Time `json:"last_step"`
		OpenFiles   int       `json:"open_files"`
		UnreadBytes int64     `json:"unread_bytes"`
		PinBytes    int64     `json:"pin_bytes"`
		ReadBytes   int64     `json:"read_bytes"`
	}
	WAL struct {
		Bytes int64
	}
	Delivery struct {
		LastError string `json:"last_error"`
	}
	Account struct {
		Known int64 `json:"known_bytes"`
		Read  int64 `json:"read_bytes"`
		Acked int64 `json:"acked_bytes"`
		Lost  int64 `json:"lost_read_bytes"`
	}
}

// ask asks a running agent how it is. ok: it answered.
func (g *stage) ask() (s status, ok bool) { return g.askWith(g.client) }

func (g *stage) askWith(client *http.Client) (s status, ok bool) {
	answer, err := client.Get("http://agent/api/v1/status")
	if err != nil {
		return s, false
	}
	return s, decode(answer, &s) == nil
}

// decode reads an answer to its end.
func decode(answer *http.Response, into any) error {
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return errors.New(answer.Status)
	}
	return json.NewDecoder(answer.Body).Decode(into)
}

// awaitStatus waits until the agent says what is asked for.
func (g *stage) awaitStatus(what string, true func(s status) bool) {
	g.t.Helper()
	await(g.t, what, func() bool {
		s, ok := g.ask()
		return ok && true(s)
	})
}

// awaitRead waits until so many files are known, and read to their ends.
func (g *stage) awaitRead(files int) {
	g.t.Helper()
	g.awaitStatus(fmt.Sprintf("%d files are read", files), func(s status) bool {
		for _, f := range s.Files {
			if f.Size == 0 || f.Durable < f.Size {
				return false
			}
		}
		return s.FileCount >= files
	})
}

// node is a kubelet simulator that runs until end.
type node struct {
	*kubelet.Node
	t    *testing.T
	stop context.CancelFunc
	done chan error
}

// startNode lets pods log into the stage's folder.
func (g *stage) startNode(c kubelet.Config) *node {
	g.t.Helper()
	c.Root, c.Manifest, c.Duration = g.logs, g.writer, time.Hour
	n := &node{Node: kubelet.New(c), t: g.t, done: make(chan error, 1)}
	g.film.watch(n.Node)
	ctx, stop := context.WithCancel(context.Background())
	n.stop = stop
	go func() { n.done <- n.Run(ctx) }()
	g.t.Cleanup(stop)
	return n
}

// end stops all containers; their files stay.
func (n *node) end() {
	n.t.Helper()
	n.stop()
	must(n.t, <-n.done)
}

// awaitRotations waits for so many more rotations.
func (n *node) awaitRotations(more int64) {
	n.t.Helper()
	from := n.Rotations.Load()
	await(n.t, fmt.Sprintf("%d rotations", more), func() bool { return n.Rotations.Load() >= from+more })
}

// awaitLines waits for so many more lines.
func (n *node) awaitLines(more int64) {
	n.t.Helper()
	from := n.Lines.Load()
	await(n.t, fmt.Sprintf("%d lines", more), func() bool { return n.Lines.Load() >= from+more })
}
