package scenarios

import (
	"os"
	"path/filepath"
	"testing"

	"logboom/chaos/kubelet"
)

// busy is a node of one container, fast enough to be rotated at each tick.
func busy(lines float64) kubelet.Config {
	return kubelet.Config{Seed: 1, Speed: 10, MaxSize: 128 << 10, MaxFiles: 5, Pods: []kubelet.Pod{
		{Namespace: "shop", Name: "web", Containers: []kubelet.Container{{Name: "web", Rate: lines, Stderr: 0.1, Long: 0.0005, Binary: 0.001}}},
	}}
}

// A middle file must not be skipped (fluent-bit #2110, loki #14462).
func TestTwoRotationsBetweenTwoLooks(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{})
	n := g.startNode(busy(2500))
	g.agent.start()
	g.awaitStored(500)
	g.agent.pause()
	n.awaitRotations(2)
	g.agent.goOn()
	n.awaitLines(500)
	n.end()
	g.verdict(demand{})
}

// The .gz still has the lines that nobody read before the agent was killed.
func TestKilledAcrossThreeRotations(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{})
	n := g.startNode(busy(5000))
	g.agent.start()
	g.awaitStored(500)
	g.agent.kill()
	n.awaitRotations(3)
	g.agent.start()
	n.awaitLines(500)
	n.end()
	g.verdict(demand{})
}

// Pins keep what was met of a container, whatever the kubelet deletes while the agent is dead.
func TestPodDeletedWhileTheAgentIsDead(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{})
	h, dir := g.container("leaver")
	h.write(filepath.Join(dir, "0.log"), 100)
	g.agent.start()
	g.awaitRead(1)
	g.agent.kill()
	h.write(filepath.Join(dir, "0.log"), 1000)
	must(t, os.RemoveAll(filepath.Dir(dir)))
	g.verdict(demand{})
}
