package scenarios

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"logboom/chaos/kubelet"
)

// storm is everything at once, by a seed.
type storm struct {
	*stage
	random *rand.Rand
	until  time.Time
	done   map[string]int // acts, by name
	agent0 process        // as the agent is started when nothing is scarce
	pods   int            // of hands
	net    *network
}

// All faults at random: agent and backend killed, stopped and ended, answers spoiled, checkpoints damaged, few descriptors
// and little memory, a small WAL, a bad network, while containers log, rotate, crash and go. LOGBOOM_STORM is how long,
// LOGBOOM_SEED which, and LOGBOOM_SERVER in front of what.
func TestStorm(t *testing.T) {
	t.Parallel()
	length, err := time.ParseDuration(os.Getenv("LOGBOOM_STORM"))
	if err != nil {
		length = time.Duration(times(8, 60)) * time.Second
	}
	g := newStage(t, settings{server: chosen()})
	s := &storm{stage: g, random: g.random(), until: time.Now().Add(length), done: map[string]int{}, agent0: g.agent, net: g.startNetwork(nil)}
	g.configure(settings{wal: "  max_size: 8MiB\n  segment_size: 1MiB", sink: s.patience() + "\n    batch_size: 1MiB", url: s.net.url(), more: "lock_wait: 30s\n"})
	n := g.startNode(kubelet.Config{Seed: s.random.Uint64(), Speed: 10, MaxSize: 128 << 10, MaxFiles: 20, Pods: threePods(length, s.rate())})
	g.film.title(fmt.Sprintf("Storm-%s-%d", cmp.Or(chosen(), "embedded"), s.seed))
	g.agent.start()
	s.rage()
	n.end()
	s.ordinary()
	t.Logf("%v of %v; %d rotations, %d restarts of containers", length, s.done, n.Rotations.Load(), n.Restarts.Load())
	g.verdict(demand{})
}

// threePods is a small node, with 2,000 lines a second at rate 1: a busy pod, one that logs everything that the format allows, and one that crashes. An attempt's
// files go when the next one has ended: 6 s are enough for any agent to have seen them.
func threePods(length time.Duration, rate float64) []kubelet.Pod {
	var exits []time.Duration
	for at := 6 * time.Second; at < length; at += 6 * time.Second {
		exits = append(exits, at)
	}
	return []kubelet.Pod{
		{Namespace: "storm", Name: "busy", Containers: []kubelet.Container{{Name: "app", Rate: 1500 * rate, Stderr: 0.1}}},
		{Namespace: "storm", Name: "odd", Containers: []kubelet.Container{{Name: "app", Rate: 300 * rate, Stderr: 0.5, Long: 0.02, Binary: 0.05}}},
		{Namespace: "storm", Name: "flaky", Containers: []kubelet.Container{{Name: "app", Rate: 200 * rate, Stderr: 0.3, OpenEnd: true, Exits: exits}}},
	}
}

// patience is how long the agent waits for an answer: a real server is slow when it has just started.
func (s *storm) patience() string {
	if _, ok := s.backend.(*embedded); ok {
		return hasty
	}
	return "    min_backoff: 50ms\n    timeout: 5s"
}

// rate is how fast containers log: a real server is down for much longer than the embedded one, and must catch up.
func (s *storm) rate() float64 {
	if _, ok := s.backend.(*embedded); ok {
		return 1
	}
	return 0.25
}

// rage does one thing after the other. Whatever the agent is away for is much shorter than the kubelet keeps a file.
func (s *storm) rage() {
	acts := []act{
		{"agent killed", func() { s.agent.kill(); s.pause(1500); s.restart() }},
		{"agent killed twice", func() { s.agent.kill(); s.restart(); s.pause(100); s.agent.kill(); s.restart() }},
		{"agent ended", func() { s.endAgent(); s.pause(500); s.restart() }},
		{"agent stopped", func() { s.agent.pause(); s.pause(2000); s.agent.goOn() }},
		{"checkpoint damaged", s.damage},
		{"backend killed", func() { s.backend.kill(); s.pause(1500); s.startBackend() }},
		{"backend killed and agent too", func() {
			s.backend.kill()
			s.agent.kill()
			s.pause(500)
			s.restart()
			s.pause(500)
			s.startBackend()
		}},
		{"backend stopped", func() { s.backend.pause(); s.pause(2500); s.backend.goOn() }},
		{"network bad", s.badNetwork},
		{"network bad", s.badNetwork},
		{"connections reset", s.net.reset},
		{"pod deleted", s.podComesAndGoes},
	}
	if _, ok := s.backend.(*embedded); ok { // a real server does as it pleases
		acts = append(acts, act{"answers spoiled", s.spoil}, act{"answers spoiled", s.spoil})
	}
	for time.Now().Before(s.until) {
		act := acts[s.random.IntN(len(acts))]
		act.do()
		s.done[act.name]++
		s.pause(700)
	}
}

// act is one thing that happens in a storm.
type act struct {
	name string
	do   func()
}

// pause waits for up to so many milliseconds.
func (s *storm) pause(most int) { time.Sleep(time.Duration(s.random.IntN(most)) * time.Millisecond) }

// restart starts the agent, sometimes with few descriptors or little memory.
func (s *storm) restart() {
	s.ordinary()
	switch s.random.IntN(4) {
	case 0:
		s.agent.args = append([]string{"/bin/sh", "-c", `ulimit -n 48 && exec "$@"`, "sh"}, s.agent.args...)
	case 1:
		s.agent.env = []string{"GOMEMLIMIT=32MiB"}
	}
	s.agent.start()
}

func (s *storm) ordinary() { s.agent.args, s.agent.env = s.agent0.args, nil }

// damage spoils the checkpoint of a dead agent.
func (s *storm) damage() {
	s.agent.kill()
	path := filepath.Join(s.data(), "checkpoint.db")
	if info, err := os.Stat(path); err == nil {
		s.film.moment("checkpoint damaged")
		switch s.random.IntN(4) {
		case 0:
			must(s.t, os.Remove(path))
		case 1:
			must(s.t, os.Truncate(path, s.random.Int64N(info.Size()+1)))
		case 2:
			must(s.t, os.WriteFile(path, make([]byte, info.Size()), 0o600))
		case 3:
			must(s.t, os.WriteFile(path, []byte(strings.Repeat("noise", int(info.Size())/5)), 0o600))
		}
	}
	s.restart()
}

// badNetwork lets the network be bad for a while.
func (s *storm) badNetwork() {
	weathers := []weather{late, narrow, deaf, silent, hollow, partitioned}
	s.net.set(weathers[s.random.IntN(len(weathers))])
	s.pause(3000)
	if s.random.IntN(2) == 0 {
		s.net.reset()
	}
	s.net.set(weather{})
}

// spoil lets some of the next answers of the backend go wrong.
func (s *storm) spoil() {
	faults := []string{
		`{"answer":"cut","stored":true,"count":%d}`, `{"answer":"half","count":%d}`, `{"answer":"short","count":%d}`,
		`{"answer":"garbage","stored":true,"count":%d}`, `{"answer":"html","count":%d}`, `{"status":503,"stored":true,"count":%d}`,
		`{"status":429,"count":%d}`, `{"hang":"2s","stored":true,"count":%d}`, `{"delay":"300ms","count":%d}`,
		`{"items":{"every":3,"status":429,"stored":true},"count":%d}`, `{"items":{"every":2,"first":1,"status":503},"count":%d}`,
	}
	s.film.moment("answers spoiled")
	s.fault(fmt.Sprintf(faults[s.random.IntN(len(faults))], 1+s.random.IntN(4)))
}

// podComesAndGoes deletes a pod as soon as the agent has seen its log, whatever it has read of it.
func (s *storm) podComesAndGoes() {
	s.pods++
	h, dir := s.container(fmt.Sprintf("guest-%d", s.pods))
	log := filepath.Join(dir, "0.log")
	h.write(log, 1+s.random.IntN(50))
	await(s.t, "the log has a pin", func() bool { return links(s.t, log) == 2 })
	if s.random.IntN(2) == 0 {
		s.agent.kill()
		defer s.restart()
	}
	h.write(log, s.random.IntN(500))
	must(s.t, os.RemoveAll(filepath.Dir(dir)))
	s.film.moment("pod deleted")
}
