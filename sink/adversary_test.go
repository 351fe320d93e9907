package sink

import (
	"context"
	"net/http"
	"testing"
	"time"
)

// A gateway that gives up on long requests answers 504, one whose client is slow 408, and a circuit breaker 429: the same
// request again has no chance, shorter ones have.
func TestRefusedForTheirLengthRequestsGetShorter(t *testing.T) {
	for _, status := range []int{408, 429, 502, 503, 504} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			inBubble(t, Config{}, func(t *testing.T, b *backend, s *Sink) {
				b.script = func(n int, q *bulkRequest, w http.ResponseWriter) bool {
					if len(q.actions) > 50 {
						w.WriteHeader(status)
						return true
					}
					return false
				}
				ctx, cancel := context.WithTimeout(context.Background(), 24*time.Hour)
				defer cancel()
				r, err := s.Send(ctx, testEvents(testFile(1), 100))
				if err != nil || r.Stored != 100 {
					t.Errorf("status %d: after a day %d of 100 are stored, %d requests: %v", status, r.Stored, len(b.requests), err)
				}
			})
		})
	}
}
