package pipeline

import (
	"math/rand/v2"
	"testing"
	"time"
	"unsafe"
)

// The same world on a node whose clock is set again and again: by a second, by hours, into another year, forward and back, while
// the time that has passed goes on as it did. A kernel can't be asked for that in a test, so it is done to the times that the loops are
// given; what they left in the checkpoint has the wall clock of before.
func TestSimulationOfAClockThatIsSet(t *testing.T) {
	simulations(t, "clock", func(s *simulation) {
		dice := rand.New(rand.NewPCG(uint64(s.rng.Uint32()), 5))
		steps := []time.Duration{time.Second, 10 * time.Second, time.Hour, 25 * time.Hour, 366 * 24 * time.Hour}
		s.meanwhile = func() {
			if dice.IntN(6) == 0 {
				by := steps[dice.IntN(len(steps))]
				if dice.IntN(2) == 0 {
					by = -by
				}
				s.now = clockSet(s.now, by)
			}
		}
	})
}

// clockSet is t on a clock that was set forward by whole seconds: its wall time is another one, its monotonic reading is the same. No
// function of package time makes one; TestAClockThatIsSet checks that its layout is still this.
func clockSet(t time.Time, by time.Duration) time.Time {
	const shift = 30 // below: nanoseconds; above: seconds, and a bit that says that there is a monotonic reading
	wall := (*uint64)(unsafe.Pointer(&t))
	*wall += uint64(int64(by/time.Second)) << shift
	return t
}

func TestAClockThatIsSet(t *testing.T) {
	now := time.Now()
	for _, by := range []time.Duration{time.Second, -time.Second, 400 * 24 * time.Hour, -400 * 24 * time.Hour} {
		set := clockSet(now, by)
		if passed, shown := set.Sub(now), set.Round(0).Sub(now.Round(0)); passed != 0 || shown != by {
			t.Errorf("set by %v: %v have passed, and the wall clock shows %v more", by, passed, shown)
		}
		if later := set.Add(time.Minute); later.Sub(now) != time.Minute {
			t.Errorf("set by %v: a minute later %v have passed", by, later.Sub(now))
		}
	}
}

// The same world with a backend that answers nothing for an hour, while lines come, files rotate and go, and the agent is killed.
func TestSimulationOfAnHourWithoutABackend(t *testing.T) {
	simulations(t, "hour", func(s *simulation) {
		s.maxSize = 0 // a WAL that is full is another matter
		ops := 0
		s.meanwhile = func() {
			if ops++; ops == 20 {
				s.anHourWithoutABackend()
			}
		}
	})
}

func (s *simulation) anHourWithoutABackend() {
	s.down = true
	for end := s.now.Add(time.Hour); s.now.Before(end); s.now = s.now.Add(time.Duration(s.rng.IntN(300)) * time.Second) {
		w := s.writers[s.rng.IntN(len(s.writers))]
		w.write()
		if s.rng.IntN(5) == 0 {
			w.rotate()
		}
		if s.rng.IntN(20) == 0 {
			s.crash()
		}
		s.a.intake.Step(s.now)
		s.deliver(true)
	}
	s.down = false
}
