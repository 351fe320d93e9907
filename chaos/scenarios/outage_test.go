package scenarios

import (
	"testing"
	"time"

	"logboom/chaos/kubelet"
)

// slowly is a node at the kubelet's own pace: a rotated file is there for more than a minute.
func slowly() kubelet.Config {
	c := busy(1000)
	c.Speed, c.MaxSize, c.MaxFiles = 1, 1<<20, 10
	return c
}

// A real server is killed in the middle of what a connection brings it, and started again.
func TestRealServerKilled(t *testing.T) {
	t.Parallel()
	servers := []string{"elasticsearch"}
	if long() {
		servers = append(servers, "opensearch")
	}
	for _, name := range servers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newStage(t, settings{server: name})
			net := g.startNetwork(nil)
			g.configure(settings{sink: "    min_backoff: 50ms\n    timeout: 10s", url: net.url()})
			n := g.startNode(busy(300))
			g.agent.start()
			g.awaitStored(500)
			for range times(1, 10) {
				net.set(narrow) // requests take a while, and most kills come in the middle of one
				n.awaitLines(500)
				g.backend.kill()
				net.set(weather{})
				n.awaitLines(200)
				g.startBackend()
				g.awaitStored(n.Lines.Load())
			}
			n.end()
			g.verdict(demand{})
		})
	}
}

// The backend is away for long while lines come: all of them wait on the node, and go out by themselves when it is back.
func TestBackendDownUnderLoad(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{sink: hasty})
	n := g.startNode(busy(1000))
	g.agent.start()
	g.awaitStored(500)
	g.backend.kill()
	for end := time.Now().Add(time.Duration(times(5, 300)) * time.Second); time.Now().Before(end); time.Sleep(time.Second) {
		if s, ok := g.ask(); ok && s.Intake.Blocked != "" {
			t.Fatalf("reading stands still: %s", s.Intake.Blocked)
		}
	}
	read := n.Bytes.Load()
	g.awaitStatus("what was written is durable", func(s status) bool { return s.Intake.ReadBytes >= read })
	g.startBackend()
	g.awaitStored(n.Lines.Load())
	n.end()
	g.verdict(demand{})
}

// The agent stands still for as long as a node may swap or a hypervisor may move it, while logs rotate.
func TestAgentStoppedForLong(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{sink: hasty})
	n := g.startNode(slowly())
	g.agent.start()
	g.awaitStored(500)
	g.agent.pause()
	time.Sleep(time.Duration(times(5, 60)) * time.Second)
	g.agent.goOn()
	g.awaitStored(n.Lines.Load())
	n.end()
	g.verdict(demand{})
}
