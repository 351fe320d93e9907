package scenarios

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// While Delivery has its grace, containers go on and the kubelet rotates: an agent that only waits for its backend then
// loses what comes and goes. Here nobody answers, so the whole grace passes.
func TestRotatedAwayWhileTheAgentEnds(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{})
	g.configure(settings{more: "delivery:\n  grace: 12s\n"})
	c := busy(2500)
	c.MaxFiles = 4 // what is rotated goes three ticks, which are seconds here, later
	n := g.startNode(c)
	g.agent.start()
	g.awaitStored(500)
	g.backend.kill()
	n.awaitLines(2500) // so that something waits
	g.agent.signal(syscall.SIGTERM)
	n.awaitRotations(6)
	n.end()
	g.agent.wait("after SIGTERM", patience)
	g.startBackend()
	g.verdict(demand{})
}

// SIGTERM to durable takes less than 5 s with 200 files, all of which have just grown, without a backend. What is on the
// disk then is in the WAL when the agent ends: the log files, and the pins, may go with the node.
func TestEndsInFiveSecondsWith200Files(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{})
	g.configure(settings{more: "delivery:\n  grace: 3s\n"})
	hands := make([]*hand, 200)
	logs := make([]string, len(hands))
	for i := range hands {
		var dir string
		hands[i], dir = g.container(fmt.Sprintf("pod%d", i))
		logs[i] = filepath.Join(dir, "0.log")
		hands[i].write(logs[i], 20)
	}
	g.agent.start()
	g.awaitRead(len(hands))
	g.backend.kill()
	for i, h := range hands {
		h.write(logs[i], 100)
	}
	begin, before := time.Now(), g.used()
	g.agent.end(patience)
	took, used := time.Since(begin), g.agent.cmd.ProcessState.UserTime()+g.agent.cmd.ProcessState.SystemTime()-before
	t.Logf("ended %v after SIGTERM, with %v of a core", took.Round(time.Millisecond), used.Round(time.Millisecond))
	if used > 2*time.Second || long() && took > 5*time.Second { // beside other tests its time is theirs, too
		t.Errorf("it ended after %v, with %v of a core; its grace is 3 s", took, used)
	}
	must(t, os.RemoveAll(g.logs))
	must(t, os.RemoveAll(filepath.Join(g.data(), "pins")))
	g.startBackend()
	g.verdict(demand{})
}
