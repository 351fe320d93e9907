package sink

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestBytesPerSecondAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, began := &allowance{rate: 1000}, time.Now()
		for _, n := range []int{500, 2000, 1} {
			if err := a.wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			a.spend(n)
		}
		if got := time.Since(began); got != 2500*time.Millisecond {
			t.Errorf("2,500 bytes at 1,000 a second went before the third request, after %v", got)
		}
		time.Sleep(time.Hour) // what was not used is not saved up
		a.spend(1000)
		began = time.Now()
		if err := a.wait(t.Context()); err != nil || time.Since(began) != time.Second {
			t.Errorf("after an idle hour: %v, %v", time.Since(began), err)
		}
		a.spend(3_600_000)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := a.wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a wait outlives its context: %v", err)
		}
	})
}

func TestWithoutALimitNothingWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, began := &allowance{}, time.Now()
		a.spend(1 << 40)
		if err := a.wait(t.Context()); err != nil || time.Since(began) != 0 {
			t.Errorf("%v, %v", time.Since(began), err)
		}
	})
}

// A Sink with a limit sends the second request when the first is paid for, and loses nothing by it.
func TestASinkKeepsItsLimit(t *testing.T) {
	b := newBackend(t)
	const rate = 20_000
	s := newSinkOf(t, Config{URLs: []string{b.url}, BytesPerSecond: rate})
	began := time.Now()
	first := mustSend(t, s, testEvents(testFile(1), 500))
	second := mustSend(t, s, testEvents(testFile(2), 500))
	owed := time.Duration(float64(first.Bytes) / rate * float64(time.Second))
	if took := time.Since(began); took < owed || owed < 50*time.Millisecond {
		t.Errorf("%d bytes, then %d, at %d a second, took %v", first.Bytes, second.Bytes, rate, took)
	}
	if first.Stored+second.Stored != 1000 {
		t.Errorf("%d and %d stored", first.Stored, second.Stored)
	}
}

// What was looked up in the one index that there is goes there at once: while a request waits to be paid for, a rollover would put
// another index before it, in which a create finds nothing.
func TestALimitLeavesNoTimeForARollover(t *testing.T) {
	inBubble(t, Config{Timeout: 40 * time.Second, BytesPerSecond: 10}, func(t *testing.T, b *backend, s *Sink) {
		b.stream(day)
		events := testEvents(testFile(1), 30)
		b.script = func(n int, q *bulkRequest, w http.ResponseWriter) bool {
			if n == 0 {
				b.answer(n, q)
				panic(http.ErrAbortHandler)
			}
			return false
		}
		b.lookup = func(http.ResponseWriter, string) bool {
			b.lookup = nil
			time.AfterFunc(10*time.Second, func() {
				b.mu.Lock()
				defer b.mu.Unlock()
				b.rollOver(testRoute)
			})
			return false
		}
		began := time.Now()
		r := mustSend(t, s, events)
		if r.Duplicate != len(events) || r.Stored != 0 {
			t.Errorf("%+v", r)
		}
		if took := time.Since(began); took < 15*time.Second {
			t.Errorf("%d bytes at 10 a second took %v", r.Bytes, took)
		}
		b.mustHaveEachOnce(events)
	})
}
