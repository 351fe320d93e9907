package pipeline

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"logboom/agent/config"
	"logboom/agent/tail"
	"logboom/sink"
	"logboom/wal"
)

// start opens an agent on what the last one left. An agent that can't start, because the disk fails, is started again.
func (s *simulation) start() {
	for {
		met := s.disk.met
		err := s.open()
		if err == nil {
			return
		}
		if s.disk.met == met {
			s.must(fmt.Errorf("start: %w", err))
		}
		s.closeStores()
		s.disk.heal()
	}
}

func (s *simulation) open() error {
	c := &config.Config{DataDir: s.dir}
	c.WAL.SegmentSize, c.WAL.MaxSize = 2<<10, config.Bytes(s.maxSize)
	if s.drop {
		c.WAL.SegmentSize = 1 << 10
	}
	s.a = &agent{o: Options{Logger: s.log}, c: c, reserve: &reserve{path: s.disk.reserve, slog: s.log, size: 1, look: s.disk.volume}}
	a := s.a
	if err := a.reserve.spend(func() error { return a.openCheckpoint(filepath.Join(s.dir, "checkpoint.db")) }); err != nil {
		return err
	}
	var err error
	var recovery *wal.Recovery
	a.log, recovery, err = wal.Open(wal.Options{Dir: filepath.Join(s.dir, "wal"), SegmentSize: int64(c.WAL.SegmentSize), MaxSize: s.maxSize,
		Floor: max(a.state.Acked, a.state.Durable), Acked: a.state.Acked, Fault: s.disk.fault})
	if err != nil {
		return err
	}
	if len(recovery.Damaged) > 0 {
		s.wrong("damage after a crash: %+v", recovery.Damaged)
	}
	a.deadLog, _, err = wal.Open(wal.Options{Dir: filepath.Join(s.dir, "deadletter"), SegmentSize: 1 << 10, Fault: s.disk.fault,
		Acked: a.mail.Gone, Floor: a.mail.Counted})
	if err != nil {
		return err
	}
	a.letters = &deadLetters{log: a.deadLog, maxSize: s.maxLetters}
	if err := a.letters.open(a.mail); err != nil {
		return err
	}
	o := tail.Options{Inputs: []tail.Input{{Root: filepath.Join(s.dir, "pods"), Route: "logs-%{pod}"},
		{Paths: []string{filepath.Join(s.dir, "programs", "*.log")}, Format: wal.Plain, Route: "logs"}}, Node: "n",
		Known: known(a.state, recovery), SameBoot: s.sameBoot || s.rng.IntN(4) > 0, Ledger: badStore{a.store, s.disk},
		Acked: func() wal.Index { return a.delivery.Acked() }, Log: s.log}
	if s.lateAPI {
		api := newLateAPI(uint64(s.stamp))
		o.Pods, o.PodWait = api, api.wait
	}
	o.Ending = func() bool { return a.ending.Load() != nil }
	if s.exclusion != nil {
		s.exclusion.choosy(&o, uint64(s.stamp))
	}
	if s.traces {
		o.Inputs[0].Multiline = goingOn
	}
	if s.pins {
		o.PinDir = filepath.Join(s.dir, "pins")
	}
	if a.shares = newShares(1. / 3); s.maxSize > 0 {
		o.Waits = a.shares.waits
	}
	a.shares.begin(recovery, a.state)
	a.tail = tail.New(o)
	a.intake = &Intake{source: a.tail, log: watched{a.log, s}, space: s.disk.space, shares: a.shares, slog: s.log}
	a.delivery = (&Delivery{log: listed{a.log, s}, sink: s, store: badStore{a.store, s.disk}, dead: a.letters, letters: a.letters, slog: s.log,
		batchText: 1 << 10, reserve: a.reserve, shares: a.shares, room: &a.intake.room, drops: drops{on: s.drop}}).begin(a.state.Acked, 2)
	lost := a.setAside || a.state.BootID == "" && recovery.Last > 0
	if err := a.delivery.gaps.begin(a.store, a.state, recovery, lost); err != nil {
		return err
	}
	a.delivery.post = newPost(a.letters, nil, 1<<10, a.reserve, s.log)
	return nil
}

// closeStores lets go of the files of an agent that did not start or was killed. Nothing is flushed by it.
func (s *simulation) closeStores() {
	if s.a.tail != nil {
		s.a.tail.Close()
	}
	if s.a.store != nil {
		s.must(s.a.store.Close())
	}
}

// crash is a SIGKILL: nothing is flushed. What the page cache has, the next agent finds.
func (s *simulation) crash() {
	s.crashes++
	if s.orderly {
		s.end()
	}
	s.forgetAnswers()
	s.forgetResent()
	s.closeStores()
	s.disk.heal()
	for id, e := range s.extents {
		e.unsure = true
		s.extents[id] = e
	}
	if s.amnesia && s.rng.IntN(3) == 0 {
		s.lostCheckpoints++
		s.loseCheckpoint(filepath.Join(s.dir, "checkpoint.db"))
		for id, e := range s.extents {
			e.low, e.unsure = 0, true
			s.extents[id] = e
		}
		s.delivered = nil
	}
	s.start()
	s.audit()
}

// loseCheckpoint removes it, or writes noise into it.
func (s *simulation) loseCheckpoint(path string) {
	if s.rng.IntN(2) == 0 {
		s.must(os.Remove(path))
		return
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	s.must(err)
	defer f.Close()
	noise := make([]byte, 8<<10) // both meta pages
	for i := range noise {
		noise[i] = byte(s.rng.Uint32())
	}
	_, err = f.WriteAt(noise, 0)
	s.must(err)
}

// extent is what the WAL was given of a File: what it holds for certain, and what it may hold.
type extent struct {
	file      *wal.File
	low, high wal.Offset
	unsure    bool // the next Record may begin anywhere between them
}

// watched is the WAL as Intake writes it. The Records of a File must follow one another without gap and overlap, across
// all restarts. Only after a failed write, and where the process was killed after one, is something read again.
type watched struct {
	*wal.Log
	s *simulation
}

func (w watched) Append(b *wal.Block) error {
	if w.s.disk.full && !w.s.disk.reserved() {
		w.s.wrong("Intake writes what RESERVE has given up")
	}
	err := w.Log.Append(b)
	if err != nil {
		return w.failed(err)
	}
	w.s.locate(b)
	for _, r := range b.Records {
		e := w.s.extents[r.File.ID]
		if r.Start != e.high && !(e.unsure && r.Start >= e.low && r.Start <= e.high) {
			w.s.wrong("a record of %s starts at %d, the ones before ended at %d, %d for certain", r.File.Path, r.Start, e.high, e.low)
		}
		e.file, e.high, e.unsure = r.File, r.End, false
		w.s.extents[r.File.ID] = e
	}
	return nil
}

func (w watched) Sync() error {
	if err := w.Log.Sync(); err != nil {
		return w.failed(err)
	}
	for id, e := range w.s.extents {
		if !e.unsure {
			e.low = e.high
			w.s.extents[id] = e
		}
	}
	return nil
}

func (w watched) failed(err error) error {
	for id, e := range w.s.extents {
		e.unsure = true
		w.s.extents[id] = e
	}
	return err
}

// deliver turns Delivery once; answered lets one request in flight come to its end.
func (s *simulation) deliver(answered bool) {
	d, met := s.a.delivery, s.disk.met
	if _, err := d.Step(s.now); err != nil {
		s.forgetResent()
		if s.disk.met == met {
			s.wrong("delivery: %v", err)
		}
	}
	s.audit()
	var rest []*batch
	for range len(d.work) { // called back, they always come
		b := <-d.work
		switch {
		case b.recall.wasCalled():
			b.result, b.err = s.interrupted(b)
			d.done <- b
		case answered && !s.down:
			answered = false
			b.result, b.err = s.Send(context.Background(), b)
			d.done <- b
		default:
			rest = append(rest, b)
		}
	}
	for _, b := range rest {
		d.work <- b
	}
}

// Send is the backend: it stores by id, refuses some, and sometimes forgets to say so.
func (s *simulation) Send(_ context.Context, events sink.Events) (r sink.Result, err error) {
	for again := true; again; again = s.rng.IntN(4) == 0 {
		r = sink.Result{}
		err = events.Each(func(n int, e *sink.Event) error {
			s.sent[string(e.Message)] = true
			switch _, known := s.stored[id(e)]; {
			case s.isClosed(e.File.Route):
				r.Refused = append(r.Refused, sink.Refusal{N: n, Type: "closed", Held: true})
			case known:
				r.Duplicate++
				s.keep(e)
				s.backend[id(e)] = true
			case s.rng.IntN(s.refuses) == 0:
				r.Refused = append(r.Refused, sink.Refusal{N: n, Type: "test"})
			default:
				r.Stored++
				s.keep(e)
				s.backend[id(e)] = true
			}
			return nil
		})
	}
	return r, err
}

func id(e *sink.Event) string { return fmt.Sprintf("%s/%d/%08x", e.File.ID, e.Offset, e.Sum) }

// keep stores e. What its id stands for already must be the same.
func (s *simulation) keep(e *sink.Event) {
	if before, known := s.stored[id(e)]; known && before != string(e.Message) {
		s.wrong("%.60q and %.60q have one id", before, e.Message)
	}
	s.stored[id(e)] = string(e.Message)
}
