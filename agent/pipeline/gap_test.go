package pipeline

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"logboom/checkpoint"
	"logboom/wal"
)

// How a Block of holed can be.
const (
	whole   = iota
	unnamed // nothing of it can be read
	named   // what it held is known
	halfway // what it held is known of every second Record
	kinds   = iota
)

// holed is a WAL, parts of which can't be read.
type holed struct {
	fakeLog
	blocks []wal.Block
	kind   []int
}

func (h *holed) add(kind int, records ...wal.Record) {
	b := wal.Block{Index: wal.Index(len(h.blocks) + 1), Time: time.Unix(int64(len(h.blocks)), 0), Records: records}
	for i := range records {
		r := &records[i]
		r.Text = []byte(strings.Repeat("x", int(r.End-r.Start-1)) + "\n")
		b.Text = append(b.Text, r.Text...)
	}
	h.blocks, h.kind, h.durable = append(h.blocks, b), append(h.kind, kind), b.Index
}

func (h *holed) Next(after wal.Index, b *wal.Block) error {
	if after >= h.durable {
		return wal.ErrNone
	}
	e := &wal.DamageError{}
	for i := int(after); i < len(h.blocks) && h.kind[i] == unnamed; i++ {
		e.Index = wal.Index(i + 1)
		e.Damaged = []wal.Damage{{Index: e.Index, Reason: "r"}}
	}
	if e.Index > 0 {
		return e
	}
	from := &h.blocks[after]
	for i, r := range from.Records {
		if k := h.kind[after]; k == named || k == halfway && i%2 == 0 {
			e.Index = from.Index
			e.Damaged = append(e.Damaged, wal.Damage{Index: from.Index, File: r.File, Start: r.Start, End: r.End, Reason: "r"})
		}
	}
	if e.Index > 0 {
		return e
	}
	*b = wal.Block{Index: from.Index, Time: from.Time, Records: append(b.Records[:0], from.Records...), Text: append(b.Text[:0], from.Text...)}
	return nil
}

func (h *holed) Oldest(acked wal.Index) wal.Index {
	if acked >= h.durable {
		return 0
	}
	return min(acked+3, h.durable)
}

// flaky is a checkpoint whose fsync fails at times, when all has come to the disk or nothing.
type flaky struct {
	*checkpoint.Store
	rng *rand.Rand
}

func (f flaky) Commit(c checkpoint.Change) error {
	switch f.rng.IntN(5) {
	case 0:
		return errors.New("it is not on the disk")
	case 1:
		return errors.Join(f.Store.Commit(c), errors.New("it may be on the disk"))
	}
	return f.Store.Commit(c)
}

func newStore(t *testing.T) *checkpoint.Store {
	t.Helper()
	store, err := checkpoint.Open(filepath.Join(t.TempDir(), "checkpoint.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

// draining is a Delivery of h that begins with what store knows.
func draining(t *testing.T, h *holed, store *checkpoint.Store, r *wal.Recovery, lost bool) *Delivery {
	t.Helper()
	st, err := store.State()
	if err != nil {
		t.Fatal(err)
	}
	d := (&Delivery{log: h, store: store, slog: quiet, batchText: 1, reserve: &reserve{slog: quiet, tried: time.Now()}}).begin(st.Acked, 2)
	if err := d.gaps.begin(store, st, r, lost); err != nil {
		t.Fatal(err)
	}
	return d
}

// drain steps, in so much time each, until all is acknowledged.
func drain(t *testing.T, d *Delivery, step time.Duration) {
	t.Helper()
	s, now := &fakeSink{map[string]int{}}, time.Now()
	for range 1000 {
		d.Step(now)
		work(d, s)
		if now = now.Add(step); d.acked < d.log.Durable() {
			continue
		}
		if err := d.commit(now); err != nil {
			t.Fatal(err)
		}
		if n := len(d.gaps.ends) + len(d.gaps.jumps); n > 0 {
			t.Errorf("%d files are remembered without need", n)
		}
		return
	}
	t.Fatal("it does not come to its end")
}

// ranges are the ledger's ranges, without Blocks that hold nobody knows what.
func ranges(t *testing.T, store *checkpoint.Store, cause string) (all []string) {
	t.Helper()
	if err := store.Losses(func(l checkpoint.Loss) error {
		if l.Cause == cause && !strings.HasPrefix(l.File.Path, "unknown files") {
			all = append(all, fmt.Sprintf("%s [%d, %d) %s", l.File.Path, l.Start, l.End, l.Detail))
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestWhatUnreadableBlocksHeldIsNamedByTheNextRecords: whatever can't be read, and whenever the process ends, the ledger has
// exactly the bytes that nobody has, once, and every account adds up; also when commits fail, and with drop_oldest.
func TestWhatUnreadableBlocksHeldIsNamedByTheNextRecords(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { holes(t, rand.New(rand.NewPCG(seed, 1)), seed%3 == 0) })
	}
}

func holes(t *testing.T, rng *rand.Rand, drop bool) {
	h := &holed{}
	type book struct {
		file      *wal.File
		at, reach wal.Offset
		acked     int64
		pending   []wal.Offset        // in Blocks that can't be read, since the last Record that has a name
		gone      map[wal.Offset]bool // bytes that are to be listed
	}
	var books []*book
	for i := range 5 {
		start := wal.Offset(i % 2 * 100)
		books = append(books, &book{file: &wal.File{ID: wal.FileID{byte(i + 1)}, Path: fmt.Sprint(i), Format: wal.Plain, Start: start},
			at: start, reach: start, gone: map[wal.Offset]bool{}})
	}
	for range 60 {
		kind := whole
		if rng.IntN(3) == 0 {
			kind = rng.IntN(kinds)
		}
		var records []wal.Record
		for i, b := range books {
			if rng.IntN(i+1) > 0 && len(records) > 0 { // some are quiet
				continue
			}
			end := b.at + wal.Offset(1+rng.IntN(20))
			mine := kind
			if kind == halfway {
				mine = []int{named, unnamed}[len(records)%2]
			}
			records = append(records, wal.Record{File: b.file, Start: b.at, End: end})
			for at := b.at; at < end; at++ {
				b.pending = append(b.pending, at)
			}
			if mine != unnamed {
				if mine == whole {
					b.acked += int64(end - b.at)
					b.pending = b.pending[:len(b.pending)-int(end-b.at)]
				}
				for _, at := range b.pending {
					b.gone[at] = true
				}
				b.pending, b.reach = nil, end
			}
			b.at = end
		}
		h.add(kind, records...)
	}
	store, room := newStore(t), room{}
	var d *Delivery
	start := func() {
		d = draining(t, h, store, &wal.Recovery{}, false)
		d.store, d.room, d.drops.on, d.batchText = flaky{store, rng}, &room, drop, 1+rng.IntN(200)
	}
	start()
	s, now := &fakeSink{map[string]int{}}, time.Now()
	for n := 0; d.Acked() < h.durable; n++ {
		if n == 10_000 {
			t.Fatal("it does not come to its end")
		}
		if rng.IntN(10) == 0 {
			room.want(room.freed.Load(), "full")
		}
		if rng.IntN(2) == 0 {
			work(d, s)
		}
		d.Step(now)
		now = now.Add(time.Duration(rng.IntN(400)) * time.Millisecond)
		if rng.IntN(20) == 0 {
			start()
		}
	}
	accounts, err := store.Accounts()
	if err != nil {
		t.Fatal(err)
	}
	gone := map[wal.FileID]map[wal.Offset]bool{}
	for _, b := range books {
		gone[b.file.ID] = map[wal.Offset]bool{}
	}
	store.Losses(func(l checkpoint.Loss) error {
		if all := gone[l.File.ID]; all != nil && l.Cause == checkpoint.CauseDamaged {
			for at := l.Start; at < l.End; at++ {
				if all[at] {
					t.Errorf("byte %d of file %s is listed twice", at, l.File.Path)
				}
				all[at] = true
			}
		}
		return nil
	})
	for _, b := range books {
		if diff := cmp.Diff(b.gone, gone[b.file.ID]); diff != "" {
			t.Errorf("the ledger of file %s: %s", b.file.Path, diff)
		}
		a := accounts.Files[b.file.ID]
		if a.Reach != b.reach || a.Acked() > b.acked || !drop && (a.Acked() != b.acked || a.LostRead != int64(len(b.gone))) {
			t.Errorf("file %s: %+v, acked %d; want reach %d, acked %d, lost %d", b.file.Path, a, a.Acked(), b.reach, b.acked, len(b.gone))
		}
	}
}

// TestGapsOfFilesThatAreReadAgain: what was read before a crash, or before a power cut made the log shorter, is not missing.
func TestGapsOfFilesThatAreReadAgain(t *testing.T) {
	f := &wal.File{ID: wal.FileID{1}, Path: "f", Format: wal.Plain, Start: 50}
	r := func(start, end wal.Offset) wal.Record { return wal.Record{File: f, Start: start, End: end} }
	for name, c := range map[string]struct {
		blocks []wal.Record
		holes  []int
		want   []string
	}{
		"from its start":        {[]wal.Record{r(50, 60), r(60, 80), r(50, 70), r(70, 90)}, nil, nil},
		"shorter":               {[]wal.Record{r(50, 90), r(70, 80), r(80, 100)}, nil, nil},
		"shorter, then a hole":  {[]wal.Record{r(50, 90), r(70, 75), r(75, 95), r(95, 100)}, []int{2}, []string{"f [90, 95) in block 3: can't be read; kept in nowhere: nothing of it is there"}},
		"the first are missing": {[]wal.Record{r(50, 60), r(60, 70), r(70, 80)}, []int{0, 1}, []string{"f [50, 70) in blocks 1 to 2: can't be read; kept in nowhere: nothing of it is there"}},
		"the last are missing":  {[]wal.Record{r(50, 60), r(60, 70)}, []int{1}, nil},
	} {
		for often, step := range map[string]time.Duration{"": time.Second, ", in one commit": 0} {
			t.Run(name+often, func(t *testing.T) {
				h, store := &holed{}, newStore(t)
				for _, r := range c.blocks {
					h.add(whole, r)
				}
				for _, n := range c.holes {
					h.kind[n] = unnamed
				}
				d := draining(t, h, store, &wal.Recovery{}, false)
				d.committed = time.Now()
				drain(t, d, step)
				if diff := cmp.Diff(c.want, ranges(t, store, checkpoint.CauseDamaged)); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

// TestALostCheckpointMakesNoLosses: what stands before the first Record that the WAL still has was delivered, as far as
// anybody can know, unless no Segment was ever removed. The next starts know that too.
func TestALostCheckpointMakesNoLosses(t *testing.T) {
	f, fresh := &wal.File{ID: wal.FileID{1}, Path: "f", Format: wal.Plain}, &wal.File{ID: wal.FileID{2}, Path: "fresh", Format: wal.Plain}
	for first, want := range map[wal.Index][]string{
		9: {"fresh [0, 5) in block 3: can't be read; kept in nowhere: nothing of it is there"},
		1: {"f [0, 90) in blocks before block 2 that can't be read", "fresh [0, 5) in block 3: can't be read; kept in nowhere: nothing of it is there"},
	} {
		h, store := &holed{}, newStore(t)
		h.add(unnamed, wal.Record{File: f, Start: 80, End: 90})
		d := draining(t, h, store, &wal.Recovery{First: first, Last: 2}, true)
		drain(t, d, time.Second)
		// tail has something to say of the File first
		if err := store.Commit(checkpoint.Change{Losses: []checkpoint.Loss{{File: f, Start: 100, End: 110, Cause: checkpoint.CauseDeleted}}}); err != nil {
			t.Fatal(err)
		}
		h.add(whole, wal.Record{File: f, Start: 90, End: 100})
		h.add(unnamed, wal.Record{File: fresh, Start: 0, End: 5})
		h.add(whole, wal.Record{File: fresh, Start: 5, End: 10})
		d = draining(t, h, store, &wal.Recovery{First: first, Last: 3}, false)
		drain(t, d, time.Second)
		if diff := cmp.Diff(want, ranges(t, store, checkpoint.CauseDamaged)); diff != "" {
			t.Errorf("the oldest segment begins with block %d: %s", first, diff)
		}
	}
}
