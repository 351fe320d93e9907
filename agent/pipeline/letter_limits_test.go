package pipeline

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"logboom/agent/parse"
	"logboom/checkpoint"
	"logboom/sink"
	"logboom/wal"
)

// A container may write an Event in thousands of pieces to one stream, with Lines to the other between them. As a dead letter it
// must not end the process: the next one would meet it again.
func TestAnEventOfManyPiecesCanBeADeadLetter(t *testing.T) {
	const piece = "2026-11-22T16:01:41.1Z stdout P x\n2026-11-22T16:01:41.1Z stderr F y\n"
	for _, pieces := range []int{100, 1000, wal.MaxText / len(piece)} {
		first, next := verbose(1), verbose(2)
		first.Start, next.Start = 0, 0
		b := &batch{}
		fill(b.slot(), 1, first, strings.Repeat(piece, pieces))
		block := &b.blocks[0]
		size := len(block.Text)
		block.Text = append(block.Text, strings.Repeat(piece, 2)+"2026-11-22T16:01:41.1Z stdout F x\n"...)
		start := block.Records[0].Start
		block.Records[0].Text, block.Records[0].Chained = block.Text[:size], true
		block.Records = append(block.Records, wal.Record{File: next, End: wal.Offset(len(block.Text) - size), Text: block.Text[size:]})
		b.add()

		log, _, err := wal.Open(wal.Options{Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		d := &deadLetters{log: log}
		words := strings.Repeat("\x01", 100<<10)
		if err := d.Put(b, []sink.Refusal{{N: pieces + 2, Type: words, Reason: words}}); err != nil {
			t.Fatal(err)
		}
		var got wal.Block
		if err := log.Next(0, &got); err != nil {
			t.Fatal(err)
		}
		letters := 0
		var p parse.Parser
		if err := eachLetter(&p, &got, func(e *sink.Event, n *note) error {
			letters++
			if want := bytes.Repeat([]byte("x"), pieces+3); !bytes.Equal(e.Message, want) {
				t.Errorf("a message of %d bytes, want %d", len(e.Message), len(want))
			}
			var bytes int64
			ends := map[wal.FileID]wal.Offset{}
			parts := lossesOf(e, n, "")
			for i, p := range partsOf(e, n) {
				bytes += p.Bytes
				if l := parts[i].Lost; p.File != parts[i].File || p.Bytes != parts[i].Bytes || int64(l.End-l.Start) < p.Bytes {
					t.Errorf("%+v is stored or lost as %+v", p, l)
				}
				ends[p.File] = parts[i].Lost.End
			}
			if want := int64(len(piece) / 2 * (pieces + 3)); bytes != want || len(e.Raw) != int(want) {
				t.Errorf("%d bytes, an Event of %d; want %d", bytes, len(e.Raw), want)
			}
			if ends[first.ID] != start+wal.Offset(size-len(piece)/2) || ends[next.ID] != wal.Offset(len(block.Text)-size) {
				t.Errorf("its Lines end at %v", ends)
			}
			return nil
		}); err != nil || letters != 1 {
			t.Errorf("%d letters, %v", letters, err)
		}
	}
}

// The store forgets which Blocks were settled, 4096 at a time, when all before are. One of them may still be away in a request, or
// stand in a Segment that has others: it must not become a letter again.
func TestWhatWasGivenUpIsNoLetterAgain(t *testing.T) {
	l := newLetterbox(t)
	const before = 4093 // a few Blocks below the boundary
	var err error
	if l.log, _, err = wal.Open(wal.Options{Dir: filepath.Join(t.TempDir(), "dead"), Floor: before}); err != nil {
		t.Fatal(err)
	}
	defer l.log.Close()
	l.open(checkpoint.LetterState{Known: true, Base: before, Counted: before, Gone: before})
	for range 6 {
		l.put(true, 40, "a")
	}
	l.store.held("late", before, l.log.Durable()) // a hold that has yet to look at all of them

	// A request is away when the store runs full.
	var away *walk
	for away == nil {
		l.now = l.now.Add(time.Second)
		l.step()
		select {
		case away = <-l.post.out:
		default:
		}
	}
	if any, err := l.store.drop(); err != nil || !any {
		t.Fatal(any, err)
	}
	if l.store.gone != l.log.Durable() {
		t.Fatalf("gone up to %d of %d: this test shows nothing", l.store.gone, l.log.Durable())
	}
	if err := l.store.done(l.store.change()); err != nil {
		t.Fatal(err)
	}
	l.post.try(t.Context(), away)
	l.pass(time.Hour)
	if left := l.left(); len(left) > 0 || l.store.heldLetters.Load() != 0 || l.store.changed() {
		t.Errorf("letters %v, %d held, changes %+v", left, l.store.heldLetters.Load(), l.store.change())
	}
	if len(l.tries) != 1 {
		t.Errorf("sent again: %v", l.tries)
	}
}

func (l *letterbox) step() {
	l.t.Helper()
	if _, err := l.post.step(l.now); err != nil {
		l.t.Fatal(err)
	}
}
