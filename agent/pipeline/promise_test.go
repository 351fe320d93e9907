package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"logboom/agent/config"
	"logboom/agent/tail"
	"logboom/checkpoint"
	"logboom/sink"
	"logboom/wal"
)

// notedStore keeps what is committed.
type notedStore struct {
	changes []checkpoint.Change
	err     error
}

func (s *notedStore) Commit(c checkpoint.Change) error {
	if s.err == nil {
		s.changes = append(s.changes, c)
	}
	return s.err
}

func (s *notedStore) acked() (last wal.Index) {
	for _, c := range s.changes {
		last = max(last, c.Acked)
	}
	return last
}

// lines is a log of Blocks 1 to blocks, each of a line that fills a Batch; what Next says of some is in its place.
func lines(blocks wal.Index, instead map[wal.Index]error) *fakeLog {
	f := &wal.File{ID: wal.FileID{1}, Format: wal.Plain}
	l := &fakeLog{durable: blocks, grown: make(chan struct{}, 1)}
	l.next = func(after wal.Index, b *wal.Block) error {
		switch err := instead[after+1]; {
		case err != nil:
			return err
		case after >= blocks:
			return wal.ErrNone
		}
		fill(b, after+1, f, fmt.Sprintf("%d\n", after+1))
		return nil
	}
	return l
}

func deliver(l *fakeLog, store Checkpoint, workers int) *Delivery {
	return (&Delivery{log: l, store: store, slog: quiet, batchText: 1, reserve: &reserve{slog: quiet, tried: time.Now()}}).begin(0, workers)
}

// steps makes d step for some minutes.
func steps(d *Delivery) {
	now := time.Now()
	for range 200 {
		d.Step(now)
		now = now.Add(time.Second)
	}
}

// answer settles a Batch that a worker has.
func answer(d *Delivery, b *batch, err error) {
	b.result, b.err = sink.Result{Stored: 1}, err
	d.done <- b
}

// TestNothingIsAcknowledgedBeforeItsAnswer: neither a Batch that was sent only, nor one whose Send was cut short, nor one
// that was answered before those in front of it.
func TestNothingIsAcknowledgedBeforeItsAnswer(t *testing.T) {
	l, store := lines(3, nil), &notedStore{}
	d := deliver(l, store, 3)
	acked := func(what string, want wal.Index) {
		t.Helper()
		steps(d)
		if store.acked() != want || l.released != want || d.Acked() != want {
			t.Fatalf("%s: committed %d, released %d, acked %d; want %d", what, store.acked(), l.released, d.Acked(), want)
		}
	}
	acked("sent", 0)
	batches := []*batch{<-d.work, <-d.work, <-d.work}
	answer(d, batches[2], nil)
	acked("the third is answered", 0)
	answer(d, batches[0], nil)
	acked("the first is answered", 1)
	answer(d, batches[1], context.Canceled)
	acked("the second is cut short", 1)
}

// TestSegmentsStayUntilTheirAcknowledgementIsCommitted: what a start after a power cut would send again must be there.
func TestSegmentsStayUntilTheirAcknowledgementIsCommitted(t *testing.T) {
	l, store := lines(1, nil), &notedStore{err: errors.New("disk full")}
	d := deliver(l, store, 1)
	steps(d)
	answer(d, <-d.work, nil)
	steps(d)
	if l.released != 0 {
		t.Fatalf("released up to %d, although nothing could be committed", l.released)
	}
	store.err = nil
	steps(d)
	if l.released != 1 {
		t.Fatalf("released up to %d", l.released)
	}
}

// TestAnAcknowledgementNotesTheLastDurableIndex: a start over a lost WAL uses no Index up to it again, and misses what
// was there.
func TestAnAcknowledgementNotesTheLastDurableIndex(t *testing.T) {
	l, store := lines(1, nil), &notedStore{}
	l.durable = 9 // Delivery has read the first only
	d := deliver(l, store, 1)
	steps(d)
	answer(d, <-d.work, nil)
	steps(d)
	if len(store.changes) == 0 || store.changes[0].Acked != 1 || store.changes[0].Durable != 9 || len(store.changes[0].Files) != 1 {
		t.Fatalf("%+v", store.changes)
	}
}

// TestDamageIsListedWithTheAcknowledgementThatPassesIt: earlier, and a crash would list it again; later, and it would never be.
func TestDamageIsListedWithTheAcknowledgementThatPassesIt(t *testing.T) {
	f := &wal.File{ID: wal.FileID{1}}
	l := lines(3, map[wal.Index]error{2: &wal.DamageError{Index: 2, Damaged: []wal.Damage{
		{Index: 2, File: f, Start: 20, End: 22, Reason: "r"}, {Index: 2, Reason: "r"}}}})
	store := &notedStore{}
	d := deliver(l, store, 2)
	steps(d)
	for range 2 {
		if len(store.changes) > 0 && (store.acked() >= 2 || len(store.changes[0].Losses) > 0) {
			t.Fatalf("too early: %+v", store.changes)
		}
		answer(d, <-d.work, nil)
		steps(d)
	}
	n := slices.IndexFunc(store.changes, func(c checkpoint.Change) bool { return c.Acked >= 2 })
	if n < 0 || len(store.changes[n].Losses) != 2 {
		t.Fatalf("%+v", store.changes)
	}
	first, second := store.changes[n].Losses[0], store.changes[n].Losses[1]
	if first.File != f || first.Start != 20 || first.End != 22 || !first.Read || first.AtLeast || first.Cause != checkpoint.CauseDamaged {
		t.Errorf("%+v", first)
	}
	if second.File == nil || !second.AtLeast {
		t.Errorf("what has no name: %+v", second)
	}
}

// TestALostWALUsesNoIndexAgain: the checkpoint was in time, and the WAL is gone.
func TestALostWALUsesNoIndexAgain(t *testing.T) {
	a := &agent{o: Options{Logger: quiet}, c: &config.Config{DataDir: t.TempDir()}}
	a.state.Acked, a.state.Durable = 3, 10
	recovery, err := a.openLogs()
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	if len(recovery.Damaged) != 1 || recovery.Damaged[0].Index != 10 {
		t.Errorf("blocks 4 to 10 are gone without a word: %+v", recovery.Damaged)
	}
	var b wal.Block
	fill(&b, 0, &wal.File{ID: wal.FileID{1}, Format: wal.Plain}, "x\n")
	if err := a.log.Append(&b); err != nil || b.Index <= 10 {
		t.Errorf("block %d is written: %v", b.Index, err)
	}
}

// TestReadingStopsBelowMinFree: the kubelet evicts every pod of a node whose log volume runs full.
func TestReadingStopsBelowMinFree(t *testing.T) {
	dir := t.TempDir()
	log, _, err := wal.Open(wal.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	for percent, stops := range map[float64]bool{0: false, 99.99: true} {
		s := &space{dir: dir, minFree: config.Space{Percent: percent}, log: log}
		if err := s.check(); (err != nil) != stops {
			t.Errorf("with %v %% to be kept free: %v", percent, err)
		}
	}
}

// TestAnotherLayoutIsRefused: what a newer release wrote may mean something else. A signature that a power cut left without its
// bytes is none.
func TestAnotherLayoutIsRefused(t *testing.T) {
	for text, refused := range map[string]bool{format: false, "": false, "\x00\x00": false, "2\n": true} {
		dir := t.TempDir()
		path := filepath.Join(dir, "FORMAT")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := checkFormat(dir); (err != nil) != refused {
			t.Errorf("%q: %v", text, err)
		}
		want := format
		if refused {
			want = text
		}
		if now, err := os.ReadFile(path); err != nil || string(now) != want {
			t.Errorf("%q became %q, %v", text, now, err)
		}
	}
}

// TestDrainedIsSaidOnlyWhenTheWALIsEmpty: --exit-when-drained leaves nothing behind.
func TestDrainedIsSaidOnlyWhenTheWALIsEmpty(t *testing.T) {
	dir := t.TempDir()
	log, _, err := wal.Open(wal.Options{Dir: filepath.Join(dir, "wal")})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	var b wal.Block
	fill(&b, 0, &wal.File{ID: wal.FileID{1}, Format: wal.Plain}, "x\n")
	if err := errors.Join(log.Append(&b), log.Sync()); err != nil {
		t.Fatal(err)
	}
	a := &agent{o: Options{Logger: quiet, ExitWhenDrained: true}, log: log, delivery: deliver(lines(0, nil), nil, 1),
		tail: tail.New(tail.Options{Inputs: []tail.Input{{Root: dir}}, Acked: func() wal.Index { return 0 }, Log: quiet})}
	defer a.tail.Close()
	drained := func() (said bool) {
		now := time.Now()
		for range 10 {
			now = now.Add(time.Minute)
			a.tail.Look(now)
			said = a.drained() || said
		}
		return said
	}
	if drained() {
		t.Error("drained, with a Block in the WAL")
	}
	a.delivery.ackedIndex.Store(uint64(b.Index))
	if !drained() {
		t.Error("never drained")
	}
}

// TestAStartKnowsWhatCameBefore: inodes count only in the boot that they were noted in, and read_from: now only where nothing was
// ever read.
func TestAStartKnowsWhatCameBefore(t *testing.T) {
	store, err := checkpoint.Open(filepath.Join(t.TempDir(), "checkpoint.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	this := store.BootID()
	for _, c := range []struct {
		boot     string
		last     wal.Index
		setAside bool

		sameBoot, first bool
	}{
		{boot: "", first: true},
		{boot: "", last: 1},
		{boot: "", setAside: true},
		{boot: "", last: 1, setAside: true},
		{boot: this, sameBoot: true},
		{boot: this, last: 1, sameBoot: true},
		{boot: "another"},
	} {
		a := &agent{o: Options{Logger: quiet}, c: &config.Config{DataDir: t.TempDir()}, store: store, setAside: c.setAside}
		a.state.BootID = c.boot
		o := a.tailOptions(&wal.Recovery{Last: c.last})
		if o.SameBoot != c.sameBoot || o.First != c.first {
			t.Errorf("%+v: same boot %v, first %v", c, o.SameBoot, o.First)
		}
	}
}

// endless is a Source that always has one more line.
type endless struct{ polls, looks int }

func (e *endless) Poll(now time.Time, b *wal.Block) time.Time {
	e.polls++
	fill(b, 0, &wal.File{ID: wal.FileID{1}, Format: wal.Plain}, "x\n")
	return now.Add(time.Second)
}
func (e *endless) Look(time.Time)     { e.looks++ }
func (e *endless) Appended(wal.Index) {}
func (e *endless) Taken(wal.Index)    {}
func (e *endless) Rewind()            {}

// TestReadingStandsStillWithoutSpace: nothing is read, what comes and goes is still looked at, and it is told why.
func TestReadingStandsStillWithoutSpace(t *testing.T) {
	log, _, err := wal.Open(wal.Options{Dir: filepath.Join(t.TempDir(), "wal")})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	source, why := &endless{}, errors.New("the volume is full")
	in := &Intake{source: source, log: log, space: func() error { return why }, slog: quiet}
	now := time.Now()
	for range 10 {
		now = in.Step(now)
	}
	if source.polls != 0 || source.looks != 10 || log.Stats().WrittenBytes != 0 || in.Blocked() != why.Error() {
		t.Errorf("%d polls, %d looks, %d bytes written, blocked: %q", source.polls, source.looks, log.Stats().WrittenBytes, in.Blocked())
	}
	why = nil
	in.Step(now)
	if source.polls != 1 || log.Durable() != 1 || in.Blocked() != "" {
		t.Errorf("%d polls, durable %d, blocked: %q", source.polls, log.Durable(), in.Blocked())
	}
}
