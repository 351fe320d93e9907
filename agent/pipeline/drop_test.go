package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"logboom/checkpoint"
	"logboom/sink"
	"logboom/wal"
)

var errCut = errors.New("the power is gone")

// cut ends a process at one of its operations on the disk: from then on nothing works.
type cut struct {
	at, n int
	armed bool
	half  bool // the operation it ends at has been done, or half of it
	dead  bool
}

// gone counts an operation. do is what is left of it after the cut.
func (c *cut) gone(do func()) error {
	if !c.armed {
		return nil
	}
	if !c.dead && c.n == c.at {
		if c.dead = true; c.half {
			do()
		}
	}
	c.n++
	if c.dead {
		return errCut
	}
	return nil
}

func (c *cut) fault(op, path string) error {
	return c.gone(func() {
		if op == "remove" { // the file is gone, and its folder is not
			os.Remove((filepath.Join(path, filepath.Base(path))))
		}
	})
}

type cutStore struct {
	*checkpoint.Store
	cut *cut
}

func (s cutStore) Commit(c checkpoint.Change) (err error) {
	if cut := s.cut.gone(func() { err = s.Store.Commit(c) }); cut != nil {
		return errors.Join(err, cut)
	}
	return s.Store.Commit(c)
}

// cutNode is a data directory with a WAL of some Segments, and a backend.
type cutNode struct {
	t      *testing.T
	dir    string
	cut    *cut
	stored map[string]bool // lines
	log    *wal.Log
	dead   *wal.Log
	store  *checkpoint.Store
	d      *Delivery
	room   room
}

func (n *cutNode) must(err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
}

func (n *cutNode) open() {
	n.room.enough()
	var err error
	n.store, err = checkpoint.Open(filepath.Join(n.dir, "checkpoint.db"))
	n.must(err)
	state, err := n.store.State()
	n.must(err)
	var r *wal.Recovery
	n.log, r, err = wal.Open(wal.Options{Dir: filepath.Join(n.dir, "wal"), SegmentSize: 600, Acked: state.Acked,
		Floor: max(state.Acked, state.Durable), Fault: n.cut.fault})
	n.must(err)
	if len(r.Damaged) > 0 {
		n.t.Errorf("cut at operation %d: damage: %+v", n.cut.at, r.Damaged)
	}
	n.must(n.log.Release(state.Acked))
	n.dead, _, err = wal.Open(wal.Options{Dir: filepath.Join(n.dir, "deadletter"), Fault: n.cut.fault})
	n.must(err)
	n.d = (&Delivery{log: n.log, sink: n, store: cutStore{n.store, n.cut}, dead: &deadLetters{log: n.dead}, slog: quiet, batchText: 300,
		reserve: &reserve{slog: quiet, tried: time.Now()}, room: &n.room, drops: drops{on: true}}).begin(state.Acked, 2)
}

// write puts lines into the WAL: five a Block.
func (n *cutNode) write(blocks int) (lines []string) {
	f := &wal.File{ID: wal.FileID{7}, Path: "/x", Format: wal.Plain}
	at := wal.Offset(0)
	for i := range blocks {
		b := wal.Block{Time: time.Now()}
		for k := range 5 {
			line := fmt.Sprintf("%d.%d %x", i, k, i*7919*7919*(k+1))
			lines = append(lines, line)
			b.Text = append(b.Text, line+"\n"...)
		}
		b.Records = []wal.Record{{File: f, Start: at, End: at + wal.Offset(len(b.Text)), Text: b.Text}}
		at += wal.Offset(len(b.Text))
		n.must(n.log.Append(&b))
		n.must(n.log.Sync())
	}
	return lines
}

// Send stores all.
func (n *cutNode) Send(_ context.Context, events sink.Events) (r sink.Result, err error) {
	events.Each(func(_ int, e *sink.Event) error { n.stored[string(e.Message)] = true; r.Stored++; return nil })
	return r, nil
}

// part stores every third Event, and refuses every fourth.
func (n *cutNode) part(b *batch) (r sink.Result, err error) {
	b.Each(func(k int, e *sink.Event) error {
		switch {
		case k%3 == 0:
			n.stored[string(e.Message)] = true
			r.Stored++
		case k%4 == 1:
			r.Refused = append(r.Refused, sink.Refusal{N: k, Type: "mapper_parsing_exception"})
		default:
			return nil
		}
		r.Settled = append(r.Settled, int32(k))
		return nil
	})
	return r, context.Canceled
}

// TestADropSurvivesAPowerCutAnywhere: at each operation on the disk, done or not. Afterwards every line is stored, a dead
// letter, or in the ledger: nothing is missing, and nothing counts twice.
func TestADropSurvivesAPowerCutAnywhere(t *testing.T) {
	for _, half := range []bool{false, true} {
		cuts, whole := 0, false
		for ; !whole; cuts++ {
			if whole = dropUntil(t, &cut{at: cuts, half: half}); t.Failed() {
				return
			}
		}
		if cuts < 10 {
			t.Errorf("%d cuts: too few for dead letters, commits and removed segments", cuts)
		}
	}
}

// dropUntil makes Delivery drop two Segments until the cut, starts again, and counts. It returns whether no cut came.
func dropUntil(t *testing.T, c *cut) (whole bool) {
	n := &cutNode{t: t, dir: dropDir(t), cut: c, stored: map[string]bool{}}
	n.open()
	written := n.write(20)
	now := time.Now()
	n.d.Step(now)
	n.d.Step(now)
	c.armed = true
	for i := 0; i < 12 && !c.dead; i++ {
		n.room.want(n.room.freed.Load(), "full")
		_, err := n.d.Step(now)
		if err != nil && !c.dead {
			t.Fatal(err)
		}
		for len(n.d.work) > 0 && !c.dead {
			b := <-n.d.work
			if !b.recall.wasCalled() {
				n.d.work <- b
				break
			}
			b.result, b.err = n.part(b)
			n.d.done <- b
		}
		now = now.Add(400 * time.Millisecond)
	}
	whole, c.armed = !c.dead, false
	if whole && n.d.Acked() == 0 {
		t.Fatal("nothing was dropped")
	}
	n.store.Close()

	n.open()
	for range 200 {
		_, err := n.d.Step(now)
		n.must(err)
		for len(n.d.work) > 0 {
			b := <-n.d.work
			b.result, b.err = n.Send(context.Background(), b)
			n.d.done <- b
		}
		now = now.Add(400 * time.Millisecond)
	}
	n.count(written)
	n.must(errors.Join(n.log.Close(), n.dead.Close(), n.store.Close()))
	return whole
}

// count holds what became of every line against what was written.
func (n *cutNode) count(written []string) {
	n.t.Helper()
	text := strings.Join(written, "\n") + "\n"
	lost, bytes := map[string]bool{}, 0
	n.must(n.store.Losses(func(l checkpoint.Loss) error {
		bytes += int(l.End - l.Start)
		for _, line := range strings.Split(strings.TrimSuffix(text[l.Start:l.End], "\n"), "\n") {
			if lost[line] {
				n.t.Errorf("cut at operation %d: %q is in the ledger twice", n.cut.at, line)
			}
			lost[line] = true
		}
		return nil
	}))
	dead := map[string]bool{}
	b := &batch{}
	for at := wal.Index(0); n.dead.Next(at, b.slot()) == nil; at = b.last() {
		b.add()
	}
	b.Each(func(_ int, e *sink.Event) error { dead[string(e.Message)] = true; return nil })
	for _, line := range written {
		home := n.stored[line] || dead[line]
		if home == lost[line] {
			n.t.Errorf("cut at operation %d: %q is stored: %v, dead letter: %v, lost: %v", n.cut.at, line, n.stored[line], dead[line], lost[line])
		}
	}
	all, err := n.store.Accounts()
	n.must(err)
	for _, a := range all.Files {
		if int(a.LostRead) != bytes || int(a.Reach) != len(text) || a.Acked()+a.Dead+a.LostRead != int64(len(text)) {
			n.t.Errorf("cut at operation %d: %d bytes in the ledger, account %+v", n.cut.at, bytes, a)
		}
	}
}

// dropDir is a data directory in memory where there is such a place: what counts here is the order of operations.
func dropDir(t *testing.T) string {
	dir, err := os.MkdirTemp(place(1), "logboom-drop-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// fitful is a backend that answers some requests, late, and leaves others to be called back.
type fitful struct {
	*cutNode
	mu   sync.Mutex
	rng  *rand.Rand
	back bool
}

func (f *fitful) Send(ctx context.Context, events sink.Events) (sink.Result, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	answers, late := f.rng.IntN(3) == 0, time.Duration(f.rng.IntN(3000))*time.Millisecond
	for began := time.Now(); !f.back && (!answers || time.Since(began) < late); { // what will be answered does not hear a call
		if !answers && ctx.Err() != nil {
			return sink.Result{}, ctx.Err()
		}
		f.mu.Unlock()
		time.Sleep(50 * time.Millisecond)
		f.mu.Lock()
	}
	return f.cutNode.Send(ctx, events)
}

// TestADropAwaitsTheRequestsThatItCallsBack, which may just be answered. make race runs it too.
func TestADropAwaitsTheRequestsThatItCallsBack(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			n := &cutNode{t: t, dir: dropDir(t), cut: &cut{}, stored: map[string]bool{}}
			n.open()
			written := n.write(20)
			s := &fitful{cutNode: n, rng: rand.New(rand.NewPCG(seed, 1))}
			n.d.sink = s
			drain := make(chan struct{})
			ended := make(chan error, 1)
			go func() { ended <- n.d.Run(t.Context(), 2, drain) }()
			for range 100 {
				n.room.want(n.room.freed.Load(), "full")
				time.Sleep(100 * time.Millisecond)
			}
			n.room.enough()
			s.mu.Lock()
			s.back = true
			s.mu.Unlock()
			close(drain)
			n.must(<-ended)
			n.count(written)
			n.must(errors.Join(n.log.Close(), n.dead.Close(), n.store.Close()))
		})
	}
}

// TestWhatIsSentAgainIsInDoubt: a request that was called back may have stored it, in an index that is rolled over since.
func TestWhatIsSentAgainIsInDoubt(t *testing.T) {
	n := &cutNode{t: t, dir: dropDir(t), cut: &cut{}, stored: map[string]bool{}}
	n.open()
	n.write(40)
	now := time.Now()
	seen := map[*batch]wal.Index{}
	again := 0
	for range 60 {
		n.room.want(n.room.freed.Load(), "full")
		now = now.Add(dropAfter)
		_, err := n.d.Step(now)
		n.must(err)
		for range len(n.d.work) {
			b := <-n.d.work
			if b.recall.wasCalled() {
				seen[b] = b.last()
				b.result, b.err = sink.Result{}, context.Canceled
				n.d.done <- b
				continue
			}
			if seen[b] == b.last() { // and no other batch in the same memory
				if again++; b.doubtful < b.last() {
					t.Errorf("blocks %d to %d are sent again, in doubt up to %d", b.first(), b.last(), b.doubtful)
				}
			}
			delete(seen, b)
			n.d.work <- b
		}
	}
	if again == 0 {
		t.Error("nothing was sent again")
	}
	n.must(errors.Join(n.log.Close(), n.dead.Close(), n.store.Close()))
}

// TestOneAskIsOneSegment, however long Intake takes to look again.
func TestOneAskIsOneSegment(t *testing.T) {
	n := &cutNode{t: t, dir: dropDir(t), cut: &cut{}, stored: map[string]bool{}}
	n.open()
	n.write(20)
	segments := n.log.Stats().Segments
	n.room.want(n.room.freed.Load(), "full")
	now := time.Now()
	for range 30 {
		now = now.Add(2 * dropAfter)
		_, err := n.d.Step(now)
		n.must(err)
		for len(n.d.work) > 0 && n.d.flight[0].recall.wasCalled() {
			b := <-n.d.work
			b.result, b.err = n.part(b)
			n.d.done <- b
		}
	}
	if left := n.log.Stats().Segments; left != segments-1 {
		t.Errorf("%d of %d segments are left", left, segments)
	}
	n.must(errors.Join(n.log.Close(), n.dead.Close(), n.store.Close()))
}

// TestAnAckComesBeforeADrop: where a commit makes room, nothing is dropped.
func TestAnAckComesBeforeADrop(t *testing.T) {
	n := &cutNode{t: t, dir: dropDir(t), cut: &cut{}, stored: map[string]bool{}}
	n.open()
	n.write(20)
	now := time.Now()
	n.d.committed = now // not due
	for n.d.log.Oldest(0) > n.d.acked {
		_, err := n.d.Step(now)
		n.must(err)
		if len(n.d.work) > 0 {
			b := <-n.d.work
			b.result, b.err = n.Send(context.Background(), b)
			n.d.done <- b
		}
	}
	segments := n.log.Stats().Segments
	n.room.want(n.room.freed.Load(), "full")
	_, err := n.d.Step(now)
	n.must(err)
	if left := n.log.Stats().Segments; left >= segments || n.d.Acked() == 0 {
		t.Errorf("%d of %d segments are left, acked %d", left, segments, n.d.Acked())
	}
	n.must(n.store.Losses(func(l checkpoint.Loss) error { t.Errorf("%+v", l); return nil }))
	n.must(errors.Join(n.log.Close(), n.dead.Close(), n.store.Close()))
}

// TestNothingIsDroppedWhileAnswersMakeRoom: a request that is under way when space runs out is not called back at once.
func TestNothingIsDroppedWhileAnswersMakeRoom(t *testing.T) {
	n := &cutNode{t: t, dir: dropDir(t), cut: &cut{}, stored: map[string]bool{}}
	n.open()
	written := n.write(40)
	now := time.Now()
	for range 400 {
		n.room.want(n.room.freed.Load(), "full")
		now = now.Add(dropAfter / 20)
		_, err := n.d.Step(now)
		n.must(err)
		if len(n.d.work) > 0 {
			b := <-n.d.work
			if b.recall.wasCalled() {
				t.Fatal("a request is called back, although others free space")
			}
			b.result, b.err = n.Send(t.Context(), b)
			n.d.done <- b
		}
	}
	if n.d.drops.bytes > 0 || len(n.stored) != len(written) {
		t.Errorf("%d bytes are dropped, %d of %d lines stored", n.d.drops.bytes, len(n.stored), len(written))
	}
	n.must(errors.Join(n.log.Close(), n.dead.Close(), n.store.Close()))
}

func (r *recall) wasCalled() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.called
}
