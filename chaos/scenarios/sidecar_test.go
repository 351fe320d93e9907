package scenarios

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A forwarding sidecar has its buffer on a volume and drains it when the pod ends.
func TestForwardingSidecarDrainsWithinItsGrace(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{})
	g.configure(settings{inputs: fmt.Sprintf(filesInput, g.log("*.log"), "plain"), more: "delivery:\n  grace: 2m\n"})
	h := g.hand("forwarded")
	g.fault(`{"delay":"300ms","count":1000}`)
	g.agent.start()
	for i := range 20 {
		h.write(g.log("app.log"), 500)
		if i%7 == 6 {
			g.awaitRead(i/7 + 1) // a name that matches no input is looked for only when the file was known before
			g.rename(g.log("app.log"), fmt.Sprintf("app.log.%d", i))
		}
		time.Sleep(20 * time.Millisecond)
	}
	g.awaitRead(3)
	g.endAgent()
	if n := g.stored(); n != h.next {
		t.Errorf("%d of %d lines are stored when the sidecar has ended", n, h.next)
	}
	g.count(demand{disordered: true})
}

// Where the buffer goes with the pod, nothing may be left in it, nor in the files: not what was written a moment before the
// end, nor a last line without newline.
func TestForwardingSidecarLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{})
	g.configure(settings{inputs: fmt.Sprintf(filesInput, g.log("*.log"), "plain"), more: "delivery:\n  grace: 2m\n  drain_on_stop: true\n"})
	h := g.hand("forwarded")
	g.fault(`{"delay":"200ms","count":1000}`)
	g.agent.start()
	g.awaitStatus("the agent looks at files", func(s status) bool { return !s.Intake.LastStep.IsZero() })
	h.write(g.log("app.log"), 3000)
	g.rename(g.log("app.log"), "app.log.1")
	h.write(g.log("app.log"), 3000)
	g.add(g.log("app.log"), strings.TrimSuffix(h.text(1), "\n"))
	g.endAgent()
	g.count(demand{disordered: true})
}

// And when nobody takes it, the grace ends it, and the next start on that buffer finds it all.
func TestForwardingSidecarEndsWithItsGrace(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{})
	g.configure(settings{inputs: fmt.Sprintf(filesInput, g.log("*.log"), "plain"), more: "delivery:\n  grace: 2s\n  drain_on_stop: true\n"})
	h := g.hand("kept")
	g.backend.kill()
	g.agent.start()
	g.awaitStatus("the agent runs", func(status) bool { return true })
	h.write(g.log("app.log"), 3000)
	begin := time.Now()
	g.endAgent()
	if took := time.Since(begin); took < 1900*time.Millisecond || took > time.Minute {
		t.Errorf("it ended after %v, its grace is 2 s", took)
	}
	g.startBackend()
	g.verdict(demand{disordered: true})
}

// Lines in are lines out: a streaming sidecar prints each line once, across rotation, and ends behind the last one.
func TestStreamPrintsEveryLineOnce(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{})
	out, err := os.Create(filepath.Join(g.dir, "out"))
	must(t, err)
	defer out.Close()
	stream := exec.Command(agentBinary, "stream", g.log("*.log"))
	stream.Stdout, stream.SysProcAttr = out, &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(t, stream.Start())
	t.Cleanup(func() { stream.Process.Kill(); stream.Wait() })
	h, log := g.hand("streamed"), g.log("app.log")
	var written strings.Builder
	written.WriteString(h.text(1))
	g.add(log, written.String())
	await(t, "the stream has met the log", func() bool {
		info, err := out.Stat()
		return err == nil && info.Size() > 0
	})
	for i := range 30 {
		text := h.text(200)
		written.WriteString(text)
		cut := len(text) * (i % 5) / 5 // writes end anywhere
		g.add(log, text[:cut])
		time.Sleep(30 * time.Millisecond)
		g.add(log, text[cut:])
		if i%6 == 5 {
			g.rename(log, fmt.Sprintf("app.log.%d", i))
		}
	}
	must(t, stream.Process.Signal(syscall.SIGTERM))
	must(t, stream.Wait())
	printed, err := os.ReadFile(out.Name())
	must(t, err)
	lines := map[string]int{}
	for line := range strings.Lines(string(printed)) {
		lines[line]++
	}
	double, stored := 0, 0
	for line := range strings.Lines(written.String()) {
		if lines[line] > 0 {
			stored++
		}
		double += max(0, lines[line]-1)
		delete(lines, line)
	}
	fmt.Printf("%-56s written %d stored %d ledgered 0 double %d\n", t.Name(), h.next, stored, double)
	if stored != int(h.next) || double+len(lines) > 0 {
		t.Errorf("%d of %d lines were printed, %d twice, and %d that nobody wrote", stored, h.next, double, len(lines))
	}
}
