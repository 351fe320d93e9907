package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test binary stand in for the agent.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "run" {
		fault, _ := os.ReadFile(filepath.Join(filepath.Dir(os.Args[3]), "..", "fault"))
		runFakeAgent(os.Args[3], string(fault))
	}
	os.Exit(m.Run())
}

// short is a demo of a few seconds with the fake agent.
func short(t *testing.T, fault string) options {
	t.Helper()
	dir := t.TempDir()
	backend := filepath.Join(dir, "backend")
	if out, err := exec.Command("go", "build", "-o", backend, "../backend").CombinedOutput(); err != nil {
		t.Fatalf("build the backend: %v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "fault"), []byte(fault), 0o600); err != nil {
		t.Fatal(err)
	}
	return options{
		logboom: os.Args[0], backend: backend, dir: filepath.Join(dir, "demo"), rate: 500, seed: 1, write: 8 * time.Second,
		backendKill: 2 * time.Second, backendBack: 2500 * time.Millisecond,
		agentKill: 5 * time.Second, agentBack: 5500 * time.Millisecond, limit: 30 * time.Second,
	}
}

func TestDemoPassesOnlyWhenEveryLineIsStoredOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 10 s")
	}
	for fault, want := range map[string]string{
		"": "", "lose": "what is stored is not what was written", "double": "what is stored is not what was written",
	} {
		t.Run("fault="+fault, func(t *testing.T) {
			t.Parallel()
			o := short(t, fault)
			err := run(t.Context(), o)
			// The fake agent has no handler for SIGTERM; that alone is not held against it here.
			if err != nil && strings.HasPrefix(err.Error(), "agent ended with signal: terminated") {
				err = nil
			}
			if got := errorText(err); got != want {
				t.Errorf("the demo said %q, want %q", got, want)
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestAgentThatDiesByItselfEndsTheDemo(t *testing.T) {
	o := short(t, "")
	o.logboom = "/bin/false"
	start := time.Now()
	if err := run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "the agent ended by itself:") {
		t.Errorf("the demo said %v", err)
	}
	if took := time.Since(start); took > 15*time.Second {
		t.Errorf("it took %v to notice", took)
	}
}

func TestDemoEmptiesOnlyItsOwnFolder(t *testing.T) {
	dir := t.TempDir()
	mine := filepath.Join(dir, "demo")
	for range 2 {
		if err := emptyDir(mine); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(mine, "left"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := emptyDir(mine); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(mine, "left")); err == nil {
		t.Error("what an earlier demo left is still there")
	}
	if err := emptyDir(dir); err == nil {
		t.Error("emptied a folder that is not from a demo")
	}
}
