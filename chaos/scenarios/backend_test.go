package scenarios

import (
	"os"
	"testing"
	"time"
)

// hasty makes an agent try again soon.
const hasty = "    min_backoff: 50ms\n    timeout: 1s"

// long says whether make chaos asks.
func long() bool { return os.Getenv("LOGBOOM_CHAOS") == "long" }

// times is how often something is done: more often by make chaos.
func times(few, many int) int {
	if long() {
		return many
	}
	return few
}

// Each bulk request takes a while, so that most kills come in the middle of one.
func TestBackendKilledTenTimes(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{sink: hasty})
	n := g.startNode(busy(3000))
	g.agent.start()
	for range 10 {
		g.fault(`{"delay":"100ms","count":1000}`)
		n.awaitLines(500)
		g.backend.kill()
		n.awaitLines(200)
		g.startBackend()
	}
	n.end()
	g.verdict(demand{})
}

// What was sent and not answered is neither acknowledged nor given up: the backend dies with it, and then the agent does, or
// is ended.
func TestBackendAndAgentDieWithRequestsOutstanding(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{sink: hasty, more: "delivery:\n  grace: 100ms\n"})
	n := g.startNode(busy(3000))
	g.agent.start()
	for i := range 4 {
		g.fault(`{"delay":"30s","count":1000}`)
		n.awaitLines(1000)
		g.backend.kill()
		time.Sleep(1500 * time.Millisecond) // acknowledgements are committed once a second
		if i%2 == 0 {
			g.agent.kill()
		} else {
			g.endAgent()
		}
		g.startBackend()
		g.agent.start()
		n.awaitLines(1000)
	}
	n.end()
	g.verdict(demand{})
}

// The backend stores everything, but the answers are cut, torn, or say something else.
func TestAnswersLostAfterStoring(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{sink: hasty})
	n := g.startNode(busy(3000))
	g.fault(`[{"answer":"cut","stored":true,"count":3},{"answer":"half","count":2},{"status":503,"stored":true,"count":2},
		{"status":429,"stored":true,"count":2},{"answer":"garbage","stored":true},{"answer":"empty","stored":true},
		{"answer":"html","stored":true},{"answer":"short","count":2},{"hang":"3s","stored":true},
		{"items":{"every":3,"status":429,"stored":true}},{"items":{"every":2,"first":1,"status":503,"stored":true}}]`)
	g.agent.start()
	n.awaitLines(3000)
	g.agent.kill() // with answers outstanding
	n.awaitLines(500)
	g.agent.start()
	n.awaitLines(3000)
	n.end()
	g.verdict(demand{})
}

// Requests are refused, partly or as a whole, and nothing is stored (vector #25799, fluent-bit #12321, #6341).
func TestBusyBackend(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{sink: hasty})
	n := g.startNode(busy(3000))
	g.fault(`[{"status":429,"count":3},{"items":{"every":2,"status":429},"count":5},{"status":503,"count":3},
		{"items":{"every":1,"status":503},"count":3},{"status":502,"count":2},{"items":{"every":7,"status":429},"count":20}]`)
	g.agent.start()
	n.awaitLines(9000)
	n.end()
	g.verdict(demand{})
}

// Every answer comes late, and some never.
func TestSlowAndHangingBackend(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{sink: hasty})
	n := g.startNode(busy(3000))
	g.fault(`[{"delay":"400ms","count":3},{"hang":"1m","count":2},{"delay":"800ms","count":2},{"hang":"1m","stored":true},{"delay":"200ms","count":1000}]`)
	g.agent.start()
	n.awaitLines(9000)
	n.end()
	g.verdict(demand{})
}

// The agent is killed wherever it is just now.
func TestAgentKilledAtRandom(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{sink: hasty})
	n := g.startNode(busy(3000))
	random := g.random()
	for range times(12, 50) {
		g.agent.start()
		time.Sleep(time.Duration(random.Int64N(int64(400 * time.Millisecond))))
		g.agent.kill()
	}
	g.agent.start()
	n.end()
	g.verdict(demand{})
}
