// Package elasticsearch gives tests a real Elasticsearch node, without Docker.
//
// The node is the server's own code from Maven Central, on a free port of the loopback address, with its data in a folder
// of its own under the repository's tmp/. All tests of one process share one node, so they pay its start, about five
// seconds, once; each should use index names of its own. The node ends and removes its folder when the process does,
// however that comes. It takes 512 MiB of heap.
//
// With LOGBOOM_SERVER=opensearch the node is a real OpenSearch instead, so that any test can be run against both; start.sh has
// the names of further versions.
//
// Where Java 17 or Maven is missing, tests are skipped; with LOGBOOM_REQUIRE_ELASTICSEARCH=1 they fail instead.
package elasticsearch

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"logboom/chaos/port"
)

// RequireVariable names the environment variable that turns a skip into a failure when it is 1.
const RequireVariable = "LOGBOOM_REQUIRE_ELASTICSEARCH"

// ServerVariable names the environment variable that chooses the server, by a name that start.sh knows: elasticsearch by default.
const ServerVariable = "LOGBOOM_SERVER"

// missing is the scripts' exit status for a machine without Java or Maven.
const missing = 3

var shared node

// Start returns the URL of this process's node, which it starts at the first call and after a Kill. In short mode the
// test is skipped.
func Start(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("needs an Elasticsearch node: not in short mode")
	}
	return shared.start(t)
}

// Kill ends the node with SIGKILL and returns when it is gone. What it had acknowledged is on its disk.
func Kill(t testing.TB) {
	t.Helper()
	shared.kill(t)
}

// Restart starts the node that Kill ended, with the same data and URL.
func Restart(t testing.TB) {
	t.Helper()
	shared.start(t)
}

// server is what ServerVariable says.
func server() string {
	if name := os.Getenv(ServerVariable); name != "" {
		return name
	}
	return "elasticsearch"
}

// node is one server and its folder.
type node struct {
	server string // "": what ServerVariable says

	mu   sync.Mutex // guards all below
	dir  string
	addr string // what has its port; "" until the first start
	url  string
	live bool
}

func (n *node) start(t testing.TB, settings ...string) string {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.live {
		return n.url
	}
	if err := n.prepare(); err != nil {
		t.Fatal(err)
	}
	name := n.server
	if name == "" {
		name = server()
	}
	number, err := n.port()
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"--server", name, "--dir", n.dir, "--port", number, "--owner", strconv.Itoa(os.Getpid())}
	out, err := script("start.sh", append(args, settings...)...)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == missing && os.Getenv(RequireVariable) != "1" {
		t.Skipf("%s (%s=1 makes this a failure)", strings.TrimSpace(string(exit.Stderr)), RequireVariable)
	}
	if err != nil {
		t.Fatal(explain(err))
	}
	n.url, n.live = strings.TrimSpace(string(out)), true
	return n.url
}

func (n *node) kill(t testing.TB) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, err := script("stop.sh", "--kill", "--dir", n.dir); err != nil {
		t.Fatal(explain(err))
	}
	n.live = false
}

// port returns the node's port, the same for each start, so that a restart has the same URL.
func (n *node) port() (number string, err error) {
	if n.addr == "" {
		if n.addr, err = port.Free(); err != nil {
			return "", err
		}
	}
	_, number, err = net.SplitHostPort(n.addr)
	return number, err
}

// prepare makes the node's folder, and removes those that killed nodes of earlier processes left.
func (n *node) prepare() error {
	if n.dir != "" {
		return nil
	}
	root, err := repository()
	if err != nil {
		return err
	}
	prefix := filepath.Join(root, "tmp", "elasticsearch-test-")
	if err := os.MkdirAll(filepath.Dir(prefix), 0o755); err != nil {
		return err
	}
	left, err := filepath.Glob(prefix + "*")
	if err != nil {
		return err
	}
	for _, dir := range left {
		owner, _, _ := strings.Cut(strings.TrimPrefix(dir, prefix), "-")
		if pid, err := strconv.Atoi(owner); err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
		}
	}
	n.dir, err = os.MkdirTemp(filepath.Dir(prefix), fmt.Sprintf("elasticsearch-test-%d-", os.Getpid()))
	return err
}

// script runs one of this folder's scripts and returns its standard output.
func script(name string, args ...string) ([]byte, error) {
	root, err := repository()
	if err != nil {
		return nil, err
	}
	return exec.Command(filepath.Join(root, "chaos", "elasticsearch", name), args...).Output()
}

// explain adds to err what the script said.
func explain(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	return err
}

// repository returns the folder with go.mod, at or above the working directory, which in a test is the package's.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no go.mod at or above the working directory")
		}
		dir = filepath.Dir(dir)
	}
}
