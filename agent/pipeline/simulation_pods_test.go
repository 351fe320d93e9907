package pipeline

import (
	"math/rand/v2"
	"testing"
	"time"

	"logboom/wal"
)

// The same world with an API that tells of a pod when it likes, and forgets everything with a crash of the agent.
func TestSimulationWithAnAPIThatAnswersLate(t *testing.T) {
	simulations(t, "seeds", func(s *simulation) { s.lateAPI = true })
}

// lateAPI is such an API.
type lateAPI struct {
	rng   *rand.Rand
	known map[string]bool // by uid
}

func newLateAPI(seed uint64) *lateAPI {
	return &lateAPI{rng: rand.New(rand.NewPCG(seed, 5)), known: map[string]bool{}}
}

func (l *lateAPI) wait() time.Duration { return 3 * time.Second }

// Describe gives a container an id late, and sometimes a label.
func (l *lateAPI) Describe(d *wal.File) bool {
	if l.rng.IntN(8) == 0 {
		l.known[d.PodUID] = true
	}
	if !l.known[d.PodUID] {
		return false
	}
	d.Described, d.Labels = true, map[string]string{"app": "x"}
	if l.rng.IntN(8) == 0 {
		d.ContainerID = "c"
	}
	return true
}
