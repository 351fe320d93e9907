package sink

import (
	"context"
	"net"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"
)

// outage lets 16 Sends begin while the backend is away for an hour, in the manner named. It returns when it took the first request,
// since it was back, and how long after that the last Send had ended.
func outage(t *testing.T, b *backend, s *Sink, how string) (first, rest time.Duration) {
	back := time.Now().Add(time.Hour)
	var taken time.Time
	dial := s.nodes.transport.DialContext
	s.nodes.transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if how == "nobody listens" && time.Now().Before(back) {
			return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
		}
		return dial(ctx, network, addr)
	}
	away := func(w http.ResponseWriter) bool {
		if !time.Now().Before(back) {
			return false
		}
		switch how {
		case "connections are cut":
			panic(http.ErrAbortHandler)
		case "a gateway without a backend":
			w.WriteHeader(503)
		case "not ready":
			w.WriteHeader(503)
			_, _ = w.Write([]byte(`{"error":{"type":"master_not_discovered_exception"}}`))
		case "busy":
			w.WriteHeader(503)
			_, _ = w.Write([]byte(`{"error":{"type":"circuit_breaking_exception"}}`))
		}
		return true
	}
	b.lookup = func(w http.ResponseWriter, _ string) bool { return away(w) }
	b.script = func(n int, q *bulkRequest, w http.ResponseWriter) bool {
		if away(w) {
			return true
		}
		if taken.IsZero() {
			taken = time.Now()
		}
		return false
	}
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() { mustSend(t, s, testEvents(testFile(i), 3)) })
	}
	wg.Wait()
	return taken.Sub(back), time.Since(taken)
}

// The first good answer ends the outage for all Sends: none waits on for what it met while the backend was away.
func TestTheEndOfAnOutageIsTheEndForEverySend(t *testing.T) {
	for _, how := range []string{"nobody listens", "connections are cut", "a gateway without a backend", "not ready"} {
		t.Run(how, func(t *testing.T) {
			inBubble(t, Config{}, func(t *testing.T, b *backend, s *Sink) {
				first, rest := outage(t, b, s, how)
				if first > lastAbsent || rest > time.Second {
					t.Errorf("the first request of 16 Sends was taken %v after the outage, the last %v later", first, rest)
				}
				if n, small := len(b.requests), len(b.looks); n > 200 || small > 2000 {
					t.Errorf("%d requests and %d look-ups in an hour", n, small)
				}
			})
		})
	}
}

// A backend that was busy is not one that was away: its first good answer does not bring all Sends at once.
func TestABusyBackendIsGivenTime(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, b *backend, s *Sink) {
		if _, rest := outage(t, b, s, "busy"); rest < 2*time.Second { // of an outage, it is one at most
			t.Errorf("16 Sends came within %v", rest)
		}
	})
}

// A Send that alone gets nothing through, for its body is cut off by something between, is no outage: it comes ever more
// seldom, and does not hold up the others.
func TestASendAloneInTroubleLeavesTheOthersAlone(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, b *backend, s *Sink) {
		b.stream(day)
		cut := 0
		until := time.Now().Add(10 * time.Minute)
		b.script = func(n int, q *bulkRequest, w http.ResponseWriter) bool {
			if len(q.actions) == 1 && time.Now().Before(until) {
				cut++
				panic(http.ErrAbortHandler)
			}
			return false
		}
		var wg sync.WaitGroup
		wg.Go(func() { mustSend(t, s, testEvents(testFile(1), 1)) })
		others := 0
		for i := 0; time.Now().Before(until); i++ {
			events := testEvents(testFile(2), 3)
			for k := range events {
				events[k].Offset += 1000
				events[k].Sum = uint32(others)
			}
			mustSend(t, s, events)
			others++
			time.Sleep(100 * time.Millisecond)
		}
		wg.Wait()
		// About 100 and 5,000; where each good answer of others ends its wait, about 50 and 25.
		if cut > 400 || others < 200 {
			t.Errorf("%d requests that were cut, and %d of others, in ten minutes", cut, others)
		}
	})
}

// That nobody can be reached says nothing of how long a request may be.
func TestAnUnreachableBackendMakesNoBodyShorter(t *testing.T) {
	inBubble(t, Config{BodySize: 4 << 20}, func(t *testing.T, b *backend, s *Sink) {
		until := time.Now().Add(10 * time.Minute)
		dial := s.nodes.transport.DialContext
		s.nodes.transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if time.Now().Before(until) {
				time.Sleep(dialTimeout)
				return nil, &net.OpError{Op: "dial", Err: context.DeadlineExceeded} // as the dialer's own error is, by errors.Is
			}
			return dial(ctx, network, addr)
		}
		events := testEvents(testFile(1), 30)
		for i := range events {
			events[i].Message = make([]byte, 20<<10) // 120 KiB when escaped
		}
		mustSend(t, s, events)
		for i := range events {
			events[i].Offset++
		}
		before := len(b.requests)
		if mustSend(t, s, events); len(b.requests) != before+1 {
			t.Errorf("the next Send makes %d requests", len(b.requests)-before)
		}
	})
}
