package scenarios

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"logboom/chaos/report"
)

var agentBinary, backendBinary string // built from this tree

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "scenarios")
	if err == nil {
		agentBinary, backendBinary = filepath.Join(dir, "agent"), filepath.Join(dir, "backend")
		cmd := exec.Command("go", "build", "-o", dir, "logboom/agent", "logboom/chaos/backend")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		var out []byte
		if out, err = cmd.CombinedOutput(); err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "build the agent and the backend:", err)
		os.Exit(1)
	}
	flag.Parse()
	flag.Set("test.parallel", "8") // they wait more than they work
	code := m.Run()
	os.RemoveAll(dir)
	if reports := os.Getenv("LOGBOOM_REPORT"); reports != "" {
		if err := report.Index(reports); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}
