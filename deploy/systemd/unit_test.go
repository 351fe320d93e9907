// Package systemd holds the unit for hosts without Kubernetes.
package systemd

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestUnitIsWhatSystemdTakes has systemd look at the unit, with a program in the agent's place that is there.
func TestUnitIsWhatSystemdTakes(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		if os.Getenv("LOGBOOM_REQUIRE_SYSTEMD") != "" {
			t.Fatal(err)
		}
		t.Skip("systemd-analyze is not installed: the unit is not verified")
	}
	text, err := os.ReadFile("logboom.service")
	if err != nil {
		t.Fatal(err)
	}
	const program = "ExecStart=/usr/local/bin/logboom "
	if strings.Count(string(text), program) != 1 {
		t.Fatalf("the unit does not run %s once", program)
	}
	unit := filepath.Join(t.TempDir(), "logboom.service")
	if err := os.WriteFile(unit, []byte(strings.Replace(string(text), program, "ExecStart=/bin/true ", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("systemd-analyze", "verify", "--man=no", unit).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
	// systemd calls what it finds exposed 2.0 of 10 (version 252).
	if out, err := exec.Command("systemd-analyze", "security", "--offline=yes", "--threshold=25", unit).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// The kernel slows down what is over MemoryHigh, and Go's collector can't know that number by itself.
func TestGoKnowsTheUnitsMemory(t *testing.T) {
	text, err := os.ReadFile("logboom.service")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"\nMemoryHigh=256M\n", "\nEnvironment=GOMEMLIMIT=230MiB\n"} {
		if !strings.Contains(string(text), line) {
			t.Errorf("no %q", line)
		}
	}
}
