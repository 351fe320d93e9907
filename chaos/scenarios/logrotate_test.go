package scenarios

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// A real logrotate must still rotate what a files input reads: it refuses files with a second link. The agent is stopped
// for two of five rotations, and dead for one.
func TestLogrotate(t *testing.T) {
	program, err := exec.LookPath("logrotate")
	if err != nil {
		program, err = exec.LookPath("/usr/sbin/logrotate")
	}
	switch {
	case err != nil && os.Getenv("LOGBOOM_REQUIRE_LOGROTATE") != "":
		t.Fatal(err)
	case err != nil:
		t.Skip("needs logrotate: apt install logrotate")
	}
	for name, options := range map[string]string{
		"Create": "create", "CreateCompress": "create\ncompress", "DelayCompress": "create\ncompress\ndelaycompress",
		"CopyTruncate": "copytruncate", "CopyTruncateCompress": "copytruncate\ncompress",
		"DateExt": "create\ncompress\ndateext\ndateformat -%Y%m%d-%s", "Extension": "create\nextension .log",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newStage(t, settings{})
			g.configure(settings{inputs: fmt.Sprintf(filesInput, g.log("*.log"), "plain")})
			if name == "Extension" { // its rotated names, such as app.1.log, match the pattern too
				g.configure(settings{inputs: fmt.Sprintf(filesInput, g.log("app*.log"), "plain")})
			}
			rules := filepath.Join(g.dir, "logrotate.conf")
			must(t, os.WriteFile(rules, fmt.Appendf(nil, "%s {\nrotate 9\n%s\n}\n", g.log("app.log"), options), 0o644))
			rotate := func(n int) {
				t.Helper()
				time.Sleep(1100 * time.Millisecond) // DateExt needs another second for another name
				out, err := exec.Command(program, "--force", "--state", filepath.Join(g.dir, "state"), rules).CombinedOutput()
				names, _ := filepath.Glob(g.log("app*"))
				if err != nil || len(names) < n+1 {
					t.Fatalf("logrotate: %v, and there are %q:\n%s", err, names, out)
				}
			}
			h := g.hand("rotated")
			g.agent.start()
			for n := 1; n <= 5; n++ {
				h.write(g.log("app.log"), 300)
				switch n {
				case 1:
					g.awaitStored(300)
				case 2:
					g.agent.pause()
				case 4:
					g.agent.goOn()
					g.awaitStored(900)
					h.write(g.log("app.log"), 50)
					g.agent.kill()
				case 5:
					g.agent.start()
				}
				rotate(n)
			}
			h.write(g.log("app.log"), 10)
			g.verdict(demand{disordered: true})
		})
	}
}
