package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"logboom/agent/tail"
	"logboom/checkpoint"
	"logboom/sink"
	"logboom/wal"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// fakeLog gives Blocks made by a function.
type fakeLog struct {
	durable  wal.Index
	next     func(after wal.Index, b *wal.Block) error
	released wal.Index
	grown    chan struct{}
}

func (l *fakeLog) Next(after wal.Index, b *wal.Block) error { return l.next(after, b) }
func (l *fakeLog) Release(i wal.Index) error                { l.released = i; return nil }
func (l *fakeLog) Durable() wal.Index                       { return l.durable }
func (l *fakeLog) Oldest(wal.Index) wal.Index               { return 0 }
func (l *fakeLog) Grown() <-chan struct{}                   { return l.grown }

type fakeStore struct {
	acked wal.Index
	err   error
}

func (s *fakeStore) Commit(c checkpoint.Change) error {
	if s.err != nil {
		return s.err
	}
	if c.Acked != 0 && c.Acked < s.acked {
		panic(fmt.Sprintf("BUG: acked goes back from %d to %d", s.acked, c.Acked))
	}
	s.acked = max(s.acked, c.Acked)
	return nil
}

type fakeSink struct{ seen map[string]int }

func (s *fakeSink) Send(_ context.Context, events sink.Events) (r sink.Result, err error) {
	events.Each(func(n int, e *sink.Event) error { s.seen[string(e.Message)]++; r.Stored++; return nil })
	return r, nil
}

func fill(b *wal.Block, index wal.Index, f *wal.File, text string) {
	b.Reset()
	b.Index, b.Time = index, time.Now()
	b.Text = append(b.Text, text...)
	b.Records = append(b.Records, wal.Record{File: f, Start: wal.Offset(index) * 10, End: wal.Offset(int(index)*10 + len(text)), Text: b.Text})
}

func work(d *Delivery, s *fakeSink) {
	select {
	case b := <-d.work:
		b.result, b.err = s.Send(context.Background(), b)
		d.done <- b
	default:
	}
}

// A read error with a Batch half gathered: the Blocks in it must be sent before anything behind them is acknowledged.
func TestAReadErrorSkipsNoBlock(t *testing.T) {
	f := &wal.File{ID: wal.FileID{1}, Format: wal.Plain}
	failed := false
	l := &fakeLog{durable: 3, grown: make(chan struct{}, 1)}
	l.next = func(after wal.Index, b *wal.Block) error {
		switch {
		case after == 2 && !failed:
			failed = true
			return errors.New("open segment: too many open files")
		case after >= 3:
			return wal.ErrNone
		}
		text := fmt.Sprintf("line %d\n", after+1)
		if after == 0 || after == 2 {
			text = strings.Repeat("x", 200) + "\n"
		}
		fill(b, after+1, f, text)
		return nil
	}
	s, store := &fakeSink{map[string]int{}}, &fakeStore{}
	d := (&Delivery{log: l, sink: s, store: store, slog: quiet, batchText: 100, reserve: &reserve{slog: quiet, tried: time.Now()}}).begin(0, 1)
	now := time.Now()
	d.Step(now) // block 1 is in flight
	d.Step(now) // block 2 is gathered, then the read fails
	for range 50 {
		work(d, s)
		d.Step(now)
		now = now.Add(time.Second)
	}
	if s.seen["line 2"] != 1 {
		t.Errorf("block 2 was sent %d times; acked %d, released %d, empty() %v", s.seen["line 2"], store.acked, l.released, d.empty())
	}
}

// Thousands of small Events of a Batch are refused.
func TestManyRefusedEventsArePutAsDeadLetters(t *testing.T) {
	log, _, err := wal.Open(wal.Options{Dir: filepath.Join(t.TempDir(), "dead")})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	f := &wal.File{ID: wal.FileID{1}, Format: wal.CRI, Path: "/x"}
	b := &batch{}
	var refused []sink.Refusal
	text := strings.Repeat("2026-11-22T16:01:41.1Z stdout F x\n", 5000)
	fill(b.slot(), 1, f, text)
	b.add()
	for i := range 5000 {
		refused = append(refused, sink.Refusal{N: i, Type: "mapper_parsing_exception"})
	}
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("panic: %v", r)
		}
	}()
	if err := (&deadLetters{log: log}).Put(b, refused); err != nil {
		t.Error(err)
	}
}

// Many small Blocks and some large ones: what a Batch keeps must be bounded by its size.
func TestABatchKeepsBoundedMemory(t *testing.T) {
	f := &wal.File{ID: wal.FileID{1}, Format: wal.Plain}
	rng := rand.New(rand.NewPCG(1, 1))
	small, large := strings.Repeat("x", 199)+"\n", strings.Repeat(strings.Repeat("y", 199)+"\n", 1300)
	l := &fakeLog{durable: 1 << 40, grown: make(chan struct{}, 1)}
	l.next = func(after wal.Index, b *wal.Block) error {
		text := small
		if rng.IntN(500) == 0 {
			text = large
		}
		fill(b, after+1, f, text)
		return nil
	}
	s, store := &fakeSink{map[string]int{}}, &fakeStore{}
	d := (&Delivery{log: l, sink: s, store: store, slog: quiet, batchText: 8 << 20 / bodyPerText, reserve: &reserve{slog: quiet, tried: time.Now()}}).begin(0, 1)
	now := time.Now()
	all := map[*batch]bool{}
	kept := func() (n int) {
		for b := range all {
			for i := range b.blocks {
				n += cap(b.blocks[i].Text)
			}
		}
		return n
	}
	for i := range 600 {
		d.Step(now)
		for _, b := range append(d.free, d.flight...) {
			all[b] = true
		}
		work(d, s)
		now = now.Add(time.Second)
		if i%100 == 99 {
			t.Logf("after %d batches: %d MiB kept", i+1, kept()>>20)
		}
	}
	if n := kept(); n > 64<<20 {
		t.Errorf("two Batches keep %d MiB", n>>20)
	}
}

// The WAL was lost, or its last Blocks are damaged, and the checkpoint was not: the end must be reached all the same.
func TestDamageAtTheEndIsPassed(t *testing.T) {
	dir := t.TempDir()
	store, err := checkpoint.Open(filepath.Join(dir, "checkpoint.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	store.Commit(checkpoint.Change{Acked: 3, Durable: 10})
	log, _, err := wal.Open(wal.Options{Dir: filepath.Join(dir, "wal"), Floor: 10, Acked: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	s := &fakeSink{map[string]int{}}
	d := (&Delivery{log: log, sink: s, store: store, slog: quiet, batchText: 1000, reserve: &reserve{slog: quiet, tried: time.Now()}}).begin(3, 1)
	now := time.Now()
	for range 20 {
		d.Step(now)
		work(d, s)
		now = now.Add(time.Second)
	}
	if d.Acked() < log.Durable() {
		t.Errorf("acked %d, durable %d: --exit-when-drained never ends, and the ledger gets it again at each start", d.Acked(), log.Durable())
	}
}

// While reading stands still, new files must be pinned all the same.
func TestFilesAreKeptWhileTheWALIsFull(t *testing.T) {
	dir := t.TempDir()
	root := filepath.Join(dir, "pods")
	c := filepath.Join(root, "ns_pod_uid", "app")
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(os.MkdirAll(c, 0o755))
	store, err := checkpoint.Open(filepath.Join(dir, "checkpoint.db"))
	check(err)
	defer store.Close()
	log, _, err := wal.Open(wal.Options{Dir: filepath.Join(dir, "wal")})
	check(err)
	defer log.Close()
	var full error
	tailer := tail.New(tail.Options{Inputs: []tail.Input{{Root: root}}, Node: "n", PinDir: filepath.Join(dir, "pins"), Ledger: store,
		Acked: func() wal.Index { return 0 }, Log: quiet})
	defer tailer.Close()
	in := &Intake{source: tailer, log: log, space: func() error { return full }, slog: quiet}
	now := time.Now()
	run := func(n int) {
		for range n {
			in.Step(now)
			now = now.Add(200 * time.Millisecond)
		}
	}
	line := func(name, text string) {
		check(os.WriteFile(filepath.Join(c, name), []byte("2026-11-22T16:01:41.1Z stdout F "+text+"\n"), 0o640))
	}
	line("0.log", "a")
	run(10)
	full = errors.New("full")
	run(10)
	check(os.Rename(filepath.Join(c, "0.log"), filepath.Join(c, "0.log.20261122-160141")))
	line("0.log", "b")
	run(50) // ten seconds
	check(os.Rename(filepath.Join(c, "0.log"), filepath.Join(c, "0.log.20261122-160151")))
	line("0.log", "c")
	run(50)
	check(os.Remove(filepath.Join(c, "0.log.20261122-160151"))) // the kubelet keeps only so many
	run(50)
	full = nil
	run(100)
	got := ""
	var b wal.Block
	for at := wal.Index(0); log.Next(at, &b) == nil; at = b.Index {
		got += string(b.Text)
	}
	for _, want := range []string{" a\n", " b\n", " c\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q was on the disk for ten seconds while reading stood still, and is lost", want)
		}
	}
	store.Losses(func(l checkpoint.Loss) error { t.Logf("ledger: %+v", l); return nil })
}

// Blocks that a seal made durable are delivered. Reading them again after a failed write must give the same Events.
type failing struct {
	*wal.Log
	fail func() error
}

func (f failing) Append(b *wal.Block) error {
	if err := f.fail(); err != nil {
		return err
	}
	return f.Log.Append(b)
}

func TestWhatIsDurableIsNotReadInAnotherWayAfterAFailedWrite(t *testing.T) {
	dir := t.TempDir()
	c := filepath.Join(dir, "pods", "ns_pod_uid", "app")
	os.MkdirAll(c, 0o755)
	store, _ := checkpoint.Open(filepath.Join(dir, "checkpoint.db"))
	defer store.Close()
	log, _, _ := wal.Open(wal.Options{Dir: filepath.Join(dir, "wal")})
	defer log.Close()
	tailer := tail.New(tail.Options{Inputs: []tail.Input{{Root: filepath.Join(dir, "pods")}}, Node: "n", Ledger: store,
		Acked: func() wal.Index { return 0 }, Log: quiet})
	defer tailer.Close()
	var failure error
	in := &Intake{source: tailer, log: failing{log, func() error { return failure }}, space: func() error { return nil }, slog: quiet}
	now := time.Now()
	run := func(n int) {
		for range n {
			in.Step(now)
			now = now.Add(50 * time.Millisecond)
		}
	}
	add := func(text string) {
		f, _ := os.OpenFile(filepath.Join(c, "0.log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
		fmt.Fprintf(f, "2026-11-22T16:01:41.%dZ stdout %s\n", now.Nanosecond()|1, text)
		f.Close()
	}
	add("F first")
	run(10)
	add("P half")
	// Step until the partial is cut after 5 s and appended: with a Block of another file behind it it is not synced yet.
	var cut wal.Block
	for range 200 {
		var b wal.Block
		tailer.Poll(now, &b)
		now = now.Add(50 * time.Millisecond)
		if len(b.Records) > 0 {
			b.Time = now
			if err := log.Append(&b); err != nil {
				t.Fatal(err)
			}
			tailer.Appended(b.Index)
			cut = b
			break
		}
	}
	if len(cut.Records) == 0 || !cut.Records[0].Cut {
		t.Fatalf("no cut: %+v", cut.Records)
	}
	// What Append does when the head is due: it seals, which is durable, and then the next write fails.
	in.pending, in.unsynced, in.since = false, len(cut.Text), now
	in.block = wal.Block{}
	if err := log.Sync(); err != nil {
		t.Fatal(err)
	}
	failure = fmt.Errorf("%w: no space left on device", wal.ErrGivenUp)
	add("F rest")
	now = now.Add(1100 * time.Millisecond)
	in.since = now
	run(3)
	failure = nil
	run(40)
	ids := map[string]string{}
	var p batch
	for at := wal.Index(0); log.Next(at, p.slot()) == nil; {
		at = p.slot().Index
		p.add()
	}
	p.Each(func(n int, e *sink.Event) error {
		ids[fmt.Sprintf("%d/%08x", e.Offset, e.Sum)] = string(e.Message)
		return nil
	})
	count := 0
	for _, m := range ids {
		if strings.Contains(m, "half") {
			count++
		}
	}
	if count != 1 {
		t.Errorf("the bytes of one line are in %d documents: %v", count, ids)
	}
}

// A checkpoint that turns out to be damaged while the agent runs.
func TestADamagedCheckpointDoesNotStopDeliveryForEver(t *testing.T) {
	f := &wal.File{ID: wal.FileID{1}, Format: wal.Plain}
	l := &fakeLog{durable: 3, grown: make(chan struct{}, 1)}
	l.next = func(after wal.Index, b *wal.Block) error {
		if after >= 3 {
			return wal.ErrNone
		}
		fill(b, after+1, f, "x\n")
		return nil
	}
	store := &fakeStore{err: fmt.Errorf("commit: %w", checkpoint.ErrCorrupt)}
	d := (&Delivery{log: l, sink: &fakeSink{map[string]int{}}, store: store, slog: quiet, batchText: 100, reserve: &reserve{slog: quiet, tried: time.Now()}}).begin(0, 1)
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { done <- d.Run(ctx, 1, make(chan struct{})) }()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Error("Delivery tries again for ever; nobody sets the checkpoint aside before a restart, and live() says all is well")
	}
}

// Damaged Blocks that a start lists in the ledger and Delivery lists again.
// A checkpoint that was set aside makes no first start.
