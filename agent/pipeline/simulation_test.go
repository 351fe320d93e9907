package pipeline

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"logboom/wal"
)

// The simulation runs the real tail, wal, checkpoint and the two loops, one Step at a time on one goroutine, over files
// that are written, rotated, compressed, copied, cut and removed at random, with a backend and a disk that fail at random,
// with crashes, and with checkpoints that are lost or damaged. Whatever happens, every line must be stored exactly once,
// and nothing may stand in the ledger.
//
// LOGBOOM_SIMULATIONS says how many seeds to run, LOGBOOM_SEED where to begin. Seeds that failed once are in
// testdata/seeds and run first. A seed that fails prints itself; with LOGBOOM_SIMULATIONS=1 it prints the agent's log too:
//
//	LOGBOOM_SEED=17 LOGBOOM_SIMULATIONS=1 go test ./agent/pipeline -run Simulation -v
func TestSimulationStoresEveryLineOnce(t *testing.T) { simulations(t, "seeds", func(*simulation) {}) }

// simulations runs many seeds, those in testdata/kept first. set changes what a seed has decided.
func simulations(t *testing.T, kept string, set func(*simulation)) {
	first, count := number(t, "LOGBOOM_SEED", 1), number(t, "LOGBOOM_SIMULATIONS", 100)
	queue := make(chan uint64)
	go func() {
		defer close(queue)
		if count > 1 {
			for _, seed := range keptSeeds(t, kept) {
				queue <- seed
			}
		}
		for seed := first; seed < first+count; seed++ {
			queue <- seed
		}
	}()
	out := io.Discard
	if count == 1 {
		out = os.Stderr
	}
	var total tally
	var mu sync.Mutex // guards total
	var failed atomic.Bool
	var workers sync.WaitGroup
	started := time.Now()
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for seed := range queue {
				if failed.Load() {
					continue
				}
				one, err := simulate(seed, set, out)
				if err != nil {
					failed.Store(true)
					t.Errorf("seed %d: %v", seed, err)
				}
				mu.Lock()
				total.add(one)
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	t.Logf("%v, in %v", total, time.Since(started).Round(time.Second))
}

// number reads a number from the environment.
func number(t *testing.T, name string, otherwise uint64) uint64 {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// keptSeeds reads the seeds that failed once: a number at the start of each line, and behind it what it showed.
func keptSeeds(t *testing.T, kept string) (seeds []uint64) {
	f, err := os.Open(filepath.Join("testdata", kept))
	if err != nil {
		t.Error(err)
		return nil
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		text, _, _ := strings.Cut(lines.Text(), " ")
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Errorf("testdata/%s: %v", kept, err)
		}
		seeds = append(seeds, seed)
	}
	return seeds
}

// tally counts what simulations went through.
type tally struct {
	seeds, lines, events, crashes, faults, lostCheckpoints, rotations, dropped, excluded, missing, double int
}

func (t *tally) add(o tally) {
	t.seeds += o.seeds
	t.lines += o.lines
	t.events += o.events
	t.crashes += o.crashes
	t.faults += o.faults
	t.lostCheckpoints += o.lostCheckpoints
	t.rotations += o.rotations
	t.dropped += o.dropped
	t.excluded += o.excluded
	t.missing += o.missing
	t.double += o.double
}

func (t tally) String() string {
	return fmt.Sprintf("%d seeds: %d lines, %d rotations, %d crashes, %d faults of the disk, %d checkpoints lost; %d dropped, %d files excluded, %d missing, %d double",
		t.seeds, t.lines, t.rotations, t.crashes, t.faults, t.lostCheckpoints, t.dropped, t.excluded, t.missing, t.double)
}

// simulation is one seed's world. It is one goroutine's.
type simulation struct {
	tally
	climate
	books
	knowledge
	closed map[string]bool // Routes that take nothing
	routes []string        // that were met
	resent []string        // messages of letters that were sent again, not yet committed
	rng    *rand.Rand      // what happens
	dir    string
	now    time.Time

	meanwhile func() // what else happens, after each thing that does
	log       *slog.Logger
	stamp     int // makes names and lines unique

	writers []writer
	written map[string]bool   // messages, all different
	stored  map[string]string // message by id

	a       *agent
	disk    *badDisk
	extents map[wal.FileID]extent
	errs    []error
}

// climate is what a seed decides for all of its time.
type climate struct {
	pins     bool
	sameBoot bool // restarts are never reboots
	badDisk  bool // the disk fails, and runs full
	amnesia  bool // checkpoints get lost
	maxSize  int64
	drop     bool // wal.on_full: drop_oldest
	traces   bool // containers write Events of several Lines
	lateAPI  bool // what pods are is known late
	orderly  bool // the agent is not killed, but asked to end
	calm     bool // nobody kills the agent

	exclusion *exclusion // nil: everything is wanted

	refuses    int   // one of so many Events is
	maxLetters int64 // of the dead-letter store
	closes     bool  // indices take nothing for a while
}

// writer is a program that writes logs.
type writer interface {
	write()  // some lines
	rotate() // as its kind is rotated
	settle() // ends what it left half done
}

// failure is how a simulation ends early.
type failure struct{ err error }

// simulate runs a seed and returns what it counted, and what went wrong.
func simulate(seed uint64, set func(*simulation), out io.Writer) (counted tally, err error) {
	s := newSimulation(seed, set, out)
	defer os.RemoveAll(s.dir)
	defer func() {
		if f, ok := recover().(failure); ok {
			s.errs = append(s.errs, f.err)
		}
		counted, err = s.tally, errors.Join(s.errs...)
	}()
	s.run()
	return s.tally, nil
}

func newSimulation(seed uint64, set func(*simulation), out io.Writer) *simulation {
	s := &simulation{rng: rand.New(rand.NewPCG(seed, 1)), now: time.Now(), log: slog.New(slog.NewTextHandler(out, nil)),
		written: map[string]bool{}, stored: map[string]string{}, extents: map[wal.FileID]extent{},
		knowledge: knowledge{pieces: map[string][]string{}, places: map[string]spot{}, sent: map[string]bool{}, unheard: map[string]bool{}},
		closed:    map[string]bool{},
		books:     books{backend: map[string]bool{}, dead: map[string]int64{}}}
	s.seeds = 1
	dice := rand.New(rand.NewPCG(seed, 2))
	s.climate = climate{pins: dice.IntN(3) > 0, sameBoot: dice.IntN(4) == 0, badDisk: dice.IntN(2) == 0, amnesia: dice.IntN(4) == 0}
	if dice.IntN(3) == 0 {
		s.maxSize = 12 << 10
	}
	s.refuses = 50
	if dice := rand.New(rand.NewPCG(seed, 4)); dice.IntN(4) == 0 && !s.amnesia { // with the checkpoint its ledger is lost
		s.refuses, s.maxLetters = 6, 4<<10
	} else {
		s.closes = dice.IntN(2) == 0
	}
	set(s)
	s.disk = &badDisk{s: s, rng: rand.New(rand.NewPCG(seed, 3)), synced: map[string]int64{}}
	var err error
	s.dir, err = os.MkdirTemp(place(seed), "logboom-simulation-")
	s.must(err)
	s.disk.reserve = filepath.Join(s.dir, "RESERVE")
	for range 1 + dice.IntN(3) {
		s.writers = append(s.writers, s.newPod())
	}
	if !s.amnesia && dice.IntN(2) == 0 { // rotated files that match no pattern are known by the checkpoint only
		s.writers = append(s.writers, s.newProgram(dice.IntN(2) == 0))
	}
	return s
}

// place is where a seed keeps its files: memory is fast, and every eighth has a real disk, which uses inodes again.
func place(seed uint64) string {
	const memory = "/dev/shm"
	if info, err := os.Stat(memory); seed%8 == 0 || err != nil || !info.IsDir() {
		return ""
	}
	return memory
}

func (s *simulation) run() {
	s.start()
	for range 60 + s.rng.IntN(60) {
		w := s.writers[s.rng.IntN(len(s.writers))]
		switch n := s.rng.IntN(100); {
		case n < 36:
			w.write()
		case n < 46:
			w.rotate()
		case n < 52:
			if !s.calm {
				s.crash()
			}
		case n < 56:
			s.now = s.now.Add(time.Duration(s.rng.IntN(12000)) * time.Millisecond)
		case n < 60:
			s.disk.change()
		case n < 80:
			s.now = s.now.Add(time.Duration(s.rng.IntN(1100)) * time.Millisecond)
			s.a.intake.Step(s.now)
			s.audit()
		default:
			s.deliver(s.rng.IntN(3) > 0)
		}
		s.mail()
		if s.meanwhile != nil {
			s.meanwhile()
		}
		if s.drop && s.rng.IntN(12) == 0 {
			s.down = !s.down
		}
	}
	s.finish()
}

// finish lets the agent come to an end, and counts.
func (s *simulation) finish() {
	for _, w := range s.writers {
		w.settle()
	}
	s.disk.heal()
	s.down, s.closed = false, nil
	for round := range 3000 {
		next := s.a.intake.Step(s.now)
		s.deliver(true)
		if round%300 == 299 && s.a.intake.Blocked() != "" { // a single Block is larger than so small a WAL: somebody allows more
			s.maxSize *= 2
			s.crash()
		}
		s.resend(true)
		if !next.IsZero() {
			s.now = s.now.Add(400 * time.Millisecond)
			if round > 60 && s.nothingHeld() && s.a.tail.AtEnd() && s.a.delivery.empty() && s.a.delivery.Acked() >= s.a.log.Durable() && s.a.tail.Finished() {
				break
			}
		}
	}
	if !s.disk.reserved() {
		s.wrong("there is space, and RESERVE was not made again")
	}
	if sh := s.a.shares; sh.total != 0 || len(sh.pods) > 0 || len(sh.files) > 0 {
		s.wrong("all is delivered, and pods have a share of the WAL: %+v, %+v", sh.pods, sh.files)
	}
	s.readDeadLetters()
	s.count()
	s.closeBooks()
	if a, d := s.a.delivery.Acked(), s.a.log.Durable(); a < d {
		s.wrong("acked %d, durable %d", a, d)
	}
	if left, _ := filepath.Glob(filepath.Join(s.dir, "wal", "*")); len(left) > 1 {
		s.wrong("delivered segments are left: %v", left)
	}
	s.a.tail.Close()
	s.must(errors.Join(s.a.log.Close(), s.a.deadLog.Close(), s.a.store.Close()))
}

// count holds what is stored against what was written.
func (s *simulation) count() {
	got := map[string]int{}
	for _, m := range s.stored {
		got[m]++
	}
	s.lines = len(s.written)
	lost := s.countLost()
	passed := s.judge(got, lost)
	for m := range s.written {
		switch n := got[m]; {
		case passed[m]:
		case n == 0 && lost[m], n == 1 && lost[m] && s.unheard[m]:
		case n == 1 && lost[m]:
			s.wrong("line %.60q is stored and in the ledger", m)
		case n == 0:
			s.missing++
			s.wrong("line %.60q is missing", m)
		case n > 1:
			s.double++
			s.wrong("line %.60q is stored %d times", m, n)
		}
	}
	for m := range got {
		if !s.written[m] {
			s.wrong("%.60q is stored and was never written", m)
		}
	}
}

func (s *simulation) wrong(format string, args ...any) {
	if len(s.errs) < 20 {
		s.errs = append(s.errs, fmt.Errorf(format, args...))
	}
}

func (s *simulation) must(err error) {
	if err != nil {
		panic(failure{err})
	}
}
