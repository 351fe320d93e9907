package pipeline

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"logboom/checkpoint"
	"logboom/sink"
	"logboom/wal"
)

// refusedBatch has n lines of 1 KiB, of one Block, all of which are refused.
func refusedBatch(n int) *batch {
	b := &batch{}
	f := &wal.File{ID: wal.FileID{1}, Format: wal.CRI, Path: "/x"}
	fill(b.slot(), 1, f, strings.Repeat("2026-11-22T16:01:41.1Z stdout F "+strings.Repeat("x", 1<<10)+"\n", n))
	b.add()
	for i := range n {
		b.result.Refused = append(b.result.Refused, sink.Refusal{N: i, Type: "test"})
	}
	return b
}

// Half of a Put may be durable when the other half fails. It is put again as a whole, so the first half must not stay: it would
// be there twice, and leave its account twice.
func TestAFailedPutLeavesNothingBehind(t *testing.T) {
	writes, failing := 0, false
	log, _, err := wal.Open(wal.Options{Dir: filepath.Join(t.TempDir(), "dead"), SegmentSize: 1, Fault: func(op, path string) error {
		if op == "write" && failing {
			if writes++; writes > 2 { // the first Block is sealed in its Segment by then
				return errors.New("the disk fails")
			}
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	d := &deadLetters{log: log}
	if err := d.open(checkpoint.LetterState{Known: true}); err != nil {
		t.Fatal(err)
	}
	b := refusedBatch(600) // three Blocks
	failing = true
	if err := d.Put(b, b.result.Refused); err == nil {
		t.Fatal("no error")
	}
	failing = false
	if log.Durable() == 0 {
		t.Fatal("nothing of the first Put is durable: this test shows nothing")
	}
	if err := d.Put(b, b.result.Refused); err != nil {
		t.Fatal(err)
	}
	n := 0
	var block wal.Block
	for at := wal.Index(0); log.Next(at, &block) == nil; at = block.Index {
		if !d.settled.Has(block.Index) {
			n += len(block.Records)
		}
	}
	if n != 600 || d.refusedLetters.Load() != 600 {
		t.Errorf("%d letters, counted %d; want 600", n, d.refusedLetters.Load())
	}
}

// order notes what comes first.
type order struct {
	*fakeStore
	dead  *deadLetters
	steps []string
}

func (o *order) Commit(c checkpoint.Change) error {
	step := "commit"
	if c.Letters != nil {
		step += " with letters"
	}
	o.steps = append(o.steps, step)
	return o.fakeStore.Commit(c)
}

func (o *order) Put(b *batch, refused []sink.Refusal) error {
	o.steps = append(o.steps, "put")
	return o.dead.Put(b, refused)
}

// The checkpoint hears of the store before its first letter: a start must tell letters that a crash left there, which are
// sent again, from those that a checkpoint counted which is lost.
func TestTheCheckpointKnowsOfTheStoreBeforeTheFirstLetter(t *testing.T) {
	log, _, err := wal.Open(wal.Options{Dir: filepath.Join(t.TempDir(), "dead")})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	o := &order{fakeStore: &fakeStore{}, dead: &deadLetters{log: log}}
	if err := o.dead.open(checkpoint.LetterState{}); err != nil {
		t.Fatal(err)
	}
	l := &fakeLog{durable: 1, grown: make(chan struct{}, 1)}
	l.next = func(after wal.Index, b *wal.Block) error {
		if after >= 1 {
			return wal.ErrNone
		}
		fill(b, 1, &wal.File{ID: wal.FileID{1}, Format: wal.Plain}, "line\n")
		return nil
	}
	d := (&Delivery{log: l, sink: refusing{}, store: o, dead: o, letters: o.dead, slog: quiet, batchText: 100,
		reserve: &reserve{slog: quiet, tried: time.Now()}}).begin(0, 1)
	now := time.Now()
	for range 5 {
		d.Step(now)
		select {
		case b := <-d.work:
			b.result, b.err = d.sink.Send(context.Background(), b)
			d.done <- b
		default:
		}
		now = now.Add(time.Second)
	}
	if got := strings.Join(o.steps, ", "); got != "commit with letters, put, commit with letters" {
		t.Error(got)
	}
}
