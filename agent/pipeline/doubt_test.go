package pipeline

import (
	"fmt"
	"testing"
	"time"

	"logboom/sink"
	"logboom/wal"
)

var gathered = time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC)

// sentSince runs a Delivery over Blocks 3 to 6 of two lines each, and says of each Block since when it may have been sent.
func sentSince(t *testing.T, f *wal.File, begin func(*doubt), step func(*Delivery)) map[wal.Index]time.Time {
	t.Helper()
	l := &fakeLog{durable: 6, grown: make(chan struct{}, 1)}
	l.next = func(after wal.Index, b *wal.Block) error {
		if after >= l.durable {
			return wal.ErrNone
		}
		fill(b, after+1, f, fmt.Sprintf("2026-11-22T16:01:4%d.5Z stdout F line\n", after+1))
		b.Time = gathered
		return nil
	}
	d := (&Delivery{log: l, store: &fakeStore{}, slog: quiet, batchText: 1, reserve: &reserve{slog: quiet, tried: time.Now()}}).begin(2, 3)
	begin(&d.doubt)
	got := map[wal.Index]time.Time{}
	for range 4 {
		step(d)
		d.Step(time.Now())
		b := <-d.work
		if err := b.Each(func(_ int, e *sink.Event) error { got[b.last()] = e.SentSince; return nil }); err != nil {
			t.Fatal(err)
		}
		d.done <- b
	}
	return got
}

// What was in the WAL at the start may have been sent since it was gathered; what came later was not.
func TestBlocksOfAnEarlierProcessAreInDoubt(t *testing.T) {
	f := &wal.File{ID: wal.FileID{1}, Format: wal.CRI, Path: "/x"}
	got := sentSince(t, f, func(d *doubt) { d.begin(4, false) }, func(*Delivery) {})
	for n, since := range got {
		if n <= 4 && !since.Equal(gathered) || n > 4 && !since.IsZero() {
			t.Errorf("block %d: since %v", n, since)
		}
	}
}

// No process has so much under way that nothing of it was committed.
func TestDoubtEndsWithWhatCanHaveBeenUnderWay(t *testing.T) {
	f := &wal.File{ID: wal.FileID{1}, Format: wal.CRI, Path: "/x"}
	steps := 0
	got := sentSince(t, f, func(d *doubt) { d.begin(100, false) }, func(d *Delivery) {
		if steps++; steps == 2 {
			d.doubt.text = mostUnderWay
		}
	})
	for n, since := range got {
		if (n <= 4) == since.IsZero() {
			t.Errorf("block %d: since %v", n, since)
		}
	}
}

// When the checkpoint was lost, the files are read again: their Events may have been sent as soon as they were written.
func TestWhatIsReadAgainIsInDoubt(t *testing.T) {
	birth := time.Date(2026, 11, 3, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		file *wal.File
		want func(n wal.Index) time.Time
	}{
		"with times": {&wal.File{ID: wal.FileID{1}, Format: wal.CRI, Path: "/x"}, func(n wal.Index) time.Time {
			return time.Date(2026, 11, 22, 16, 1, 40+int(n), 5e8, time.UTC)
		}},
		"without": {&wal.File{ID: wal.FileID{1}, Format: wal.Plain, Path: "/x", Identity: wal.Identity{Birth: birth.UnixNano()}},
			func(wal.Index) time.Time { return birth }},
		"without any": {&wal.File{ID: wal.FileID{1}, Format: wal.Plain, Path: "/x"}, func(wal.Index) time.Time { return time.Unix(0, 1) }},
	} {
		t.Run(name, func(t *testing.T) {
			steps := 0
			got := sentSince(t, c.file, func(d *doubt) { d.begin(0, true); d.text = mostUnderWay }, func(d *Delivery) {
				if steps++; steps == 3 && d.doubt.rereading() {
					d.doubt.caughtUp(5)
				}
			})
			for n, since := range got {
				if n <= 5 && !since.Equal(c.want(n)) || n > 5 && !since.IsZero() {
					t.Errorf("block %d: since %v", n, since)
				}
			}
		})
	}
}
