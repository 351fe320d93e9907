package scenarios

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"logboom/chaos/kubelet"
)

// busy is a node of one container, fast enough to be rotated at each tick, a second. What is rotated goes 19 ticks later: no
// file may go that an agent on a busy machine, where it was just started or went on, has not seen.
func busy(lines float64) kubelet.Config {
	return kubelet.Config{Seed: 1, Speed: 10, MaxSize: 128 << 10, MaxFiles: 20, Pods: []kubelet.Pod{
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

// The agent is dead while a container is rotated three times and another pod is deleted: pins and .gz files have it all.
func TestKilledWhileLogsRotateAndAPodIsDeleted(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{})
	h, dir := g.container("leaver")
	h.write(filepath.Join(dir, "0.log"), 100)
	n := g.startNode(busy(2500))
	g.agent.start()
	g.awaitStored(1000)
	await(t, "the leaver has a pin", func() bool { return links(t, filepath.Join(dir, "0.log")) == 2 })
	g.agent.kill()
	n.awaitRotations(2)
	h.write(filepath.Join(dir, "0.log"), 1000)
	must(t, os.RemoveAll(filepath.Dir(dir)))
	n.awaitRotations(1)
	g.agent.start()
	n.awaitLines(500)
	n.end()
	g.verdict(demand{})
}

// A descriptor that is let go some seconds after the rename leaves a burst behind (fluent-bit #10414).
func TestBurstWhoseFileIsGoneBeforeItIsRead(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{})
	g.fault(`{"delay":"50ms","count":1000}`)
	c := busy(20000)
	c.Speed, c.MaxFiles = 5, 3
	n := g.startNode(c)
	g.agent.start()
	g.awaitStored(500)
	g.agent.pause()
	n.awaitRotations(1)
	g.agent.goOn()
	n.awaitRotations(1)
	n.end()
	g.verdict(demand{})
}

// Several rotations a second are more than a look a second sees one by one (vector #7934, #18710; fluentd #4693).
func TestRotationFasterThanTheLooks(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{})
	c := busy(5000)
	c.Speed, c.MaxSize, c.MaxFiles = 50, 32<<10, 1000 // none goes for minutes: each has to be found, not in time
	n := g.startNode(c)
	g.agent.start()
	for range 4 {
		n.awaitRotations(2)
		g.agent.pause() // where it looks more often than it must
		n.awaitRotations(3)
		g.agent.goOn()
	}
	n.end()
	g.verdict(demand{})
}

// What was seen once is pinned, even if nothing of it was read yet (kubernetes #130830).
func TestPodRemovedBeforeTheFirstRead(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{})
	g.agent.start()
	g.awaitStatus("the agent runs", func(status) bool { return true })
	h, dir := g.container("short")
	h.write(filepath.Join(dir, "0.log"), 1)
	await(t, "the log has a pin", func() bool { return links(t, filepath.Join(dir, "0.log")) == 2 })
	g.agent.pause()
	h.write(filepath.Join(dir, "0.log"), 3000)
	must(t, os.RemoveAll(filepath.Dir(dir)))
	g.agent.goOn()
	g.verdict(demand{})
}

func links(t *testing.T, path string) uint64 {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	return uint64(info.Sys().(*syscall.Stat_t).Nlink)
}

// In the middle of a rotation the kubelet's link to a log leads nowhere (kubernetes #52172). The file is read through
// such a link here, as nodes with another agent before logboom have it configured.
func TestLinkThatDanglesInMidRename(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{})
	pods, links := g.log("pods/a/app"), g.log("containers")
	must(t, os.MkdirAll(pods, 0o755))
	must(t, os.Mkdir(links, 0o755))
	log := filepath.Join(pods, "0.log")
	must(t, os.Symlink(log, filepath.Join(links, "a.log")))
	g.configure(settings{inputs: fmt.Sprintf(filesInput, filepath.Join(links, "*.log"), "plain") + fmt.Sprintf("      allowed_roots: [%q]\n", pods)})
	h := g.hand("linked")
	g.agent.start()
	for i := range int64(2) {
		h.write(log, 500)
		g.awaitStored(500 * (i + 1))
		g.rename(log, fmt.Sprintf("0.log.%d", i)) // from here on the link dangles
		time.Sleep(1200 * time.Millisecond)       // for a scan at least
	}
	h.write(log, 500)
	g.verdict(demand{disordered: true})
}

// A file that is made and rotated between two looks is no old one, though its name was never seen in a pattern.
func TestRotatedBeforeItsFirstLook(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{})
	g.configure(settings{inputs: fmt.Sprintf(filesInput, g.log("*.log"), "plain")})
	h := g.hand("unseen")
	g.agent.start()
	g.awaitStatus("the agent runs", func(status) bool { return true })
	g.agent.pause()
	for i := range 2 {
		h.write(g.log("a.log"), 100)
		g.rename(g.log("a.log"), fmt.Sprintf("a.log.%d", 2-i))
	}
	h.write(g.log("a.log"), 100)
	g.agent.goOn()
	g.awaitStored(300)
	g.verdict(demand{disordered: true})
}

// The pieces of one message stand at the end of one file and at the start of the next (beats #47336, kubernetes #107943):
// seen as they come, after both rotations, and in a .gz by the next agent.
func TestEventSplitOverTwoFiles(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{})
	h, dir := g.container("split")
	log := filepath.Join(dir, "0.log")
	h.write(log, 50)
	g.agent.start()
	g.awaitStored(50)
	for i, around := range []struct{ before, after func() }{
		{func() {}, func() {}},
		{g.agent.pause, g.agent.goOn},
		{g.agent.kill, func() {
			text, err := os.ReadFile(log + ".2")
			must(t, err)
			must(t, os.WriteFile(log+".2.gz", zipped(t, text), 0o640))
			must(t, os.Remove(log+".2"))
			g.agent.start()
		}},
	} {
		head, tail := h.split()
		around.before()
		g.add(log, head)
		time.Sleep(200 * time.Millisecond) // an agent that runs sees it like that
		g.rename(log, fmt.Sprintf("0.log.%d", i))
		g.add(log, tail)
		h.write(log, 20)
		around.after()
		g.awaitStored(int64(50 + 21*(i+1)))
	}
	g.verdict(demand{})
}

// A container goes on writing into its file for a moment after the rename, and the quota deletes that as soon as it may.
func TestWriterGoesOnAfterTheRename(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{})
	h, dir := g.container("moment")
	log := filepath.Join(dir, "0.log")
	old, err := os.Create(log)
	must(t, err)
	defer old.Close()
	write := func(n int) {
		t.Helper()
		_, err := old.WriteString(h.text(n))
		must(t, err)
	}
	write(100)
	g.agent.start()
	g.awaitStored(100)
	g.rename(log, "0.log.20261125-101010")
	must(t, os.WriteFile(log, nil, 0o640))
	time.Sleep(2 * time.Second) // two looks
	write(100)
	g.awaitStored(200)
	g.agent.pause()
	write(100)
	must(t, os.Remove(log+".20261125-101010"))
	g.agent.goOn()
	h.write(log, 10)
	g.awaitStored(310)
	g.verdict(demand{disordered: true})
}
