package sink

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestACancelledSendSaysWhatIsSettled: so that nothing of it is called lost.
func TestACancelledSendSaysWhatIsSettled(t *testing.T) {
	b := newBackend(t)
	ctx, cancel := context.WithCancel(t.Context())
	b.item = func(n int, a action) string {
		if strings.Contains(a.doc, `"message 1`) {
			if n > 0 {
				cancel()
			}
			return failure(429, "es_rejected_execution_exception", "")
		}
		return ""
	}
	r, err := newSink(t, b.url).Send(ctx, testEvents(testFile(1), 30))
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	got := map[int32]bool{}
	for _, n := range r.Settled {
		got[n] = true
	}
	for n := range int32(30) {
		if want := n != 1 && (n < 10 || n > 19); got[n] != want {
			t.Errorf("event %d is settled: %v", n, got[n])
		}
	}
	if len(r.Settled) != r.Stored {
		t.Errorf("%d settled, %d stored", len(r.Settled), r.Stored)
	}
}

// Requests that we call back say nothing of the backend: where space is short, drop_oldest does that all the time, and delivery must
// not come to a standstill just then.
func TestCalledBackIsNoSetback(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, b *backend, s *Sink) {
		b.script = func(n int, q *bulkRequest, w http.ResponseWriter) bool {
			if n < 6 {
				b.mu.Unlock()
				time.Sleep(time.Minute)
				b.mu.Lock()
			}
			return false
		}
		for i := range 6 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if _, err := s.Send(ctx, testEvents(testFile(i), 3)); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
			cancel()
		}
		if len(b.requests) != 6 || s.flow.wait != 0 || s.nodes.all[0].failures != 0 {
			t.Errorf("%d requests; pauses of %v, %d failures of the node", len(b.requests), s.flow.wait, s.nodes.all[0].failures)
		}
		time.Sleep(time.Minute) // until the backend is done with them
	})
}
