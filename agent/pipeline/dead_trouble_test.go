package pipeline

import (
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
