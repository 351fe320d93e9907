package elasticsearch

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// TestSecuredAgentWaitsForTheRightPassword starts the built agent with a wrong password in the file that its configuration names:
// nothing is stored, and it says why. The right one is written there later, and each line is stored once. The rights to set
// indices up are not its user's, and setup and check say so. Neither password is in anything that was said.
func TestSecuredAgentWaitsForTheRightPassword(t *testing.T) {
	onEachSecured(t, rightPassword)
}

func rightPassword(t *testing.T, s *secured) {
	const index, lines = "logs-agent-secured", 500
	s.allow(s, "agent", s.documented(t, "logboom"))
	a := newAgent(t, s, index)
	const wrong = "quite-Wrong-12"
	must(t, os.WriteFile(a.password, []byte(wrong), 0o600))
	var text strings.Builder
	for i := range lines {
		fmt.Fprintf(&text, "line %d\n", i)
	}
	must(t, os.WriteFile(filepath.Join(a.dir, "app.log"), []byte(text.String()), 0o600))

	cmd, said := a.start(t)
	waitFor(t, "the agent says what is wrong", func() bool { return strings.Contains(said.String(), "does not accept our credentials (401)") })
	if out := a.run(t, "check"); !strings.Contains(out, "does not accept our credentials (401). Until that is put right, logs wait in the WAL") {
		t.Errorf("check says %s", out)
	}
	must(t, os.WriteFile(a.password+".new", []byte(securedPassword), 0o600))
	must(t, os.Rename(a.password+".new", a.password))
	waitFor(t, "all lines are stored", func() bool {
		return s.do("GET", "/"+index, nil, nil).status == 200 && s.documents(index) == lines
	})
	out := a.run(t, "check") + a.run(t, "setup")
	if want := "(403): it needs the right "; strings.Count(out, want) != 2 || strings.Contains(out, "lacks") {
		t.Errorf("check and setup say %s", out)
	}
	if status := a.run(t, "status"); strings.Contains(status, wrong) || strings.Contains(status, securedPassword) {
		t.Errorf("a password is in the status: %s", status)
	}
	must(t, cmd.Process.Signal(syscall.SIGTERM))
	must(t, cmd.Wait())
	if n := s.documents(index); n != lines {
		t.Errorf("%d documents of %d lines", n, lines)
	}
	for _, secret := range []string{wrong, securedPassword} {
		for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte("agent:" + secret))} {
			if strings.Contains(said.String()+out, form) {
				t.Errorf("a password was said: %s%s", said, out)
			}
		}
	}
}

// agent is the built agent and its folder.
type agent struct{ binary, dir, config, password string }

func newAgent(t *testing.T, s *secured, index string) *agent {
	t.Helper()
	dir, err := os.MkdirTemp("", "secured") // t.TempDir is too long for a socket's path
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	a := &agent{binary: filepath.Join(dir, "logboom"), dir: dir, config: filepath.Join(dir, "logboom.yaml"), password: filepath.Join(dir, "password")}
	build := exec.Command("go", "build", "-o", a.binary, "logboom/agent")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	must(t, os.WriteFile(a.config, []byte(fmt.Sprintf(`data_dir: %[1]s/data
inputs:
  - files:
      paths: ["%[1]s/*.log"]
      format: plain
wal: {min_free: 1MiB}
sink:
  elasticsearch:
    urls: [%[2]q]
    index: %[3]s
    username: agent
    password: file:%[1]s/password
    tls: {ca_file: %[4]q}
    max_backoff: 500ms
http: {listen: "off"}
`, dir, s.https, index, s.ca.file("ca.pem"))), 0o600))
	return a
}

// start runs it until the test ends.
func (a *agent) start(t *testing.T) (*exec.Cmd, *lockedBuffer) {
	t.Helper()
	said := &lockedBuffer{}
	cmd := exec.Command(a.binary, "run", "-c", a.config)
	cmd.Stdout, cmd.Stderr = said, said
	must(t, cmd.Start())
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	return cmd, said
}

// run runs one of its other commands, and returns all that it said.
func (a *agent) run(t *testing.T, command string) string {
	t.Helper()
	out, err := exec.Command(a.binary, command, "-c", a.config).CombinedOutput()
	if exit, ok := err.(*exec.ExitError); err != nil && (!ok || exit.ExitCode() != 1) {
		t.Fatalf("%s: %v: %s", command, err, out)
	}
	return string(out)
}

// lockedBuffer is what a process has said so far.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
