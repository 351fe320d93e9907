package elasticsearch

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Own is a node that belongs to one test, which may kill and stop it while other tests use the shared one. Its folder goes
// when the test ends.
type Own struct {
	node node
	t    testing.TB
}

// NewOwn returns a node of the named server, elasticsearch or opensearch, that has not been started.
func NewOwn(t testing.TB, server string) *Own {
	t.Helper()
	o := &Own{node: node{server: server}, t: t}
	t.Cleanup(func() {
		if o.node.live {
			o.Kill()
		}
		os.RemoveAll(o.node.dir)
	})
	return o
}

// Start starts the node, for the first time or after Kill, and returns its URL, which stays the same.
func (o *Own) Start() string {
	o.t.Helper()
	return o.node.start(o.t)
}

// Kill ends it with SIGKILL and returns when it is gone.
func (o *Own) Kill() {
	o.t.Helper()
	o.node.kill(o.t)
}

// Signal sends a signal to the running node, such as SIGSTOP.
func (o *Own) Signal(s syscall.Signal) {
	o.t.Helper()
	text, err := os.ReadFile(filepath.Join(o.node.dir, "pid"))
	if err != nil {
		o.t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		o.t.Fatal(err)
	}
	if err := syscall.Kill(pid, s); err != nil {
		o.t.Fatal(err)
	}
}
