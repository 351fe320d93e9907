package scenarios

import (
	"path/filepath"
	"testing"
	"time"
)

// An agent dies for good with a backlog. What it left is shipped: a copy first, then the original, and each is killed again and
// again while a slow backend takes it.
func TestBufferOfADeadAgentIsShipped(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{sink: hasty + "\n    batch_size: 1MiB"})
	n := g.startNode(busy(3000))
	g.agent.start()
	g.awaitStored(500)
	g.fault(`{"delay":"100ms","count":100000}`)
	n.awaitLines(3000)
	g.backend.kill()
	n.awaitLines(6000)
	n.end()
	g.awaitRead(1)
	g.agent.kill()
	g.startBackend()
	g.fault(`{"delay":"400ms","count":100000}`)
	random := g.random()
	ship := process{t: t, name: "ship", log: filepath.Join(g.dir, "ship.log"), args: []string{agentBinary, "wal", "ship", "-c", g.config}}
	defer ship.cleanUp()
	for i := range times(6, 30) {
		if i < 2 {
			ship.start("--copy")
		} else {
			ship.start()
		}
		time.Sleep(time.Duration(random.Int64N(int64(1500 * time.Millisecond))))
		ship.cleanUp() // one that has just ended by itself is as good
	}
	ship.start()
	ship.wait("of what was left", time.Minute)
	g.count(demand{})
}
