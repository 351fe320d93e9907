package pipeline

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"logboom/checkpoint"
	"logboom/sink"
	"logboom/wal"
)

// unheard is a Trier whose requests are cut short.
type unheard struct{}

func (unheard) Try(context.Context, sink.Events) (sink.Result, error) {
	return sink.Result{}, context.Canceled
}

// TestLettersStayWhenTheirSendingIsCutShort: nobody said that they are stored.
func TestLettersStayWhenTheirSendingIsCutShort(t *testing.T) {
	l := newLetterbox(t)
	l.post.sink = unheard{}
	l.put(true, 5, "a")
	l.pass(10 * time.Minute)
	if n := len(l.left()); n != 5 || l.store.changed() && len(l.store.pending) > 0 {
		t.Errorf("%d of 5 letters are left, %d blocks settled", n, len(l.store.pending))
	}
}

// TestTheStoreOfDeadLettersIsBounded: before each Put it keeps to its limit, the oldest go for that, and the ledger lists them.
func TestTheStoreOfDeadLettersIsBounded(t *testing.T) {
	log, _, err := wal.Open(wal.Options{Dir: filepath.Join(t.TempDir(), "dead"), SegmentSize: 16 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	store := &notedStore{}
	d := deliver(lines(0, nil), store, 1)
	letters := &deadLetters{log: log, maxSize: 256 << 10}
	if err := letters.open(checkpoint.LetterState{Known: true}); err != nil {
		t.Fatal(err)
	}
	d.letters = letters
	rng := rand.New(rand.NewPCG(1, 1))
	f := &wal.File{ID: wal.FileID{1}, Format: wal.CRI, Path: "/x"}
	var put, listed int64
	for i := range 40 {
		var text strings.Builder
		for range 500 { // does not shrink by much
			fmt.Fprintf(&text, "2026-11-22T16:01:41.1Z stdout F %016x%016x\n", rng.Uint64(), rng.Uint64())
		}
		b := &batch{}
		fill(b.slot(), wal.Index(i+1), f, text.String())
		b.add()
		for n := range 500 {
			b.result.Refused = append(b.result.Refused, sink.Refusal{N: n, Type: "test"})
		}
		put += int64(text.Len())
		if err := d.makeLetterRoom(b); err != nil {
			t.Fatal(err)
		}
		if n := log.Stats().Bytes; n > letters.maxSize {
			t.Fatalf("%d bytes of dead letters, %d may be", n, letters.maxSize)
		}
		if err := letters.Put(b, b.result.Refused); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range store.changes {
		if c.Letters != nil {
			for _, s := range c.Letters.Settled {
				for _, p := range s.Parts {
					if p.Lost == nil {
						t.Fatalf("a letter left without an entry in the ledger: %+v", p)
					}
					listed += p.Bytes
				}
			}
		}
	}
	if listed == 0 || listed >= put {
		t.Errorf("%d of %d bytes are listed as given up", listed, put)
	}
}
