package sink

import (
	"io"
	"net/http"
	"testing"
	"time"
)

// Behind one index alone a create finds what an earlier request stored. But only the create that is answered so: where the backend
// refuses it for now, and the data stream is rolled over before the next, the next does not find it any more.
func TestADoubtOutlastsARequestThatWasRefused(t *testing.T) {
	for name, status := range map[string]int{"busy": 429, "blocked": 403} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Config{Timeout: 40 * time.Second}, func(t *testing.T, b *backend, s *Sink) {
				b.stream(day)
				events := testEvents(testFile(1), 30)
				b.script = func(n int, q *bulkRequest, w http.ResponseWriter) bool {
					if n == 0 {
						b.answer(n, q)
						panic(http.ErrAbortHandler)
					}
					if n == 1 {
						_, _ = io.WriteString(w, b.answer(n, q))
						b.rollOver(testRoute)
					}
					return n == 1
				}
				b.item = func(n int, a action) string {
					if n == 1 {
						return failure(status, "es_rejected_execution_exception", "")
					}
					return ""
				}
				mustSend(t, s, events)
				b.mustHaveEachOnce(events)
			})
		})
	}
}
