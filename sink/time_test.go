package sink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a network inside a bubble of testing/synctest: its connections are net.Pipes, so that time stands still until
// everybody waits.
type pipes struct {
	mu    sync.Mutex
	hosts map[string]chan net.Conn
}

type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// serve makes h answer as host:80 until the returned function is called.
func (p *pipes) serve(host string, h http.Handler) (stop func()) {
	l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hosts == nil {
		p.hosts = map[string]chan net.Conn{}
	}
	p.hosts[host+":80"] = l.conns
	srv := &http.Server{Handler: h}
	go func() { _ = srv.Serve(l) }()
	return func() { _ = srv.Close() }
}

func (p *pipes) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	p.mu.Lock()
	conns := p.hosts[addr]
	p.mu.Unlock()
	if conns == nil {
		return nil, &net.OpError{Op: "dial", Err: errors.New("nobody there")}
	}
	near, far := net.Pipe()
	select {
	case conns <- far:
		return near, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// inBubble runs f with a Sink and its backend, in fake time.
func inBubble(t *testing.T, c Config, f func(t *testing.T, b *backend, s *Sink)) {
	synctest.Test(t, func(t *testing.T) {
		b := &backend{t: t, docs: map[string]string{}}
		var p pipes
		stop := p.serve("es", b)
		c.URLs = append([]string{"http://es:80"}, c.URLs...)
		if c.MinBackoff == 0 {
			c.MinBackoff, c.MaxBackoff = 250*time.Millisecond, 30*time.Second
		}
		s := newSinkOf(t, c)
		s.nodes.transport.DialContext = p.dial
		f(t, b, s)
		s.nodes.transport.CloseIdleConnections()
		stop()
	})
}

func TestRetryAfterIsHonoured(t *testing.T) {
	for name, c := range map[string]struct {
		header   func() string
		min, max time.Duration
	}{
		"seconds":  {func() string { return "17" }, 17 * time.Second, 18 * time.Second},
		"date":     {func() string { return time.Now().Add(40 * time.Second).UTC().Format(http.TimeFormat) }, 39 * time.Second, 41 * time.Second},
		"past":     {func() string { return time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat) }, 0, time.Second},
		"absurd":   {func() string { return "86400" }, maxRetryAfter, maxRetryAfter + time.Second},
		"nonsense": {func() string { return "soon" }, 0, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Config{}, func(t *testing.T, b *backend, s *Sink) {
				b.script = func(n int, q *bulkRequest, w http.ResponseWriter) bool {
					if n > 0 {
						return false
					}
					w.Header().Set("Retry-After", c.header())
					w.WriteHeader(429)
					return true
				}
				start := time.Now()
				mustSend(t, s, testEvents(testFile(1), 3))
				if took := time.Since(start); took < c.min || took > c.max {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

func TestSendNeverGivesUp(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, b *backend, s *Sink) {
		start, last := time.Now(), time.Now()
		var gaps []time.Duration
		b.script = func(n int, q *bulkRequest, w http.ResponseWriter) bool {
			gaps = append(gaps, time.Since(last))
			last = time.Now()
			if time.Since(start) > 6*time.Hour {
				return false
			}
			w.WriteHeader(503)
			return true
		}
		mustSend(t, s, testEvents(testFile(1), 3))
		if len(gaps) < 600 || len(gaps) > 1500 {
			t.Errorf("%d attempts in 6 hours", len(gaps))
		}
		for _, gap := range gaps {
			if gap > 45*time.Second {
				t.Errorf("waited %v", gap)
			}
		}
		if gaps[1] > time.Second {
			t.Errorf("first wait %v", gaps[1])
		}
	})
}

func TestProgressShortensTheWait(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, b *backend, s *Sink) {
		b.item = func(n int, a action) string {
			if len(b.docs) <= n { // one document a request
				return ""
			}
			return failure(429, "es_rejected_execution_exception", "")
		}
		start := time.Now()
		r := mustSend(t, s, testEvents(testFile(1), 100))
		if took := time.Since(start); took > 100*400*time.Millisecond || r.Retries != 99 {
			t.Errorf("took %v, %d retries", took, r.Retries)
		}
	})
}

func TestSilentBackendIsAskedAgain(t *testing.T) {
	inBubble(t, Config{Timeout: 20 * time.Second}, func(t *testing.T, b *backend, s *Sink) {
		hang := make(chan struct{})
		b.script = func(n int, q *bulkRequest, w http.ResponseWriter) bool {
			if n == 0 {
				b.answer(n, q)
				b.mu.Unlock()
				<-hang
				b.mu.Lock()
				return true
			}
			return false
		}
		start := time.Now()
		r := mustSend(t, s, testEvents(testFile(1), 3))
		close(hang)
		if took := time.Since(start); took < 20*time.Second || took > 21*time.Second || r.Duplicate != 3 {
			t.Errorf("took %v, %+v", took, r)
		}
		if !strings.Contains(b.requests[0].uri, "timeout=10000ms") {
			t.Errorf("the backend may wait as long as we: %s", b.requests[0].uri)
		}
	})
}

// What never gets an answer whole may get one in pieces.
func TestUnansweredRequestsGetShorter(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, b *backend, s *Sink) {
		b.script = func(n int, q *bulkRequest, w http.ResponseWriter) bool {
			if len(q.actions) > 10 {
				panic(http.ErrAbortHandler)
			}
			return false
		}
		if r := mustSend(t, s, testEvents(testFile(1), 100)); r.Stored != 100 {
			t.Errorf("%+v", r)
		}
	})
}

func TestHeldEventsLetTheOthersPass(t *testing.T) {
	closed := failure(403, "cluster_block_exception", "index [closed] blocked")
	mixed := func() list {
		f, g := testFile(1), testFile(2)
		f.Route, g.Route = "open", "closed"
		var l list
		for i := range 50 {
			l = append(l, testEvents(f, 50)[i], testEvents(g, 50)[i])
		}
		return l
	}
	t.Run("while others are stored", func(t *testing.T) {
		inBubble(t, Config{HoldFor: time.Minute}, func(t *testing.T, b *backend, s *Sink) {
			b.item = func(n int, a action) string {
				if a.index == "closed" {
					return closed
				}
				return ""
			}
			start := time.Now()
			r := mustSend(t, s, mixed())
			if took := time.Since(start); took < time.Minute || took > 2*time.Minute {
				t.Errorf("took %v", took)
			}
			if r.Stored != 50 || len(r.Refused) != 50 {
				t.Fatalf("%+v", r)
			}
			for i, f := range r.Refused {
				if !f.Held || f.N != 2*i+1 || f.Type != "cluster_block_exception" {
					t.Errorf("%+v", f)
				}
			}
		})
	})
	t.Run("and the next Batch does not wait", func(t *testing.T) {
		inBubble(t, Config{HoldFor: time.Minute}, func(t *testing.T, b *backend, s *Sink) {
			shut := true
			b.item = func(n int, a action) string {
				if a.index == "closed" && shut {
					return closed
				}
				return ""
			}
			mustSend(t, s, mixed())
			for range 20 { // as long as it goes on, it is known
				time.Sleep(time.Minute)
				start := time.Now()
				if r := mustSend(t, s, mixed()); len(r.Refused) != 50 || !r.Refused[0].Held || time.Since(start) > time.Second {
					t.Fatalf("%d refused after %v", len(r.Refused), time.Since(start))
				}
			}
			shut = false
			if r := mustSend(t, s, mixed()); len(r.Refused) != 0 {
				t.Errorf("%d refused of an open index", len(r.Refused))
			}
			shut = true
			time.Sleep(refusingFor + time.Second)
			start := time.Now()
			if r := mustSend(t, s, mixed()); len(r.Refused) != 50 || time.Since(start) < time.Minute {
				t.Errorf("%d refused after %v: it gets its time again", len(r.Refused), time.Since(start))
			}
		})
	})
	t.Run("but does while nothing is stored", func(t *testing.T) {
		inBubble(t, Config{HoldFor: time.Minute}, func(t *testing.T, b *backend, s *Sink) {
			b.item = func(n int, a action) string {
				if a.index == "closed" {
					return closed
				}
				return ""
			}
			mustSend(t, s, mixed())
			time.Sleep(2 * time.Minute)
			start := time.Now()
			b.item = func(n int, a action) string {
				if time.Since(start) < time.Hour {
					return closed
				}
				return ""
			}
			if r := mustSend(t, s, mixed()); r.Stored+r.Duplicate != 100 {
				t.Errorf("%+v", r)
			}
		})
	})
	t.Run("not while nothing is", func(t *testing.T) {
		inBubble(t, Config{HoldFor: time.Minute}, func(t *testing.T, b *backend, s *Sink) {
			start := time.Now()
			b.item = func(n int, a action) string {
				if time.Since(start) < time.Hour {
					return closed
				}
				return ""
			}
			if r := mustSend(t, s, mixed()); r.Stored != 100 {
				t.Errorf("%+v", r)
			}
		})
	})
	t.Run("not by default", func(t *testing.T) {
		inBubble(t, Config{}, func(t *testing.T, b *backend, s *Sink) {
			start := time.Now()
			b.item = func(n int, a action) string {
				if a.index == "closed" && time.Since(start) < time.Hour {
					return closed
				}
				return ""
			}
			if r := mustSend(t, s, mixed()); r.Stored != 100 {
				t.Errorf("%+v", r)
			}
		})
	})
	t.Run("when the whole request is refused", func(t *testing.T) {
		inBubble(t, Config{HoldFor: time.Minute}, func(t *testing.T, b *backend, s *Sink) {
			b.script = func(n int, q *bulkRequest, w http.ResponseWriter) bool {
				for _, a := range q.actions {
					if a.index == "closed" {
						w.WriteHeader(403)
						_, _ = w.Write([]byte(`{"error":{"type":"security_exception"}}`))
						return true
					}
				}
				return false
			}
			r := mustSend(t, s, mixed())
			if r.Stored != 50 || len(r.Refused) != 50 || !r.Refused[0].Held || r.Refused[0].Type != "security_exception" {
				t.Errorf("%+v", r)
			}
			if len(b.docs) != 50 {
				t.Errorf("%d documents", len(b.docs))
			}
		})
	})
}

func TestDeadURLIsPassedOver(t *testing.T) {
	inBubble(t, Config{URLs: []string{"http://dead:80"}}, func(t *testing.T, b *backend, s *Sink) {
		start := time.Now()
		retries := 0
		for i := range 100 {
			f := testFile(i)
			r := mustSend(t, s, testEvents(f, 3))
			retries += r.Retries
		}
		if retries == 0 || retries > 2 || time.Since(start) > 10*time.Second {
			t.Errorf("%d retries, %v", retries, time.Since(start))
		}
		time.Sleep(maxDown) // then it is tried again
		before := s.nodes.all[1].failures
		mustSend(t, s, testEvents(testFile(1), 3))
		mustSend(t, s, testEvents(testFile(1), 3))
		if s.nodes.all[1].failures == before {
			t.Error("the dead URL was never tried again")
		}
	})
}

func TestURLsShareTheLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pipes
		a, b := &backend{t: t, docs: map[string]string{}}, &backend{t: t, docs: map[string]string{}}
		stopA, stopB := p.serve("a", a), p.serve("b", b)
		s := newSink(t, "http://a:80", "http://b:80")
		s.nodes.transport.DialContext = p.dial
		for i := range 20 {
			mustSend(t, s, testEvents(testFile(i), 3))
		}
		if len(a.requests) != 10 || len(b.requests) != 10 {
			t.Errorf("%d and %d requests", len(a.requests), len(b.requests))
		}
		s.nodes.transport.CloseIdleConnections()
		stopA()
		stopB()
	})
}

// Logs tell each change and repeat themselves little. Neither they nor Health hold content of lines, or secrets.
func TestLogIsQuietAndDiscreet(t *testing.T) {
	var log bytes.Buffer
	c := Config{
		Logger: slog.New(slog.NewTextHandler(&log, nil)), Username: "me", Password: "hunter2",
		URLs: []string{"http://other:hunter2@dead:80"}, MinBackoff: 100 * time.Millisecond, MaxBackoff: time.Second,
	}
	inBubble(t, c, func(t *testing.T, b *backend, s *Sink) {
		start := time.Now()
		b.script = func(n int, q *bulkRequest, w http.ResponseWriter) bool {
			if h := s.Health(); strings.Contains(fmt.Sprintf("%+v", h), "hunter2") || strings.Contains(h.LastError, "message") {
				t.Errorf("%+v", h)
			}
			if time.Since(start) > 10*time.Minute && n%4 == 0 { // behind the redirection
				return false
			}
			switch n % 4 {
			case 0:
				w.WriteHeader(400)
				_, _ = w.Write([]byte(`{"error":{"type":"message 1 hunter2","reason":"message 1 hunter2"}}`))
			case 1:
				_, _ = w.Write([]byte(`message 1 hunter2`))
			case 2:
				_, _ = w.Write([]byte(`{"errors":true,"items":[` + failure(400, "message 1 hunter2", "message 1 hunter2") + `,` + failure(404, "x", "message 1 hunter2") + `]}`))
			case 3:
				w.Header().Set("Location", "http://message:hunter2@1/")
				w.WriteHeader(301)
			}
			return true
		}
		mustSend(t, s, testEvents(testFile(1), 2))
		if lines := strings.Count(log.String(), "\n"); lines > 5*21+2 || lines < 5 {
			t.Errorf("%d lines in 10 minutes", lines)
		}
		if strings.Contains(log.String(), "hunter2") || strings.Contains(log.String(), "message 1") {
			t.Errorf("content or a secret in the log:\n%s", log.String())
		}
		if !strings.Contains(log.String(), "delivery goes on") {
			t.Error("the end of the trouble was not logged")
		}
	})
}
