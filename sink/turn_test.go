package sink

import (
	"net/http"
	"sync"
	"testing"
	"time"
)

// What was looked up in the one index that there is goes there at once. While a Send looks, another is told to come back in ten
// minutes; and when these are over, the data stream has another index, in which a create finds nothing.
func TestNoWaitComesBetweenALookUpAndItsRequest(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, b *backend, s *Sink) {
		b.stream(day)
		s.flow.slots = 4
		b.script = func(n int, q *bulkRequest, w http.ResponseWriter) bool {
			switch n {
			case 0:
				b.answer(n, q)
				panic(http.ErrAbortHandler)
			case 1:
				w.Header().Set("Retry-After", "300")
				w.WriteHeader(429)
				time.AfterFunc(time.Minute, func() {
					b.mu.Lock()
					defer b.mu.Unlock()
					b.rollOver(testRoute)
				})
				return true
			}
			return false
		}
		b.lookup = func(http.ResponseWriter, string) bool {
			b.lookup = nil
			b.mu.Unlock()
			time.Sleep(5 * time.Second)
			b.mu.Lock()
			return false
		}
		events, others := testEvents(testFile(1), 30), testEvents(testFile(2), 30)
		var wg sync.WaitGroup
		wg.Go(func() {
			if r := mustSend(t, s, events); r.Duplicate != len(events) {
				t.Errorf("%+v", r)
			}
		})
		wg.Go(func() {
			time.Sleep(time.Second)
			if r := mustSend(t, s, others); r.Stored != len(others) {
				t.Errorf("%+v", r)
			}
		})
		wg.Wait()
		if len(b.requests) < 3 || len(b.streams[testRoute]) != 2 {
			t.Fatalf("%d requests, %d indices", len(b.requests), len(b.streams[testRoute]))
		}
		b.mustHaveEachOnce(append(events, others...))
	})
}

// A Batch in doubt that takes several requests is looked up before each: the first says nothing of where the second will go.
func TestEachRequestInDoubtIsLookedUp(t *testing.T) {
	inBubble(t, Config{BodySize: 3 << 10}, func(t *testing.T, b *backend, s *Sink) {
		b.stream(day)
		events := testEvents(testFile(1), 30)
		for i := range events {
			events[i].SentSince = time.Now().Add(-time.Minute)
			b.docs[b.writeIndex(testRoute)+"/"+idOf(&events[i])] = "{}"
		}
		b.script = func(n int, q *bulkRequest, w http.ResponseWriter) bool {
			if n == 0 {
				time.AfterFunc(0, func() {
					b.mu.Lock()
					defer b.mu.Unlock()
					b.rollOver(testRoute)
				})
			}
			return false
		}
		if r := mustSend(t, s, events); r.Duplicate != len(events) {
			t.Errorf("%+v", r)
		}
		if len(b.requests) == 0 || len(b.requests[0].actions) == len(events) || len(b.streams[testRoute]) != 2 {
			t.Fatalf("%d requests, %d indices", len(b.requests), len(b.streams[testRoute]))
		}
		b.mustHaveEachOnce(events)
	})
}
