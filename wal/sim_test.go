package wal

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// sim is an Intake, a Delivery and a checkpoint around a Log on a simDisk, with an oracle that knows every byte.
type sim struct {
	t    testing.TB
	rand *rand.Rand
	disk *simDisk
	dir  string
	log  *Log

	files   []*File
	content [][]byte
	read    []Offset           // Intake: how far each File is appended
	states  map[Index][]Offset // Intake: read after each Block
	claimed Index              // the highest that Durable ever said
	given   map[Index]uint32   // Delivery: checksum of each Block that was given out
	covered []Offset           // Delivery: each File has arrived up to here
	after   Index              // Delivery
	ends    map[Index][]Offset // Delivery: covered after each Block
	acked   Index              // checkpoint
	floor   Index              // checkpoint
	offsets []Offset           // checkpoint
	kinds   map[string]int     // what happened
	options func(*Options)
}

func newSim(t testing.TB, seed uint64) *sim {
	r := rand.New(rand.NewPCG(seed, 9))
	s := &sim{
		t: t, rand: r, disk: newSimDisk(r), dir: filepath.Join(memoryDir(t), "wal"),
		states: map[Index][]Offset{}, given: map[Index]uint32{}, ends: map[Index][]Offset{}, kinds: map[string]int{},
	}
	n := 1 + r.IntN(4)
	for i := range n {
		s.files = append(s.files, testFile(i))
		text := criLines(60<<10, seed+uint64(i))
		if i == 1 {
			for k := range text {
				text[k] = byte(r.Uint32())
			}
		}
		s.content = append(s.content, text)
	}
	s.read, s.covered, s.offsets = make([]Offset, n), make([]Offset, n), make([]Offset, n)
	return s
}

// memoryDir is a folder where an fsync costs nothing, if there is one: the simulation has its own idea of a disk.
func memoryDir(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "logboom-wal")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (s *sim) fatal(format string, args ...any) {
	s.t.Helper()
	s.t.Fatalf(format+"\nlast operations: %v", append(args, s.disk.ops[max(0, len(s.disk.ops)-30):])...)
}

func (s *sim) open() {
	s.t.Helper()
	fail := s.disk.fail
	s.disk.fail = nil
	o := Options{Dir: s.dir, SegmentSize: 3000, Acked: s.acked, Floor: s.floor}
	if s.options != nil {
		s.options(&o)
	}
	l, r, err := open(o, s.disk, realAccess)
	if err != nil {
		s.fatal("open: %v", err)
	}
	s.disk.fail = fail
	s.log = l
	if len(r.Damaged) > 0 {
		s.fatal("damage where none is: %+v", r.Damaged)
	}
	if r.Last < s.claimed || l.Durable() != r.Last {
		s.fatal("durable is %d after it was %d", r.Last, s.claimed)
	}
	for i, f := range s.files {
		s.read[i] = s.offsets[i]
		if e, ok := r.Files[f.ID]; ok {
			s.read[i] = e.End
			s.check(&Record{File: f, Start: e.End, End: e.End, Prefix: e.Prefix, Tail: e.Tail})
		}
	}
	s.states = map[Index][]Offset{r.Last: append([]Offset(nil), s.read...)}
	s.after = s.acked
	copy(s.covered, s.offsets)
	s.durable()
}

// check compares a Record's checksums with the File's content.
func (s *sim) check(r *Record) {
	s.t.Helper()
	for i, f := range s.files {
		if f.ID != r.File.ID {
			continue
		}
		before := s.content[i][:r.End]
		if r.Prefix != crc32.Checksum(before, castagnoli) ||
			r.Tail != crc32.Checksum(before[max(0, len(before)-TailLen):], castagnoli) ||
			!bytes.Equal(r.Text, before[r.Start:]) {
			s.fatal("record %+v is not what file %d holds", r, i)
		}
	}
}

func (s *sim) durable() {
	s.claimed = max(s.claimed, s.log.Durable())
}

// settled handles the error of an Append or a Sync as Intake has to.
func (s *sim) settled(err error) {
	s.t.Helper()
	s.durable()
	switch {
	case err == nil:
	case errors.Is(err, ErrFull):
		s.kinds["full"]++
		s.back()
	case errors.Is(err, ErrGivenUp):
		s.kinds["given up"]++
		s.back()
	default:
		s.fatal("%v", err)
	}
}

// back reads again from what is durable, or from what is appended when that is all.
func (s *sim) back() {
	last := s.log.Durable()
	if s.log.head != nil {
		last = s.log.head.last
	}
	for n, state := range s.states {
		if n > last {
			delete(s.states, n)
		} else if n == last {
			copy(s.read, state)
		}
	}
	if s.states[last] == nil {
		s.fatal("no state for block %d: %v", last, s.states)
	}
}

func (s *sim) append() {
	s.t.Helper()
	b := &Block{Time: time.Unix(0, s.rand.Int64N(1e18)).UTC()}
	for i := range s.files {
		n := min(Offset(1+s.rand.IntN(1200)), Offset(len(s.content[i]))-s.read[i])
		if n == 0 || s.rand.IntN(3) == 0 {
			continue
		}
		r := Record{File: s.files[i], Start: s.read[i], End: s.read[i] + n}
		before := s.content[i][:r.End]
		r.Prefix = crc32.Checksum(before, castagnoli)
		r.Tail = crc32.Checksum(before[max(0, len(before)-TailLen):], castagnoli)
		r.Text = before[r.Start:]
		b.Records, b.Text = append(b.Records, r), append(b.Text, r.Text...)
		s.read[i] = r.End
	}
	if len(b.Records) == 0 {
		return
	}
	err := s.log.Append(b)
	if err == nil {
		s.states[b.Index] = append([]Offset(nil), s.read...)
	}
	s.settled(err)
}

func (s *sim) deliver(n int) bool {
	s.t.Helper()
	var b Block
	for range n {
		err := s.log.Next(s.after, &b)
		if errors.Is(err, ErrNone) {
			return false
		}
		if err != nil {
			s.fatal("next after %d: %v", s.after, err)
		}
		sum := crc32.Checksum(b.Text, castagnoli)
		if old, ok := s.given[b.Index]; ok && old != sum || b.Index <= s.after {
			s.fatal("block %d was another one before", b.Index)
		}
		s.given[b.Index], s.after = sum, b.Index
		for i := range b.Records {
			s.arrive(&b.Records[i])
		}
		s.ends[b.Index] = append([]Offset(nil), s.covered...)
	}
	return true
}

func (s *sim) arrive(r *Record) {
	s.t.Helper()
	s.check(r)
	for i, f := range s.files {
		if f.ID != r.File.ID {
			continue
		}
		if r.Start > s.covered[i] {
			s.fatal("file %d: [%d, %d) never arrived", i, s.covered[i], r.Start)
		}
		s.covered[i] = max(s.covered[i], r.End)
	}
}

// ack commits all that was delivered, and releases it.
func (s *sim) ack() {
	s.t.Helper()
	if s.after > s.acked {
		s.acked, s.floor = s.after, s.log.Durable()
		copy(s.offsets, s.ends[s.acked])
	}
	if err := s.log.Release(s.acked); err != nil && !errors.Is(err, errInjected) {
		s.fatal("release: %v", err)
	}
}

var errInjected = errors.New("injected")

func (s *sim) step() {
	s.t.Helper()
	switch n := s.rand.IntN(100); {
	case n < 45:
		s.append()
	case n < 65:
		s.settled(s.log.Sync())
	case n < 80:
		s.deliver(1 + s.rand.IntN(5))
	case n < 90:
		s.ack()
	case n < 93:
		s.restart("close", func() { s.log.Close() })
	case n < 96:
		s.restart("kill", s.disk.release)
	case n < 98:
		s.restart("cut", func() { s.disk.cut(s.t, s.dir) })
	default:
		s.disk.fail = injecting(s.rand, 1+s.rand.IntN(6), 1+s.rand.IntN(4))
	}
}

func (s *sim) restart(kind string, end func()) {
	s.t.Helper()
	s.kinds[kind]++
	s.disk.fail = nil
	s.disk.ops = append(s.disk.ops, kind)
	end()
	s.log.reader.shut()
	s.open()
}

func injecting(r *rand.Rand, n, count int) func(string) error {
	f := failing(r, n, count)
	return func(op string) error {
		if err := f(op); err != nil {
			return fmt.Errorf("%w: %w", errInjected, err)
		}
		return nil
	}
}

// finish lets all arrive.
func (s *sim) finish() {
	s.t.Helper()
	s.disk.fail = nil
	for i := 0; ; i++ {
		s.append()
		s.settled(s.log.Sync())
		for s.deliver(10) {
		}
		s.ack()
		done := true
		for i := range s.files {
			done = done && s.covered[i] == Offset(len(s.content[i]))
		}
		if done {
			break
		}
		if i > 10000 {
			s.fatal("never done: %v", s.covered)
		}
	}
	if err := s.log.Close(); err != nil {
		s.fatal("close: %v", err)
	}
}

var runs = flag.Int("runs", 60, "simulations of TestNothingDurableIsEverLost")

// TestNothingDurableIsEverLost runs Intake and Delivery through kills, power cuts, failing writes and failing fsyncs: every
// byte arrives, in order, none under an Index that had another content, and nothing is called damage.
func TestNothingDurableIsEverLost(t *testing.T) {
	kinds := map[string]int{}
	for seed := range *runs {
		t.Run(fmt.Sprint("seed", seed), func(t *testing.T) {
			s := newSim(t, uint64(seed))
			if seed%3 == 0 {
				s.options = func(o *Options) { o.MaxSize = 12000 }
			}
			s.open()
			for range 300 {
				s.step()
			}
			s.finish()
			for k, n := range s.kinds {
				kinds[k] += n
			}
		})
	}
	for _, k := range []string{"full", "given up", "close", "kill", "cut"} {
		if kinds[k] < *runs/3 {
			t.Errorf("%s happened %d times in %d runs: the simulation shows little", k, kinds[k], runs)
		}
	}
	t.Log(maps.Collect(maps.All(kinds)))
}
