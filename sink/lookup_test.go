package sink

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// backing is an index behind a data stream.
type backing struct {
	name    string
	created time.Time
}

// rollOver gives a data stream a new index.
func (b *backend) rollOver(stream string) {
	old := b.streams[stream]
	b.streams[stream] = append(old, backing{fmt.Sprintf(".ds-%s-%06d", stream, len(old)+1), time.Now()})
}

// writeIndex is the index that takes what is sent to name.
func (b *backend) writeIndex(name string) string {
	if s := b.streams[name]; len(s) > 0 {
		return s[len(s)-1].name
	}
	return name
}

// look answers what is no bulk request: which indices there are, and which ids are in one.
func (b *backend) look(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.looks = append(b.looks, r.URL.Path)
	if b.lookup != nil && b.lookup(w, r.URL.Path) {
		return
	}
	name, what, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch what {
	case "": // what it is
	case "_settings/index.creation_date":
		all := b.streams[name]
		if all == nil {
			all = []backing{{name, time.Unix(1, 0)}}
		}
		reply := map[string]any{}
		for _, x := range all {
			reply[x.name] = map[string]any{"settings": map[string]any{"index": map[string]any{"creation_date": fmt.Sprint(x.created.UnixMilli())}}}
		}
		_ = json.NewEncoder(w).Encode(reply)
	case "_mget":
		var q struct{ IDs []string }
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil || r.Header.Get("Content-Type") != "application/json" {
			b.t.Errorf("_mget: %v", err)
		}
		var docs []map[string]bool
		for _, id := range q.IDs {
			_, found := b.docs[name+"/"+id]
			docs = append(docs, map[string]bool{"found": found})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"docs": docs})
	default:
		b.t.Errorf("asked %s", r.URL)
	}
}

// mustHaveEachOnce fails where an Event of l has not exactly one document in all indices.
func (b *backend) mustHaveEachOnce(l list) {
	b.t.Helper()
	copies := map[string]int{}
	for key := range b.docs {
		_, id, _ := strings.Cut(key, "/")
		copies[id]++
	}
	for id, n := range copies {
		if n != 1 {
			b.t.Errorf("%s is stored %d times", id, n)
		}
	}
	if len(copies) != len(l) {
		b.t.Errorf("%d documents of %d events", len(copies), len(l))
	}
}

// stream makes a data stream for the Route of testFile, with indices of these ages.
func (b *backend) stream(ages ...time.Duration) {
	b.streams = map[string][]backing{}
	for i, age := range ages {
		b.streams[testRoute] = append(b.streams[testRoute], backing{fmt.Sprintf(".ds-%s-%06d", testRoute, i+1), time.Now().Add(-age)})
	}
}

const (
	testRoute = "logs-test-default"
	day       = 24 * time.Hour
)

func looksOf(b *backend, what string) (n int) {
	for _, path := range b.looks {
		if strings.Contains(path, what) {
			n++
		}
	}
	return n
}

// A bulk request is stored, its answer is lost, and the data stream is rolled over before it is sent again.
func TestAmbiguousThenRolledOverIsStoredOnce(t *testing.T) {
	cut := func(http.ResponseWriter) { panic(http.ErrAbortHandler) }
	for name, lose := range map[string]func(http.ResponseWriter){
		"connection cut": cut,
		"gateway":        func(w http.ResponseWriter) { w.WriteHeader(504) },
		"timeout":        func(w http.ResponseWriter) { w.WriteHeader(408) },
		"half an answer": func(w http.ResponseWriter) { fmt.Fprint(w, `{"items":[{"create":{"status":201}},`) },
		"items that failed late": func(w http.ResponseWriter) {
			fmt.Fprint(w, `{"items":[`+strings.Repeat(","+failure(500, "node_closed_exception", ""), 30)[1:]+`]}`)
		},
	} {
		for _, stored := range []int{30, 11, 0} {
			t.Run(fmt.Sprintf("%s/%d stored", name, stored), func(t *testing.T) {
				inBubble(t, Config{Timeout: 40 * time.Second}, func(t *testing.T, b *backend, s *Sink) {
					b.stream(2*day, day)
					events := testEvents(testFile(1), 30)
					b.script = func(n int, q *bulkRequest, w http.ResponseWriter) bool {
						if n > 0 {
							return false
						}
						b.answer(n, &bulkRequest{actions: q.actions[:stored]})
						b.rollOver(testRoute)
						lose(w)
						return true
					}
					start := time.Now()
					r := mustSend(t, s, events)
					if r.Duplicate != stored || r.Stored != 30-stored {
						t.Errorf("%+v", r)
					}
					b.mustHaveEachOnce(events)
					if took := time.Since(start); took < 40*time.Second {
						t.Errorf("looked after %v: the first request may not have ended", took)
					}
					if old := looksOf(b, "000001/_mget"); old > 0 {
						t.Errorf("looked into an index that took nothing since: %q", b.looks)
					}
				})
			})
		}
	}
}

// The first request's documents arrive when its sender has given up, and before the look-up.
func TestLookUpWaitsForWhatIsUnderWay(t *testing.T) {
	inBubble(t, Config{Timeout: 40 * time.Second}, func(t *testing.T, b *backend, s *Sink) {
		b.stream(day)
		events := testEvents(testFile(1), 30)
		b.script = func(n int, q *bulkRequest, w http.ResponseWriter) bool {
			if n > 0 {
				return false
			}
			late := *q
			old := b.writeIndex(testRoute)
			time.AfterFunc(39*time.Second, func() {
				b.mu.Lock()
				defer b.mu.Unlock()
				for _, a := range late.actions {
					b.docs[old+"/"+a.id] = a.doc
				}
			})
			b.rollOver(testRoute)
			panic(http.ErrAbortHandler)
		}
		mustSend(t, s, events)
		b.mustHaveEachOnce(events)
	})
}

// What another process may have sent is looked up wherever it may be.
func TestSentBeforeIsLookedUp(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, b *backend, s *Sink) {
		b.stream(9*day, 5*time.Minute)
		events := testEvents(testFile(1), 12000)
		for i := range 7000 {
			events[i].SentSince = time.Now().Add(-10 * time.Minute)
		}
		old := b.streams[testRoute][0].name
		for i := range 6000 {
			b.docs[old+"/"+idOf(&events[i])] = "{}"
		}
		r := mustSend(t, s, events)
		if r.Duplicate != 6000 || r.Stored != 6000 {
			t.Errorf("%+v", r)
		}
		b.mustHaveEachOnce(events)
		if len(b.requests) != 2 || len(b.requests[0].actions) != 5000 || len(b.requests[1].actions) != 1000 {
			t.Error("what is in doubt was sent before it was looked up, or held the others up")
		}
		if looksOf(b, "_mget") != 4 {
			t.Errorf("%q", b.looks)
		}
	})
}

// Nothing is looked up where a create finds what is there, or where nothing can have been stored.
func TestNoLookUpWithoutNeed(t *testing.T) {
	cutOnce := func(b *backend) {
		b.script = func(n int, q *bulkRequest, w http.ResponseWriter) bool {
			if n == 0 {
				b.answer(n, q)
				panic(http.ErrAbortHandler)
			}
			return false
		}
	}
	t.Run("a pattern", func(t *testing.T) {
		inBubble(t, Config{}, func(t *testing.T, b *backend, s *Sink) {
			f := testFile(1)
			f.Route = "logs-%{+yyyy.MM.dd}"
			events := testEvents(f, 30)
			events[0].SentSince = time.Now()
			cutOnce(b)
			mustSend(t, s, events)
			b.mustHaveEachOnce(events)
			if looksOf(b, "_mget") > 0 {
				t.Errorf("%q", b.looks)
			}
		})
	})
	t.Run("no rollover since", func(t *testing.T) {
		inBubble(t, Config{}, func(t *testing.T, b *backend, s *Sink) {
			b.stream(9*day, 5*day, 2*time.Hour)
			cutOnce(b)
			start := time.Now()
			mustSend(t, s, testEvents(testFile(1), 30))
			b.mustHaveEachOnce(testEvents(testFile(1), 30))
			if len(b.looks) != 1 || time.Since(start) > 10*time.Second {
				t.Errorf("%q in %v", b.looks, time.Since(start))
			}
		})
	})
	t.Run("nobody listens", func(t *testing.T) {
		inBubble(t, Config{}, func(t *testing.T, b *backend, s *Sink) {
			b.stream(day, time.Minute)
			dial, dials := s.nodes.transport.DialContext, 0
			s.nodes.transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				if dials++; dials <= 3 {
					return nil, syscall.ECONNREFUSED
				}
				return dial(ctx, network, addr)
			}
			mustSend(t, s, testEvents(testFile(1), 30))
			if len(b.looks) > 0 {
				t.Errorf("%q", b.looks)
			}
		})
	})
	t.Run("a refusal", func(t *testing.T) {
		inBubble(t, Config{}, func(t *testing.T, b *backend, s *Sink) {
			b.stream(day, time.Minute)
			b.script = func(n int, q *bulkRequest, w http.ResponseWriter) bool {
				if n < 3 {
					w.WriteHeader([]int{429, 401, 413}[n])
				}
				return n < 3
			}
			mustSend(t, s, testEvents(testFile(1), 30))
			if len(b.looks) > 0 {
				t.Errorf("%q", b.looks)
			}
		})
	})
}

// Where a look-up is not allowed, or never works, Events go without one, and somebody hears of it.
func TestLookUpNeverStopsDelivery(t *testing.T) {
	say := func(status int, body string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { w.WriteHeader(status); fmt.Fprint(w, body) }
	}
	for name, c := range map[string]struct {
		what     string // of the look-up
		answer   func(http.ResponseWriter)
		min, max time.Duration
	}{
		"no right to see the indices": {"_settings", say(403, `{"error":{"type":"security_exception"}}`), 0, time.Minute},
		"no right to read":            {"_mget", say(403, `{"error":{"type":"security_exception"}}`), 0, 2 * time.Minute},
		"a proxy that knows no more":  {"_settings", say(404, `not here`), 0, time.Minute},
		"an old index is red": {"_mget", say(200, `{"docs":[`+strings.Repeat(`,{"error":{"type":"no_shard_available_action_exception"}}`, 30)[1:]+`]}`),
			patienceFor, patienceFor + 4*time.Minute},
		"what it may not see is not there": {"_settings", say(200, `{}`), 0, time.Minute},
		"answers that say nothing":         {"_mget", say(200, `{"docs":[`+strings.Repeat(`,{}`, 30)[1:]+`]}`), patienceFor, patienceFor + 4*time.Minute},
		"too few answers":                  {"_mget", say(200, `{"docs":[]}`), patienceFor, patienceFor + 4*time.Minute},
		"a page":                           {"_mget", say(200, `<html>`), patienceFor, patienceFor + 4*time.Minute},
		"always busy":                      {"_settings", say(503, ``), patienceFor, patienceFor + 4*time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			inBubble(t, Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}, func(t *testing.T, b *backend, s *Sink) {
				b.stream(day, time.Minute)
				b.lookup = func(w http.ResponseWriter, path string) bool {
					if strings.Contains(path, c.what) {
						c.answer(w)
						return true
					}
					return false
				}
				events := testEvents(testFile(1), 30)
				for i := range events {
					events[i].SentSince = time.Now().Add(-time.Hour)
				}
				start := time.Now()
				if r := mustSend(t, s, events); r.Stored != 30 {
					t.Errorf("%+v", r)
				}
				if took := time.Since(start); took < c.min || took > c.max {
					t.Errorf("took %v", took)
				}
				if !strings.Contains(log.String(), "Events may be stored twice") {
					t.Error("nobody heard of it")
				}
			})
		})
	}
}

func TestWritableIndices(t *testing.T) {
	now := time.Now()
	at := func(ages ...time.Duration) (all []backing) {
		for i, age := range ages {
			all = append(all, backing{fmt.Sprintf(".ds-%s-2026.11.01-%06d", testRoute, i+1), now.Add(-age)})
		}
		return all
	}
	named := func(all []backing, names ...string) []backing {
		for i, name := range names {
			all[i].name = name
		}
		return all
	}
	name := func(n int) string { return fmt.Sprintf(".ds-%s-2026.11.01-%06d", testRoute, n) }
	for title, c := range map[string]struct {
		all  []backing
		want []string
	}{
		"one":                      {at(9 * day), []string{name(1)}},
		"made a moment ago":        {at(time.Second), []string{name(1)}},
		"rolled over before":       {at(9*day, 5*day, 2*day), []string{name(3)}},
		"rolled over since":        {at(9*day, 5*day, 2*time.Minute), []string{name(3), name(2)}},
		"twice":                    {at(9*day, 3*time.Minute, 2*time.Minute), []string{name(2), name(3), name(1)}},
		"within the clocks' error": {at(9*day, 5*day, 50*time.Minute), []string{name(3), name(2)}},
		"an old one was shrunk":    {named(at(2*day, 5*day, 2*time.Minute), "shrink-x-"+name(1)), []string{name(3), "shrink-x-" + name(1), name(2)}},
		"a person added one":       {named(at(9*day, 5*day, 2*time.Minute), "archive-2024"), []string{name(3), name(2), "archive-2024"}},
	} {
		t.Run(title, func(t *testing.T) {
			b := newBackend(t)
			b.streams = map[string][]backing{testRoute: c.all}
			got, p := newSink(t, b.url).writable(t.Context(), testRoute, now.Add(-10*time.Minute))
			slices.Sort(got)
			slices.Sort(c.want)
			if p != nil || !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q, %v", got, c.want, p)
			}
		})
	}
}

// An outage uses up no patience with what recovers after it, and neither does a failure of long ago.
func TestPatienceBeginsAnewForAnotherReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p patience
		fails := func(why string, long time.Duration) (over bool) {
			for begun := time.Now(); time.Since(begun) < long; time.Sleep(time.Minute) {
				over = p.over("logs", why)
			}
			return over
		}
		for _, c := range []struct {
			why  string
			long time.Duration
			over bool
		}{
			{"no answer", time.Hour, true}, {"an index is red", 9 * time.Minute, false}, {"an index is red", 3 * time.Minute, true},
		} {
			if got := fails(c.why, c.long); got != c.over {
				t.Errorf("%s for %v: over is %v", c.why, c.long, got)
			}
		}
		time.Sleep(time.Hour)
		if p.over("logs", "an index is red") {
			t.Error("one failure an hour later is over")
		}
		p.end("logs")
		if p.over("logs", "an index is red") {
			t.Error("after a success it is over")
		}
	})
}

// A user who may only write is told what that costs.
func TestCheckLookUpSaysWhatIsMissing(t *testing.T) {
	for name, c := range map[string]struct {
		what, answer string
		status       int
		wrong        bool
	}{
		"all allowed":                 {},
		"nothing there yet":           {"_settings", `{"error":{"type":"index_not_found_exception"}}`, 404, false},
		"several indices":             {"_mget", `{"docs":[{"error":{"type":"illegal_argument_exception"}}]}`, 200, false},
		"no view_index_metadata":      {"_settings", `{"error":{"type":"security_exception"}}`, 403, true},
		"no index is shown":           {"_settings", `{}`, 200, true},
		"no read":                     {"_mget", `{"error":{"type":"security_exception"}}`, 403, true},
		"no read, told item by item":  {"_mget", `{"docs":[{"error":{"type":"security_exception"}}]}`, 200, true},
		"no read, as OpenSearch says": {"/.ds-logs-test-default-000001/_mget", `{"docs":[{"error":{"type":"security_exception"}}]}`, 200, true},
		"busy":                        {"_settings", `{}`, 503, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBackend(t)
			b.stream(day)
			b.lookup = func(w http.ResponseWriter, path string) bool {
				if c.what == "" || !strings.Contains(path, c.what) {
					return false
				}
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.answer)
				return true
			}
			if err := newSink(t, b.url).CheckLookUp(t.Context(), testRoute); (err != nil) != c.wrong {
				t.Errorf("%v", err)
			}
		})
	}
}
