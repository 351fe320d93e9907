package pipeline

import (
	"testing"
	"time"
)

// The same world without pins, and with an API that answers late: an agent that is asked to end still reads what only its
// descriptors keep.
func TestSimulationOfAgentsThatAreAskedToEnd(t *testing.T) {
	simulations(t, "seeds", func(s *simulation) {
		s.orderly, s.lateAPI, s.pins = true, true, false
		s.badDisk, s.amnesia, s.maxSize = false, false, 0 // then there is always room to read
	})
}

// end is what a SIGTERM does to Intake: another scan, and what it finds.
func (s *simulation) end() {
	a := s.a
	durable := a.log.Durable()
	a.ending.Store(&durable)
	for range 200 {
		if next := a.intake.Step(s.now); !next.IsZero() && a.tail.LookedAgain() {
			break
		}
		s.now = s.now.Add(time.Millisecond)
	}
	s.must(a.intake.sync())
	s.must(a.tail.Leave(s.now))
}
