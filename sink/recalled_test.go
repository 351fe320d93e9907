package sink

import (
	"context"
	"net/http"
	"testing"
	"time"
)

// A Send is called back while the backend works on its request, and the data stream is rolled over: the Send after it must not
// look up what is stored before that request can have ended.
func TestWhatWasCalledBackIsAwaitedBeforeTheLookUp(t *testing.T) {
	inBubble(t, Config{Timeout: 40 * time.Second}, func(t *testing.T, b *backend, s *Sink) {
		time.Sleep(time.Hour) // it began long ago
		b.stream(day)
		events := testEvents(testFile(1), 30)
		ctx, cancel := context.WithCancel(t.Context())
		b.script = func(n int, q *bulkRequest, w http.ResponseWriter) bool {
			if n > 0 {
				return false
			}
			late, old := *q, b.writeIndex(testRoute)
			time.AfterFunc(39*time.Second, func() {
				b.mu.Lock()
				defer b.mu.Unlock()
				for _, a := range late.actions {
					b.docs[old+"/"+a.id] = a.doc
				}
			})
			b.rollOver(testRoute)
			cancel()
			return true
		}
		if _, err := s.Send(ctx, events); err == nil {
			t.Fatal("it was not called back")
		}
		for i := range events {
			events[i].SentSince = time.Now().Add(-time.Minute)
		}
		if r := mustSend(t, s, events); r.Duplicate != 30 {
			t.Errorf("%+v", r)
		}
		b.mustHaveEachOnce(events)
	})
}
