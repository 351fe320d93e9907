package scenarios

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"logboom/chaos/kubelet"
)

// With 48 descriptors 200 files are read all the same, also while they rotate.
func TestFewDescriptors(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{})
	g.agent.args = append([]string{"/bin/sh", "-c", `ulimit -n 48 && exec "$@"`, "sh"}, g.agent.args...)
	hands, logs := make([]*hand, 200), make([]string, 200)
	for i := range hands {
		h, dir := g.container(fmt.Sprintf("few-%d", i))
		hands[i], logs[i] = h, filepath.Join(dir, "0.log")
		h.write(logs[i], 20)
	}
	g.agent.start()
	g.awaitStored(200 * 20)
	for i, h := range hands {
		h.write(logs[i], 20)
		g.rename(logs[i], "0.log.20261125-101010")
		h.write(logs[i], 20)
	}
	g.awaitStored(200 * 60)
	g.agent.pause()
	for i, h := range hands {
		h.write(logs[i], 20)
		must(t, os.RemoveAll(filepath.Dir(filepath.Dir(logs[i]))))
	}
	g.agent.goOn()
	g.verdict(demand{})
}

// A backlog of many files is not loaded into memory (vector #26035), and little memory is enough.
func TestLowMemoryWithABacklog(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{})
	g.agent.env = []string{"GOMEMLIMIT=32MiB"}
	for i := range 50 {
		h, dir := g.container(fmt.Sprintf("backlog-%d", i))
		h.noise = true
		h.write(filepath.Join(dir, "0.log"), times(1000, 20000))
	}
	g.agent.start()
	n := int64(50 * times(1000, 20000))
	g.awaitStored(n / 2)
	g.agent.kill() // now the backlog is in the WAL as well
	g.agent.start()
	g.awaitStored(n)
	if peak := g.peak(); peak > 96<<20 {
		t.Errorf("the agent had %d MB of memory", peak>>20)
	}
	g.verdict(demand{})
}

// A backlog of many files in a memory cgroup of 64 MiB, which the agent must find by itself: the kernel kills what has more. Where no
// such group can be made, the limit is that of Go's runtime alone.
func TestLittleMemoryInAContainer(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{})
	g.confine(64 << 20)
	for i := range 50 {
		h, dir := g.container(fmt.Sprintf("confined-%d", i))
		h.noise = true
		h.write(filepath.Join(dir, "0.log"), times(1000, 10000))
	}
	g.agent.start()
	n := int64(50 * times(1000, 10000))
	g.awaitStored(n / 2)
	g.agent.kill()
	g.agent.start()
	g.awaitStored(n)
	g.verdict(demand{})
}

// confine lets the agent run in a memory cgroup of so many bytes, of version 1 or 2, whichever the machine has.
func (g *stage) confine(bytes int64) {
	g.t.Helper()
	for root, limit := range map[string]string{"/sys/fs/cgroup/memory": "memory.limit_in_bytes", "/sys/fs/cgroup": "memory.max"} {
		dir := filepath.Join(root, filepath.Base(g.dir))
		if os.Mkdir(dir, 0o755) != nil {
			continue
		}
		g.t.Cleanup(func() {
			await(g.t, "the cgroup is empty", func() bool { return os.Remove(dir) == nil })
		})
		if _, err := os.Stat(filepath.Join(dir, limit)); err != nil { // a folder like others, or without this controller
			continue
		}
		must(g.t, os.WriteFile(filepath.Join(dir, limit), fmt.Append(nil, bytes), 0o644))
		g.agent.args = append([]string{"/bin/sh", "-c", `echo $$ >"$0/cgroup.procs" && exec "$@"`, dir}, g.agent.args...)
		return
	}
	g.t.Log("no memory cgroup can be made here")
	g.agent.env = []string{fmt.Sprint("GOMEMLIMIT=", bytes/2)}
}

// peak is the most memory that the running agent had, in bytes.
func (g *stage) peak() int64 {
	g.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", g.agent.cmd.Process.Pid))
	must(g.t, err)
	_, rest, _ := bytes.Cut(text, []byte("VmHWM:"))
	kb, err := strconv.ParseInt(string(bytes.Fields(rest)[0]), 10, 64)
	must(g.t, err)
	return kb << 10
}

// smallWAL is one that a single pod may fill.
const smallWAL = "  max_size: 4MiB\n  segment_size: 1MiB\n  max_pod_share: 100%"

// The WAL is full and the backend gone: reading stands still while the kubelet rotates and deletes, and goes on by itself.
func TestQuotaReachedAndFreed(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{wal: smallWAL, sink: hasty})
	c := busy(3000)
	c.Speed, c.MaxFiles = 5, 5 // what is rotated goes four ticks of 2 s later
	n := g.startNode(c)
	g.agent.start()
	g.awaitStored(500)
	g.backend.kill()
	h, dir := g.container("filler")
	h.noise = true
	h.write(filepath.Join(dir, "0.log"), 20000)
	g.awaitStatus("the WAL is full", func(s status) bool { return s.Intake.Blocked != "" })
	n.awaitRotations(5) // more than the kubelet keeps
	g.startBackend()
	n.end()
	g.verdict(demand{})
}

// The same with 48 descriptors, and agents that are killed and ended meanwhile: there are many more pins and .gz than can be open, and
// nothing can be read.
func TestFewDescriptorsAndAFullWAL(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{wal: smallWAL, sink: hasty})
	n := g.startNode(kubelet.Config{Seed: 2, Speed: 10, MaxSize: 64 << 10, MaxFiles: 20, Pods: threePods(time.Hour, 1)})
	g.agent.args = append([]string{"/bin/sh", "-c", `ulimit -n 48 && exec "$@"`, "sh"}, g.agent.args...)
	g.agent.start()
	g.awaitStored(500)
	g.backend.kill()
	h, dir := g.container("filler")
	h.noise = true
	h.write(filepath.Join(dir, "0.log"), 20000)
	g.awaitStatus("the WAL is full", func(s status) bool { return s.Intake.Blocked != "" })
	for range 3 {
		n.awaitRotations(int64(times(12, 100)))
		g.agent.kill()
		g.agent.start()
		n.awaitRotations(int64(times(12, 100)))
		g.endAgent()
		g.agent.start()
	}
	g.startBackend()
	n.end()
	g.verdict(demand{})
}

// With on_full: drop_oldest the newest lines are secured, and those given up for them are listed to the byte.
func TestDropOldestListsWhatItDrops(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{wal: smallWAL + "\n  on_full: drop_oldest", sink: hasty})
	h, dir := g.container("dropped")
	h.noise = true
	log := filepath.Join(dir, "0.log")
	h.write(log, 1000)
	g.agent.start()
	g.awaitStatus("1,000 lines are acknowledged", func(s status) bool { return s.Account.Known > 0 && s.Account.Acked == s.Account.Known })
	g.backend.kill()
	for range 4 {
		h.write(log, 10000)
		g.awaitRead(1)
	}
	g.awaitStatus("the oldest Segment is given up", func(s status) bool { return s.Account.Lost > 0 })
	g.agent.kill()
	g.startBackend()
	g.verdict(demand{lost: someLines})
}

// The clock is set while files are written: their times jump, also into the future and far back.
func TestTimesThatLie(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{})
	h, dir := g.container("clock")
	log := filepath.Join(dir, "0.log")
	g.agent.start()
	for i, jump := range []time.Duration{0, -time.Hour, 1000 * time.Hour, -50 * 365 * 24 * time.Hour, time.Minute} {
		at := time.Now().Add(jump)
		h.write(log, 200)
		must(t, os.Chtimes(log, at, at))
		if i%2 == 0 {
			g.awaitStored(int64(200 * (i + 1)))
		}
		g.rename(log, "0.log."+at.Format("20060102-150405"))
	}
	g.verdict(demand{})
}
