package pipeline

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"logboom/checkpoint"
	"logboom/wal"
)

// A dead-letter store that the disk does not give out, for a minute or for good, stops no acknowledgement.
func TestUnreadableDeadLettersStopNobody(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dead")
	log, _, err := wal.Open(wal.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	before := &deadLetters{log: log}
	if err := before.open(checkpoint.LetterState{Known: true}); err != nil {
		t.Fatal(err)
	}
	refused := refusedBatch(3)
	if err := before.Put(refused, refused.result.Refused); err != nil {
		t.Fatal(err)
	}
	counted := log.Durable()
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if log, _, err = wal.Open(wal.Options{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	files, _ := filepath.Glob(filepath.Join(dir, "*", "*"))
	for _, file := range files { // opens, and can't be read
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(file, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	letters := &deadLetters{log: log}
	if err := letters.open(checkpoint.LetterState{Known: true, Counted: counted}); err != nil {
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
	d := (&Delivery{log: l, store: &fakeStore{}, dead: letters, letters: letters, slog: quiet, batchText: 100,
		reserve: &reserve{slog: quiet, tried: time.Now()}}).begin(0, 1)
	d.post = newPost(letters, nil, 100, d.reserve, quiet)
	now := time.Now()
	for range 5 {
		if _, err := d.Step(now); err != nil {
			t.Fatal(err)
		}
		select {
		case b := <-d.work:
			d.done <- b
		default:
		}
		now = now.Add(time.Second)
	}
	if d.Acked() != 1 {
		t.Errorf("acked %d", d.Acked())
	}
}

// stuck is a WAL with a Segment that the disk does not let go.
type stuck struct{ *fakeLog }

func (stuck) Release(wal.Index) error { return errors.New("input/output error") }

// A Segment that can't be removed takes its space, and stops neither acknowledgements nor dead letters.
func TestASegmentThatStaysStopsNoDeadLetters(t *testing.T) {
	log, _, err := wal.Open(wal.Options{Dir: filepath.Join(t.TempDir(), "dead")})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	letters := &deadLetters{log: log}
	if err := letters.open(checkpoint.LetterState{}); err != nil {
		t.Fatal(err)
	}
	l := &fakeLog{durable: 3, grown: make(chan struct{}, 1)}
	l.next = func(after wal.Index, b *wal.Block) error {
		if after >= 3 {
			return wal.ErrNone
		}
		fill(b, after+1, &wal.File{ID: wal.FileID{1}, Format: wal.Plain}, "line\n")
		return nil
	}
	store := &fakeStore{}
	d := (&Delivery{log: stuck{l}, sink: refusing{}, store: store, dead: letters, letters: letters, slog: quiet, batchText: 1,
		reserve: &reserve{slog: quiet, tried: time.Now()}}).begin(0, 1)
	now := time.Now()
	for range 30 {
		d.Step(now)
		select {
		case b := <-d.work:
			b.result, b.err = d.sink.Send(context.Background(), b)
			d.done <- b
		default:
		}
		now = now.Add(time.Second)
	}
	if d.Acked() != 3 || letters.refusedLetters.Load() != 3 || len(letters.pending) > 0 {
		t.Errorf("acked %d, %d dead letters, %d changes not noted", d.Acked(), letters.refusedLetters.Load(), len(letters.pending))
	}
}
