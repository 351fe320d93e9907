package sink

import (
	"net/http"
	"testing"
	"time"
)

// A name with a date in it is that of a data stream where a template says so, as logs-*-* of Elasticsearch does for
// logs-shop-2026.11.22: after a lost answer and a rollover its Events are looked up, too.
func TestADatedDataStreamIsLookedUp(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, b *backend, s *Sink) {
		f := testFile(1)
		f.Route = "logs-shop-%{+yyyy.MM.dd}"
		const stream = "logs-shop-2026.11.22"
		b.streams = map[string][]backing{stream: {{".ds-" + stream + "-000001", time.Now().Add(-day)}}}
		events := testEvents(f, 30)
		b.script = func(n int, q *bulkRequest, w http.ResponseWriter) bool {
			if n == 0 {
				b.answer(n, q)
				b.rollOver(stream)
				panic(http.ErrAbortHandler)
			}
			return false
		}
		if r := mustSend(t, s, events); r.Duplicate != 30 {
			t.Errorf("%+v", r)
		}
		b.mustHaveEachOnce(events)
	})
}
