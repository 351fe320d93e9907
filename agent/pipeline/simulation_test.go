package pipeline

import (
	"bytes"
	"compress/gzip"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"logboom/agent/tail"
	"logboom/checkpoint"
	"logboom/sink"
	"logboom/wal"
)

var (
	seeds = flag.Int("sim.seeds", 150, "how many simulations to run")
	first = flag.Uint64("sim.first", 1, "the first seed")
)

// The simulation runs the real tail, wal, checkpoint and the two loops, one Step at a time on one goroutine, over files
// that are written, rotated, compressed, removed and cut in partials at random, with a backend that fails at random, and
// with crashes at random. Whatever happens, every line must be stored exactly once.
//
// A seed that fails prints itself: go test ./agent/pipeline -run Simulation -sim.first SEED -sim.seeds 1 -v
func TestSimulationStoresEveryLineOnce(t *testing.T) {
	for seed := *first; seed < *first+uint64(*seeds); seed++ {
		s := newSimulation(t, seed)
		s.run()
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

type simulation struct {
	t     *testing.T
	rng   *rand.Rand
	seed  uint64
	dir   string
	now   time.Time
	out   io.Writer
	clock int

	containers []*container
	written    map[string]int // message to how often it was written: once
	stored     map[string]string

	a     *agent
	store *checkpoint.Store
	ends  map[wal.FileID]wal.Offset // of the last Record of each File in the WAL
}

// container writes one series of files.
type container struct {
	dir     string
	lines   int
	open    bool // the last line was a partial
	message string
	stamps  int
}

func newSimulation(t *testing.T, seed uint64) *simulation {
	s := &simulation{t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 1)), dir: t.TempDir(), now: time.Now(), out: io.Discard,
		written: map[string]int{}, stored: map[string]string{}, ends: map[wal.FileID]wal.Offset{}}
	if *seeds == 1 {
		s.out = os.Stderr
	}
	for i := range 1 + s.rng.IntN(3) {
		dir := filepath.Join(s.dir, "pods", fmt.Sprintf("ns_pod%d_uid%d", i, i), "app")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		s.containers = append(s.containers, &container{dir: dir})
	}
	return s
}

func (s *simulation) run() {
	s.start()
	for range 60 + s.rng.IntN(60) {
		c := s.containers[s.rng.IntN(len(s.containers))]
		switch n := s.rng.IntN(100); {
		case n < 40:
			s.write(c)
		case n < 50:
			s.rotate(c)
		case n < 56:
			s.crash()
		case n < 60:
			s.now = s.now.Add(time.Duration(s.rng.IntN(12000)) * time.Millisecond)
		case n < 80:
			s.now = s.now.Add(time.Duration(s.rng.IntN(1100)) * time.Millisecond)
			s.a.intake.Step(s.now)
		default:
			s.deliver(s.rng.IntN(3) > 0)
		}
	}
	s.finish()
}

// start opens an agent on what the last one left.
func (s *simulation) start() {
	l := slog.New(slog.NewTextHandler(s.out, nil))
	store, err := checkpoint.Open(filepath.Join(s.dir, "checkpoint.db"))
	s.must(err)
	state, err := store.State()
	s.must(err)
	log, recovery, err := wal.Open(wal.Options{Dir: filepath.Join(s.dir, "wal"), SegmentSize: 2 << 10,
		Floor: max(state.Acked, state.Durable), Acked: state.Acked})
	s.must(err)
	if len(recovery.Damaged) > 0 {
		s.t.Errorf("damage after a crash: %+v", recovery.Damaged)
	}
	s.store = store
	s.a = &agent{store: store, state: state, log: log}
	pins := ""
	if s.seed%3 > 0 {
		pins = filepath.Join(s.dir, "pins")
	}
	s.a.tail = tail.New(tail.Options{Inputs: []tail.Input{{Root: filepath.Join(s.dir, "pods"), Route: "logs"}}, Node: "n",
		PinDir: pins, Known: known(state, recovery), SameBoot: s.rng.IntN(4) > 0, Ledger: store,
		Acked: func() wal.Index { return s.a.delivery.Acked() }, Log: l})
	s.a.intake = &Intake{source: s.a.tail, log: gapless{log, s}, space: func() error { return nil }, slog: l}
	s.a.delivery = (&Delivery{log: log, sink: s, store: store, dead: s, slog: l, batchText: 1 << 10,
		reserve: &reserve{path: filepath.Join(s.dir, "RESERVE"), slog: l, tried: time.Now()}}).begin(state.Acked, 2)
}

// gapless is the WAL as Intake writes it. No write fails here and a SIGKILL leaves the page cache alone, so the Records
// of a File must follow one another without gap and overlap, across all restarts.
type gapless struct {
	*wal.Log
	s *simulation
}

func (g gapless) Append(b *wal.Block) error {
	for _, r := range b.Records {
		if end := g.s.ends[r.File.ID]; r.Start != end {
			g.s.t.Errorf("seed %d: a record of %s starts at %d, the one before ended at %d", g.s.seed, r.File.Path, r.Start, end)
		}
		g.s.ends[r.File.ID] = r.End
	}
	return g.Log.Append(b)
}

// crash is a SIGKILL: nothing is flushed. What the page cache has, the next agent finds.
func (s *simulation) crash() {
	s.a.tail.Close()
	s.must(s.store.Close())
	s.start()
}

// deliver turns Delivery once; answered lets one request in flight come to its end.
func (s *simulation) deliver(answered bool) {
	d := s.a.delivery
	if _, err := d.Step(s.now); err != nil {
		s.t.Errorf("delivery: %v", err)
	}
	if !answered {
		return
	}
	select {
	case b := <-d.work:
		b.result, b.err = s.Send(context.Background(), b)
		d.done <- b
	default:
	}
}

// Send is the backend: it stores by id, and sometimes forgets to say so.
func (s *simulation) Send(_ context.Context, events sink.Events) (sink.Result, error) {
	var r sink.Result
	attempt := func() {
		r = sink.Result{}
		events.Each(func(n int, e *sink.Event) error {
			id := fmt.Sprintf("%s/%d/%d", e.File.ID, e.Offset, e.Sum)
			if _, ok := s.stored[id]; ok {
				r.Duplicate++
				return nil
			}
			if s.rng.IntN(50) == 0 {
				r.Refused = append(r.Refused, sink.Refusal{N: n, Type: "test"})
				return nil
			}
			r.Stored++
			s.stored[id] = string(e.Message)
			return nil
		})
	}
	for attempt(); s.rng.IntN(4) == 0; attempt() {
	}
	return r, nil
}

// Put is the dead-letter store: what it has counts as stored.
func (s *simulation) Put(events sink.Events, refused []sink.Refusal) error {
	return events.Each(func(n int, e *sink.Event) error {
		if slices.ContainsFunc(refused, func(r sink.Refusal) bool { return r.N == n }) {
			s.stored[fmt.Sprintf("%s/%d/%d", e.File.ID, e.Offset, e.Sum)] = string(e.Message)
		}
		return nil
	})
}

func (s *simulation) write(c *container) {
	f, err := os.OpenFile(filepath.Join(c.dir, "0.log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	s.must(err)
	defer f.Close()
	for range 1 + s.rng.IntN(8) {
		s.clock++
		piece := fmt.Sprintf("%s/%d.%d;%s", filepath.Base(filepath.Dir(c.dir)), c.lines, s.clock, strings.Repeat("x", s.rng.IntN(60)))
		tag := "F"
		if s.rng.IntN(6) == 0 {
			tag = "P"
		}
		_, err := fmt.Fprintf(f, "2026-11-22T16:%02d:41.%09dZ stdout %s %s\n", s.clock/100000, s.clock, tag, piece)
		s.must(err)
		if c.message += piece; tag == "F" {
			s.written[c.message]++
			c.message = ""
			c.lines++
		}
		c.open = tag == "P"
	}
	if c.open { // an Event that stays open over a long wait is cut in parts, which this oracle does not put together
		s.clock++
		_, err := fmt.Fprintf(f, "2026-11-22T16:%02d:41.%09dZ stdout F %d\n", s.clock/100000, s.clock, s.clock)
		s.must(err)
		s.written[c.message+fmt.Sprint(s.clock)]++
		c.message, c.open = "", false
		c.lines++
	}
}

// rotate does what the kubelet does, with the quota of a generous operator: nothing is removed but what a .gz has.
func (s *simulation) rotate(c *container) {
	live := filepath.Join(c.dir, "0.log")
	if _, err := os.Stat(live); err != nil {
		return
	}
	old, _ := filepath.Glob(live + ".*")
	for _, path := range old {
		if !strings.HasSuffix(path, ".gz") && s.rng.IntN(2) == 0 {
			s.zip(path)
		}
	}
	c.stamps++
	s.must(os.Rename(live, fmt.Sprintf("%s.20261122-%06d", live, c.stamps)))
}

func (s *simulation) zip(path string) {
	text, err := os.ReadFile(path)
	s.must(err)
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	_, err = z.Write(text)
	s.must(err)
	s.must(z.Close())
	s.must(os.WriteFile(path+".tmp", buf.Bytes(), 0o640))
	s.must(os.Rename(path+".tmp", path+".gz"))
	if s.rng.IntN(3) == 0 { // somebody looks in between
		s.now = s.now.Add(1100 * time.Millisecond)
		s.a.intake.Step(s.now)
	}
	s.must(os.Remove(path))
}

// finish lets the agent come to an end, and counts.
func (s *simulation) finish() {
	for round := range 3000 {
		next := s.a.intake.Step(s.now)
		s.deliver(true)
		if !next.IsZero() {
			s.now = s.now.Add(400 * time.Millisecond)
			if round > 60 && s.a.tail.AtEnd() && s.a.delivery.empty() && s.a.delivery.Acked() >= s.a.log.Durable() && s.a.tail.Finished() {
				break
			}
		}
	}
	got := map[string]int{}
	for _, m := range s.stored {
		got[m]++
	}
	for m := range s.written {
		if got[m] != 1 {
			s.t.Errorf("seed %d: line %.60q is stored %d times", s.seed, m, got[m])
		}
	}
	for m := range got {
		if s.written[m] == 0 {
			s.t.Errorf("seed %d: %.60q is stored and was never written", s.seed, m)
		}
	}
	s.must(s.store.Losses(func(l checkpoint.Loss) error {
		s.t.Errorf("seed %d: the ledger has a loss: %+v", s.seed, l)
		return nil
	}))
	s.accountFor()
	s.a.tail.Close()
	s.must(s.a.log.Close())
	s.must(s.store.Close())
}

// accountFor checks that what the checkpoint has of each File ends where its Records ended, and that nothing waits.
func (s *simulation) accountFor() {
	if a, d := s.a.delivery.Acked(), s.a.log.Durable(); a < d {
		s.t.Errorf("seed %d: acked %d, durable %d", s.seed, a, d)
	}
	if left, _ := filepath.Glob(filepath.Join(s.dir, "wal", "*")); len(left) > 1 {
		s.t.Errorf("seed %d: delivered segments are left: %v", s.seed, left)
	}
}

func (s *simulation) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("seed %d: %v", s.seed, err)
	}
}
