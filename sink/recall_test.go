package sink

import (
	"context"
	"errors"
	"strings"
	"testing"
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
