package sink

import (
	"context"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"
)

// An answer is lost, the backend is out of reach for an hour, and the data stream is rolled over meanwhile. That nothing can be
// looked up during an outage is no reason to go without.
func TestADoubtOutlivesAnOutage(t *testing.T) {
	for _, how := range []string{"no connection", "no backend behind the gateway", "not yet ready", "no route at the gateway"} {
		t.Run(how, func(t *testing.T) {
			inBubble(t, Config{}, func(t *testing.T, b *backend, s *Sink) {
				b.stream(day)
				events := testEvents(testFile(1), 30)
				back := time.Now().Add(time.Hour)
				down := func() bool { return time.Now().Before(back) }
				dial := s.nodes.transport.DialContext
				s.nodes.transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
					if how == "no connection" && len(b.requests) > 0 && down() {
						return nil, syscall.ECONNREFUSED
					}
					return dial(ctx, network, addr)
				}
				status := 503
				if how == "no route at the gateway" {
					status = 404
				}
				b.lookup = func(w http.ResponseWriter, path string) bool {
					if down() {
						w.WriteHeader(status)
						if how == "not yet ready" && path != "/" {
							_, _ = io.WriteString(w, `{"error":{"type":"cluster_block_exception"}}`)
						}
					}
					return down()
				}
				b.script = func(n int, q *bulkRequest, w http.ResponseWriter) bool {
					if n == 0 {
						b.answer(n, q)
						b.rollOver(testRoute)
						panic(http.ErrAbortHandler)
					}
					if down() {
						w.WriteHeader(status)
					}
					return down()
				}
				start := time.Now()
				if r := mustSend(t, s, events); r.Duplicate != 30 {
					t.Errorf("%+v", r)
				}
				b.mustHaveEachOnce(events)
				if took := time.Since(start); took > 62*time.Minute {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}
