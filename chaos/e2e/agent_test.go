package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"logboom/chaos/port"
)

// build makes a program of this module, static, and returns its path.
func build(t *testing.T, pkg string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), filepath.Base(pkg))
	cmd := exec.Command("go", "build", "-o", binary, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", pkg, err, out)
	}
	return binary
}

// freeAddr returns an address for one agent, also when it comes back.
func freeAddr(t *testing.T) string {
	t.Helper()
	addr, err := port.Free()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// agent is the built binary with its configuration. It belongs to the test's goroutine.
type agent struct {
	t      *testing.T
	binary string
	config string // path of the file
	log    string // path of all runs' output
	cmd    *exec.Cmd
	exited chan error
}

// newAgent writes the configuration. What still runs when the test ends is killed, and its output shown if it failed.
func newAgent(t *testing.T, config string) *agent {
	t.Helper()
	dir := t.TempDir()
	a := &agent{t: t, binary: build(t, "logboom/agent"), config: filepath.Join(dir, "logboom.yaml"), log: filepath.Join(dir, "log")}
	if err := os.WriteFile(a.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if a.cmd != nil {
			a.kill()
		}
		if t.Failed() {
			t.Logf("the agent's last words:\n%s", a.lastWords())
		}
	})
	return a
}

// start runs the agent until kill or stop.
func (a *agent) start(args ...string) {
	a.t.Helper()
	log, err := os.OpenFile(a.log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		a.t.Fatal(err)
	}
	defer log.Close()
	a.cmd = exec.Command(a.binary, append([]string{"run", "-c", a.config}, args...)...)
	a.cmd.Stdout, a.cmd.Stderr = log, log
	if err := a.cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	exited := make(chan error, 1)
	a.exited = exited
	go func(cmd *exec.Cmd) { exited <- cmd.Wait() }(a.cmd)
}

// kill is SIGKILL.
func (a *agent) kill() {
	a.t.Helper()
	a.cmd.Process.Kill() // an agent that has ended already shows in its status
	err := <-a.exited
	a.cmd = nil
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		a.t.Errorf("the agent ended before it was killed: %v", err)
	}
}

// stop is SIGTERM, which must end in exit code 0.
func (a *agent) stop(grace time.Duration) {
	a.t.Helper()
	if err := a.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		a.t.Fatalf("end the agent: %v", err)
	}
	a.wait("after SIGTERM", grace)
}

// drain runs the agent until everything is delivered.
func (a *agent) drain(limit time.Duration) {
	a.t.Helper()
	a.start("--exit-when-drained")
	a.wait("with --exit-when-drained", limit)
}

func (a *agent) wait(when string, limit time.Duration) {
	a.t.Helper()
	select {
	case err := <-a.exited:
		a.cmd = nil
		if err != nil {
			a.t.Errorf("the agent %s: %v, want exit code 0", when, err)
		}
	case <-time.After(limit):
		a.t.Errorf("the agent %s has not ended after %v", when, limit)
		a.kill()
	}
}

// command runs another command of the binary and returns its standard output.
func (a *agent) command(args ...string) string {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, a.binary, append(args, "-c", a.config)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		a.t.Errorf("logboom %s: %v\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return string(out)
}

func (a *agent) lastWords() string {
	data, err := os.ReadFile(a.log)
	if err != nil {
		return err.Error()
	}
	const most = 8 << 10 // bytes
	return string(data[max(0, len(data)-most):])
}

// configure fills in the configuration that both tests use.
func configure(dataDir, root, url, index, listen string) string {
	return fmt.Sprintf(`data_dir: %q
inputs:
  - kubernetes:
      root: %q
      read_from: beginning
wal:
  max_size: 1GiB
  min_free: 1%%
sink:
  elasticsearch:
    urls: [%q]
    index: %q
    max_backoff: 2s
http:
  listen: %s
`, dataDir, root, url, index, listen)
}
