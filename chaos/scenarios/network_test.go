package scenarios

import (
	"testing"
	"time"
)

// The network is slow, narrow, swallows requests or answers without a word, is parted, and resets connections in the middle.
func TestBadNetwork(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{})
	net := g.startNetwork(nil)
	g.configure(settings{sink: hasty, url: net.url()})
	n := g.startNode(busy(2000))
	g.agent.start()
	g.awaitStored(500)
	for _, w := range []weather{late, narrow, deaf, silent, {what: "network slow", latency: 20 * time.Millisecond, speed: 1 << 20}, partitioned, deaf} {
		net.set(w)
		time.Sleep(1200 * time.Millisecond) // more than an answer may take
		net.reset()
		n.awaitLines(200)
	}
	net.set(weather{})
	n.end()
	g.verdict(demand{})
}

// A connection that was taken and leads nowhere holds the agent up no longer than a request may take, and what it was to
// carry is sent again. Nobody ends these connections.
func TestHalfOpenConnections(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{})
	net := g.startNetwork(nil)
	g.configure(settings{sink: hasty, url: net.url()})
	n := g.startNode(busy(2000))
	net.set(hollow)
	g.agent.start()
	n.awaitLines(2000)
	if stored := g.stored(); stored != 0 {
		t.Errorf("%d documents came through connections that lead nowhere", stored)
	}
	net.set(weather{})
	g.awaitStored(3000)
	net.set(partitioned) // now with connections that had been good
	n.awaitLines(3000)
	net.set(weather{})
	g.awaitStored(6000)
	n.end()
	g.verdict(demand{})
}
