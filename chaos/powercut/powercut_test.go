package powercut

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"logboom/chaos/cutfs"
)

// artifacts is where failures are kept: the project's tmp, which is not under version control.
const artifacts = "../../tmp/powercut"

const cutsInALife = 10

// TestPowerCuts is the campaign.
func TestPowerCuts(t *testing.T) {
	cuts, seed := number(t, "LOGBOOM_POWERCUTS", 30), uint64(number(t, "LOGBOOM_POWERCUT_SEED", int(time.Now().UnixNano()%1e6)))
	backend, logboom := buildBackend(t), build(t, "logboom", "../../agent")
	for done := 0; done < cuts; done += cutsInALife {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { liveAndJudge(t, seed, min(cutsInALife, cuts-done), logboom, backend) })
		seed++
	}
}

func liveAndJudge(t *testing.T, seed uint64, cuts int, logboom, backend string) {
	l := newLife(t, seed, runLogboom(logboom))
	startBackend(t, l, backend)
	l.configure()
	var v *verdict
	defer func() {
		if t.Failed() {
			l.keep(filepath.Join(artifacts, fmt.Sprint("seed-", seed)), v)
		}
	}()
	v = l.live(cuts)
	t.Logf("%d cuts: %v", cuts, v)
	l.checkLedger(logboom)
	for what, all := range map[string][]string{"missing": v.missing, "double": v.double, "unexplained": v.unexplained} {
		for _, one := range all[:min(3, len(all))] {
			t.Errorf("%s: %s", what, one)
		}
	}
}

// checkLedger wants no damaged Block in the ledger. A .gz may well be damaged: the kubelet does not fsync.
func (l *life) checkLedger(logboom string) {
	l.t.Helper()
	ledger, err := exec.Command(logboom, "ledger", "-c", l.config(), "--json").CombinedOutput()
	must(l.t, err)
	fmt.Fprintf(&l.history, "ledger:\n%s\n", ledger)
	for line := range bytes.Lines(ledger) {
		var loss struct{ Cause, Detail string }
		must(l.t, json.Unmarshal(line, &loss))
		if loss.Cause == "damaged" && !strings.HasPrefix(loss.Detail, "decompress") {
			l.t.Errorf("ledger: %s", line)
		}
	}
}

// runLogboom starts the agent as every life does.
func runLogboom(logboom string) func(*life, bool) (*process, error) {
	return func(l *life, drain bool) (*process, error) {
		args := []string{logboom, "run", "-c", l.config()}
		if drain {
			args = append(args, "--exit-when-drained")
		}
		return startBooted(l.log(), l.bootID(), args...)
	}
}

func (l *life) config() string { return filepath.Join(l.dir, "agent.yaml") }

// configure writes the agent's configuration.
func (l *life) configure() {
	text := fmt.Sprintf(configuration, l.data(), l.pods(), l.url, index, l.addr)
	must(l.t, os.WriteFile(l.config(), []byte(text), 0o600))
}

const configuration = `data_dir: %q
inputs:
  - kubernetes:
      root: %q
wal:
  max_size: 256MiB
  segment_size: 1MiB
  min_free: 1%%
sink:
  elasticsearch:
    urls: [%q]
    index: %s
http:
  listen: %s
`

func number(t *testing.T, name string, other int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return other
	}
	n, err := strconv.Atoi(text)
	must(t, err)
	return n
}

func buildBackend(t *testing.T) string {
	t.Helper()
	if err := cutfs.Available(); err != nil {
		if os.Getenv("LOGBOOM_REQUIRE_FUSE") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return build(t, "backend", "../backend")
}

// build builds a command.
func build(t *testing.T, name, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), name)
	cmd := exec.Command("go", "build", "-o", to, from)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", from, err, out)
	}
	return to
}

var listening = regexp.MustCompile(`listening on (http://\S+)`)

// startBackend starts the embedded backend outside of the file system, for a whole life.
func startBackend(t *testing.T, l *life, binary string) {
	t.Helper()
	log := filepath.Join(l.dir, "backend.log")
	p, err := start(log, nil, syscall.SysProcAttr{}, binary, "--listen", "127.0.0.1:0", "--data", filepath.Join(l.dir, "backend"))
	must(t, err)
	t.Cleanup(p.kill)
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if at := listening.FindSubmatch(tail(log)); at != nil {
			l.url = string(at[1])
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the backend does not come up:\n%s", tail(log))
		}
	}
}
