package pipeline

import (
	"testing"
	"time"

	"logboom/wal"
)

// goingOn is how the Lines of a simulated trace are told: all but the first start with a dash.
var goingOn = &wal.Multiline{Continue: "^-", MaxWait: time.Second}

// The same world with Events of several Lines, in two streams and in partials, which crashes must not divide.
func TestSimulationStoresEveryTraceOnce(t *testing.T) {
	simulations(t, "traces", func(s *simulation) { s.traces = true })
}

// And with a WAL that gives the oldest up: a trace is lost whole or not at all.
func TestSimulationDropsWholeTraces(t *testing.T) {
	simulations(t, "traces", func(s *simulation) {
		s.traces, s.drop, s.amnesia, s.maxSize = true, true, false, 6<<10
	})
}
