package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Faults of the node come from commands of whoever runs the tests: how a node's daemons are stopped differs, and nobody
// wants that done to a node without having said so. README.md has examples.
const (
	stopAPI        = "LOGBOOM_E2E_STOP_API"
	startAPI       = "LOGBOOM_E2E_START_API"
	killContainerd = "LOGBOOM_E2E_KILL_CONTAINERD"
	staticPods     = "LOGBOOM_E2E_STATIC_PODS" // not a command but the kubelet's folder
)

// given returns the value of variables that a test can't do without. Where one isn't set the test is left out, or fails
// with LOGBOOM_REQUIRE_KUBERNETES=1.
func given(t *testing.T, variable string) string {
	t.Helper()
	value := os.Getenv(variable)
	if value == "" && os.Getenv("LOGBOOM_REQUIRE_KUBERNETES") == "1" {
		t.Fatalf("%s is not set: see chaos/e2e/README.md", variable)
	}
	if value == "" {
		t.Skipf("left out, since %s is not set: see chaos/e2e/README.md (LOGBOOM_REQUIRE_KUBERNETES=1 makes this a failure)", variable)
	}
	return value
}

// shell runs such a command.
func shell(command string) error { return told(exec.Command("sh", "-c", command)) }

// told runs a command; its error has the output.
func told(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return nil
}

// do is shell for the test's own course.
func do(t *testing.T, command string) {
	t.Helper()
	if err := shell(command); err != nil {
		t.Fatal(err)
	}
}

// kill ends the agent's process with SIGKILL, as the kernel does when memory is short, and returns when it runs again. The
// API server has no part in it.
func (d *daemonSet) kill(pod agentPod) {
	d.c.t.Helper()
	before := processes(d.c.t, pod.Metadata.UID)
	if len(before) != 1 {
		d.c.t.Fatalf("the agent's pod has %d processes of logboom, want one", len(before))
	}
	if err := syscall.Kill(before[0], syscall.SIGKILL); err != nil {
		d.c.t.Fatal(err)
	}
	await(d.c.t, "agent after SIGKILL", func() bool {
		now := processes(d.c.t, pod.Metadata.UID)
		return len(now) == 1 && now[0] != before[0]
	})
}

// processes returns the agents of a pod, which its control group names.
func processes(t *testing.T, uid string) (pids []int) {
	t.Helper()
	groups, err := filepath.Glob("/proc/[0-9]*/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range groups {
		group, err := os.ReadFile(path)
		program, err2 := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
		if err != nil || err2 != nil || !strings.HasPrefix(string(program), "/logboom\x00run\x00") {
			continue // it has ended, or is another one
		}
		if g := string(group); !strings.Contains(g, uid) && !strings.Contains(g, strings.ReplaceAll(uid, "-", "_")) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}
