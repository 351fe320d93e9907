package pipeline

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"logboom/agent/parse"
	"logboom/checkpoint"
	"logboom/sink"
	"logboom/wal"
)

// letterbox is a dead-letter store with a post, in which time goes by as a test wants, and a backend with closed indices.
type letterbox struct {
	t      *testing.T
	log    *wal.Log
	store  *deadLetters
	post   *post
	now    time.Time
	closed map[string]bool
	stuck  bool            // what put has of its first index is held, if that is a
	bad    map[string]bool // messages that are refused for good
	got    map[string]int  // messages that were stored
	tries  []int           // letters in each request
}

func newLetterbox(t *testing.T) *letterbox {
	l := &letterbox{t: t, now: time.Now(), closed: map[string]bool{}, bad: map[string]bool{}, got: map[string]int{}}
	var err error
	if l.log, _, err = wal.Open(wal.Options{Dir: filepath.Join(t.TempDir(), "dead"), SegmentSize: 4 << 10}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.log.Close() })
	l.open(checkpoint.LetterState{Known: true})
	return l
}

func (l *letterbox) open(st checkpoint.LetterState) {
	l.store = &deadLetters{log: l.log}
	if err := l.store.open(st); err != nil {
		l.t.Fatal(err)
	}
	l.post = newPost(l.store, l, 4<<10, &reserve{slog: quiet, tried: time.Now()}, quiet)
}

// Try makes a letterbox its own backend.
func (l *letterbox) Try(_ context.Context, events sink.Events) (r sink.Result, err error) {
	count := 0
	err = events.Each(func(n int, e *sink.Event) error {
		count++
		switch m := string(e.Message); {
		case l.closed[sink.Index(e)], l.stuck && sink.Index(e) == "a" && e.File.ID[0] == 1:
			r.Refused = append(r.Refused, sink.Refusal{N: n, Type: "index_closed_exception", Held: true})
		case l.bad[m]:
			r.Refused = append(r.Refused, sink.Refusal{N: n, Type: "document_parsing_exception"})
		default:
			r.Stored++
			l.got[m]++
		}
		return nil
	})
	l.tries = append(l.tries, count)
	return r, err
}

// put puts n lines of each index, as one Batch; held or refused.
func (l *letterbox) put(held bool, n int, indices ...string) {
	l.t.Helper()
	b := &batch{}
	var refused []sink.Refusal
	for i, index := range indices {
		f := &wal.File{ID: wal.FileID{byte(i + 1), byte(len(index))}, Format: wal.CRI, Path: "/" + index, Route: index}
		var text strings.Builder
		for k := range n {
			fmt.Fprintf(&text, "2026-11-22T16:01:41.1Z stdout F %s-%d-%v\n", index, k, held)
		}
		fill(b.slot(), wal.Index(i+1), f, text.String())
		b.add()
	}
	typ := "document_parsing_exception"
	if held {
		typ = "index_closed_exception"
	}
	for i := range n * len(indices) {
		refused = append(refused, sink.Refusal{N: i, Type: typ, Held: held})
	}
	if err := l.store.Put(b, refused); err != nil {
		l.t.Fatal(err)
	}
}

// pass lets time go by, second by second.
func (l *letterbox) pass(d time.Duration) {
	l.t.Helper()
	for end := l.now.Add(d); l.now.Before(end); l.now = l.now.Add(time.Second) {
		l.turn()
	}
}

func (l *letterbox) turn() {
	l.t.Helper()
	for more := true; more; {
		var err error
		if more, err = l.post.step(l.now); err != nil {
			l.t.Fatal(err)
		}
		select {
		case w := <-l.post.out:
			l.post.try(l.t.Context(), w)
			more = true
		default:
		}
	}
}

// left lists the messages in the store.
func (l *letterbox) left() (all []string) {
	l.t.Helper()
	var b wal.Block
	var p parse.Parser
	for at := wal.Index(0); l.log.Next(at, &b) == nil; at = b.Index {
		if !l.store.settled.Has(b.Index) && b.Index > l.store.gone {
			eachLetter(&p, &b, func(e *sink.Event, n *note) error {
				all = append(all, fmt.Sprintf("%s %v %s", e.Message, n.Held, n.Type))
				return nil
			})
		}
	}
	slices.Sort(all)
	return all
}

// What is held for a closed index is tried with a few letters, ever more seldom, and all of it is stored when the index is
// open, by itself and once. What others are held for, and what was refused, stays.
func TestHeldLettersAreStoredWhenTheirIndexIsOpen(t *testing.T) {
	l := newLetterbox(t)
	l.closed["a"], l.closed["b"] = true, true
	l.put(false, 3, "a")
	l.put(true, 100, "a", "b")
	l.put(true, 50, "a", "b")
	l.pass(firstProbe)
	if len(l.tries) != 0 {
		t.Fatalf("tried %v at once", l.tries)
	}
	l.pass(20 * time.Minute)
	if n := len(l.tries); n < 10 || n > 20 || slices.Max(l.tries) > probe {
		t.Errorf("%v in 20 minutes", l.tries)
	}
	l.closed["a"] = false
	l.pass(lastProbe + time.Second)
	for k := range 100 {
		want := 1
		if k < 50 {
			want = 2 // of both Puts: the same line twice
		}
		if m := fmt.Sprintf("a-%d-true", k); l.got[m] != want {
			t.Errorf("%s is stored %d times", m, l.got[m])
		}
	}
	if len(l.got) != 100 || len(l.left()) != 3+150 || l.store.refusedLetters.Load() != 3 || l.store.heldLetters.Load() != 150 {
		t.Errorf("%d stored, %d left, counted %d refused and %d held", len(l.got), len(l.left()), l.store.refusedLetters.Load(), l.store.heldLetters.Load())
	}
	l.open(checkpoint.LetterState{Known: true, Counted: l.store.counted, Gone: l.store.gone, Settled: l.store.settled})
	l.turn() // a new process looks first, and tries at once
	if l.store.refusedLetters.Load() != 3 || l.store.heldLetters.Load() != 150 || l.tries[len(l.tries)-1] != probe {
		t.Errorf("after a restart %d refused, %d held, tried %d", l.store.refusedLetters.Load(), l.store.heldLetters.Load(), l.tries[len(l.tries)-1])
	}
	l.closed["b"] = false
	l.pass(lastProbe)
	if len(l.left()) != 3 || l.store.heldLetters.Load() != 0 || len(l.store.holds) != 0 {
		t.Errorf("%d left, %d held, %d holds", len(l.left()), l.store.heldLetters.Load(), len(l.store.holds))
	}
}

// Letters of which most are refused for one reason stay held until a person puts that right. Those behind them, that were held when
// the index was closed, don't wait for it.
func TestHeldLettersDoNotHoldUpOthersOfTheirIndex(t *testing.T) {
	l := newLetterbox(t)
	l.stuck = true
	for range 3 {
		l.put(true, 200, "a")
		l.put(true, 40, "x", "a")
	}
	l.pass(12 * time.Hour)
	if got := len(l.left()); got != 3*200 || len(l.tries) > 200 {
		t.Errorf("%d are left, want %d; %d tries", got, 3*200, len(l.tries))
	}
	l.stuck = false
	l.pass(time.Hour)
	if got := l.left(); len(got) != 0 || len(l.store.holds) != 0 {
		t.Errorf("%d are left, %d holds", len(got), len(l.store.holds))
	}
}

// A held letter that is bad in itself is refused for good then, and not tried for ever.
func TestAHeldLetterMayBeRefusedForGood(t *testing.T) {
	l := newLetterbox(t)
	l.bad["a-1-true"] = true
	l.put(true, 3, "a")
	l.pass(time.Hour)
	if got := l.left(); !slices.Equal(got, []string{"a-1-true false document_parsing_exception"}) || len(l.got) != 2 || len(l.tries) != 1 {
		t.Errorf("left %q, stored %v, tries %v", got, l.got, l.tries)
	}
}

// A person sends what they pick, and the rest stays as it is.
func TestReplaySendsWhatIsPicked(t *testing.T) {
	for name, c := range map[string]struct {
		pick   pick
		bad    string
		want   Resent
		stored []string
	}{
		"all":          {pick{}, "a-0-false", Resent{Stored: 5, Refused: 1, Held: 2}, []string{"a-1-false", "b-0-false", "b-1-false", "d-0-true", "d-1-true"}},
		"by index":     {pick{route: "[bx]"}, "", Resent{Stored: 2}, []string{"b-0-false", "b-1-false"}},
		"by reason":    {pick{reason: "document_*"}, "b-1-false", Resent{Stored: 3, Refused: 1}, []string{"a-0-false", "a-1-false", "b-0-false"}},
		"what is held": {pick{reason: "index_closed_exception", route: "c"}, "", Resent{Held: 2}, nil},
		"by both":      {pick{reason: "index*", route: "a"}, "", Resent{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLetterbox(t)
			l.closed["c"] = true
			l.put(false, 2, "a", "b")
			l.put(true, 2, "c", "d")
			l.bad[c.bad] = true
			done := make(chan Resent, 1)
			l.post.asked <- &walk{ctx: t.Context(), want: c.pick.wants(sink.Fields{}), done: done}
			l.turn()
			if got := <-done; got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
			var stored []string
			for m, n := range l.got {
				if stored = append(stored, m); n != 1 {
					t.Errorf("%s is stored %d times", m, n)
				}
			}
			slices.Sort(stored)
			if !slices.Equal(stored, c.stored) || len(l.left()) != 8-len(stored) {
				t.Errorf("stored %q, left %q", stored, l.left())
			}
		})
	}
}

// What is sent again leaves its account with the commit that settles it, whole Segments leave the disk, and what has no home yet
// stays when the process is killed before.
func TestLettersLeaveWithTheCommit(t *testing.T) {
	l := newLetterbox(t)
	for range 20 {
		l.put(true, 100, "a")
	}
	before := l.log.Stats()
	l.pass(time.Minute)
	if len(l.left()) != 0 || l.log.Stats().Segments < before.Segments {
		t.Fatalf("%d left; %d segments of %d before the commit", len(l.left()), l.log.Stats().Segments, before.Segments)
	}
	c := l.store.change()
	bytes := int64(0)
	for _, s := range c.Settled {
		for _, p := range s.Parts {
			bytes += p.Bytes
		}
	}
	if want := 20 * int64(len("2026-11-22T16:01:41.1Z stdout F a-10-true\n")*90+len("2026-11-22T16:01:41.1Z stdout F a-1-true\n")*10); bytes != want {
		t.Errorf("%d bytes leave, want %d", bytes, want)
	}
	if err := l.store.done(c); err != nil {
		t.Fatal(err)
	}
	if l.log.Stats().Segments > 1 || l.store.changed() {
		t.Errorf("%d segments are left, changed %v", l.log.Stats().Segments, l.store.changed())
	}
}

// Letters that the store gives up while they are on their way are in the ledger, and don't come back.
func TestLettersThatAreGivenUpOnTheirWayStayGivenUp(t *testing.T) {
	l := newLetterbox(t)
	l.put(true, 3, "a")
	l.bad["a-1-true"] = true // would move to the end
	l.now = l.now.Add(time.Second)
	l.post.step(l.now)
	l.now = l.now.Add(firstProbe)
	l.post.step(l.now)
	w := <-l.post.out
	if any, err := l.store.drop(); err != nil || !any {
		t.Fatal(any, err)
	}
	l.post.try(t.Context(), w)
	l.turn()
	lost := 0
	for _, s := range l.store.change().Settled {
		for _, p := range s.Parts {
			if p.Lost != nil {
				lost++
			}
		}
	}
	if len(l.left()) != 0 || l.store.heldLetters.Load() != 0 || l.store.refusedLetters.Load() != 0 || lost != 3 {
		t.Errorf("left %q, counted %d held and %d refused, %d lost", l.left(), l.store.heldLetters.Load(), l.store.refusedLetters.Load(), lost)
	}
}
