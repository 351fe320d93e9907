package sink

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func newFlow() *flow {
	f := &flow{}
	f.init(&Config{Concurrency: 4, MinBackoff: time.Second, MaxBackoff: 8 * time.Second})
	return f
}

// turn begins a request, lets it take that long, and ends it. It returns how long it had to wait.
func turn(t *testing.T, f *flow, took time.Duration, o outcome) time.Duration {
	t.Helper()
	start := time.Now()
	begun, err := f.take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	waited := time.Since(start)
	time.Sleep(took)
	f.give(begun, o, 0)
	return waited
}

func TestFlowGrowsSlowlyAndHalves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlow()
		for i, c := range []struct {
			o    outcome
			want int
		}{
			{well, 2}, {well, 2}, {well, 2}, {well, 3}, {well, 3}, {well, 3}, {well, 4}, {well, 4}, {well, 4}, {well, 4}, {well, 4}, {well, 4},
			{partly, 2}, {well, 2}, {well, 2}, {well, 3}, {setback, 1}, {setback, 1}, {setback, 1},
			{well, 1}, {well, 1}, {well, 2}, // while it pauses it does not grow
		} {
			turn(t, f, time.Second, c.o)
			if got, _ := f.state(); got != c.want {
				t.Errorf("step %d: %d in flight, want %d", i, got, c.want)
			}
		}
	})
}

// What was in flight together and failed together is one setback.
func TestFlowCountsASetbackOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlow()
		f.slots = 4
		var begun []time.Time
		for range 4 {
			at, err := f.take(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			begun = append(begun, at)
			time.Sleep(time.Millisecond)
		}
		for _, at := range begun {
			f.give(at, setback, 0)
		}
		if slots, _ := f.state(); slots != 2 || f.wait != time.Second {
			t.Errorf("%d in flight, a wait of %v", slots, f.wait)
		}
	})
}

// The pauses of a Sink grow with its setbacks, are jittered in full, and shrink again.
func TestFlowPausesAreJittered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlow()
		var shortest, longest, sum time.Duration = time.Hour, 0, 0
		const n = 1000
		for i := range n + 4 {
			waited := turn(t, f, time.Millisecond, setback)
			if i < 4 {
				continue // grows
			}
			shortest, longest, sum = min(shortest, waited), max(longest, waited), sum+waited
		}
		if mean := sum / n; shortest > 200*time.Millisecond || longest > 8*time.Second || longest < 7*time.Second || mean < 3600*time.Millisecond || mean > 4400*time.Millisecond {
			t.Errorf("from %v to %v, %v in the mean", shortest, longest, mean)
		}
		for range 4 {
			turn(t, f, time.Millisecond, well)
		}
		if f.wait != 0 || turn(t, f, 0, well) != 0 {
			t.Errorf("after good answers it still waits up to %v", f.wait)
		}
	})
}

func TestFlowLetsNoMoreThanItsSlotsFly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlow()
		var mu sync.Mutex
		flying, most := 0, 0
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				for range 20 {
					begun, err := f.take(t.Context())
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					flying++
					most = max(most, flying)
					mu.Unlock()
					time.Sleep(time.Second)
					mu.Lock()
					flying--
					mu.Unlock()
					f.give(begun, well, 0)
				}
			})
		}
		wg.Wait()
		if most != 4 {
			t.Errorf("%d in flight", most)
		}
	})
}

func TestFlowEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, prepare := range map[string]func(f *flow){
			"no slot": func(f *flow) { f.flying = 1 },
			"a pause": func(f *flow) { f.until = time.Now().Add(time.Hour) },
		} {
			f := newFlow()
			prepare(f)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if _, err := f.take(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", name, err)
			}
			cancel()
		}
	})
}

// What the backend asks of one Send, the others honour too.
func TestRetryAfterHoldsTheWholeSink(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, b *backend, s *Sink) {
		start := time.Now()
		b.script = func(n int, q *bulkRequest, w http.ResponseWriter) bool {
			if since := time.Since(start); n > 0 && since < 20*time.Second {
				t.Errorf("request %d after %v", n, since)
			}
			if n > 0 {
				return false
			}
			w.Header().Set("Retry-After", "20")
			w.WriteHeader(503)
			return true
		}
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() { mustSend(t, s, testEvents(testFile(i), 3)) })
		}
		wg.Wait()
	})
}

// A backend that answers long requests too late gets shorter ones, from every Send, and longer ones again when it is well.
func TestLateAnswersMakeBodiesShorter(t *testing.T) {
	inBubble(t, Config{BodySize: 4 << 20, Timeout: 20 * time.Second}, func(t *testing.T, b *backend, s *Sink) {
		events := testEvents(testFile(1), 30)
		for i := range events {
			events[i].Message = make([]byte, 20<<10) // 120 KiB when escaped
		}
		sizes := map[bool][]int{}
		slow := true
		b.script = func(n int, q *bulkRequest, w http.ResponseWriter) bool {
			sizes[slow] = append(sizes[slow], len(q.actions))
			if slow && len(q.actions) > 10 {
				w.WriteHeader(504)
				return true
			}
			return false
		}
		if r := mustSend(t, s, events); r.Stored != 30 {
			t.Errorf("%+v", r)
		}
		before := len(sizes[slow])
		for i := range events {
			events[i].Offset++
		}
		mustSend(t, s, events)
		if got := sizes[slow][before]; got > 10 {
			t.Errorf("the next Send begins with %d documents", got)
		}
		slow = false
		time.Sleep(10 * growEvery)
		for i := range events {
			events[i].Offset++
		}
		if mustSend(t, s, events); sizes[slow][0] != 30 {
			t.Errorf("ten minutes later %d documents", sizes[slow][0])
		}
	})
}

// A backend that was away is not one that was busy: the first good answer is the end of the pauses. The first refusal makes
// them as long again as if they had gone on.
func TestABackendThatWasAwayIsAskedWithoutPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		after := func(o outcome) (pauses []time.Duration) {
			f := newFlow()
			for range 20 {
				turn(t, f, time.Millisecond, o)
			}
			turn(t, f, time.Millisecond, well)
			for range 3 {
				pauses = append(pauses, turn(t, f, time.Millisecond, well))
			}
			return pauses
		}
		if pauses := after(setback); pauses[0] == 0 {
			t.Errorf("a busy backend was asked after %v", pauses)
		}
		for _, o := range []outcome{away, absent} {
			if pauses := after(o); pauses[0]+pauses[1]+pauses[2] != 0 {
				t.Errorf("after good answers it still waits for %v", pauses)
			}
		}
		f := newFlow()
		f.wait, f.gone = 8*time.Second, true
		turn(t, f, 0, well)
		if turn(t, f, 0, setback); f.wait != 8*time.Second || turn(t, f, 0, well) == 0 || turn(t, f, 0, well) == 0 {
			t.Errorf("after a refusal it waits up to %v", f.wait)
		}
	})
}

// While nobody listens, it asks every few seconds: so long at most is a backend that is back kept waiting.
func TestWhoIsAbsentIsAskedOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &flow{}
		f.init(&Config{Concurrency: 4, MinBackoff: 250 * time.Millisecond, MaxBackoff: 30 * time.Second})
		for range 20 {
			turn(t, f, time.Millisecond, away)
		}
		if f.wait != 30*time.Second {
			t.Errorf("who is away is asked after up to %v", f.wait)
		}
		for range 200 {
			turn(t, f, time.Millisecond, absent)
			if waited := time.Until(f.until); waited > lastAbsent {
				t.Errorf("who is absent is asked after %v", waited)
			}
		}
	})
}

// What a backend asks for holds, whichever of several answers it stands in.
func TestFlowHonoursEachRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlow()
		f.slots = 3
		var begun [3]time.Time
		for i := range begun {
			begun[i], _ = f.take(t.Context())
		}
		time.Sleep(time.Second)
		f.give(begun[0], setback, 0)
		f.give(begun[1], setback, time.Minute)
		f.give(time.Now(), away, 0) // it had its turn, but looked up first
		start := time.Now()
		if turn(t, f, 0, well); time.Since(start) < time.Minute {
			t.Errorf("after %v", time.Since(start))
		}
	})
}
