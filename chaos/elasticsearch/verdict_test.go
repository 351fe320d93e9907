package elasticsearch

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"logboom/sink"
	"logboom/wal"
)

// trouble is what can be wrong with one index, or with all, until a person puts it right.
type trouble struct {
	make, end func(s client, index string)
	says      string // what the sink's Health has to say of it
	all       bool   // it keeps other indices from storing, too
}

func settings(of, value string) func(client, string) {
	return func(s client, index string) { s.must("PUT", "/"+index+"/_settings", fmt.Sprintf(`{%q:%s}`, of, value)) }
}

func clusterSettings(of, value string) func(client, string) {
	return func(s client, _ string) {
		s.must("PUT", "/_cluster/settings", fmt.Sprintf(`{"persistent":{%q:%s}}`, of, value))
	}
}

func remove(s client, index string) { s.must("DELETE", "/"+index, "") }

var troubles = map[string]trouble{
	"write block":     {make: settings("index.blocks.write", "true"), end: settings("index.blocks.write", "false"), says: "403 cluster_block_exception"},
	"read-only block": {make: settings("index.blocks.read_only", "true"), end: settings("index.blocks.read_only", "false"), says: "403 cluster_block_exception"},
	"flood stage": {make: settings("index.blocks.read_only_allow_delete", "true"), end: settings("index.blocks.read_only_allow_delete", "false"),
		says: "429 cluster_block_exception"},
	"closed index": {
		make: func(s client, index string) { s.must("POST", "/"+index+"/_close?wait_for_active_shards=0", "") },
		end:  func(s client, index string) { s.must("POST", "/"+index+"/_open", "") },
		says: "400 index_closed_exception"},
	"missing pipeline": {make: settings("index.default_pipeline", `"none-such"`), end: settings("index.default_pipeline", `"_none"`),
		says: "400 illegal_argument_exception"},
	"no index, and none may be made": {
		make: func(s client, index string) {
			remove(s, index)
			clusterSettings("action.auto_create_index", `"false"`)(s, index)
		},
		end: clusterSettings("action.auto_create_index", "null"), says: "404 index_not_found_exception"},
	"limit of shards": {
		make: func(s client, index string) {
			remove(s, index)
			clusterSettings("cluster.max_shards_per_node", "1")(s, index)
		},
		end: clusterSettings("cluster.max_shards_per_node", "null"), says: "400 validation_exception"},
	"the mapping of a date is wrong for all": {
		make: func(s client, index string) {
			remove(s, index)
			s.must("PUT", "/"+index, `{"mappings":{"properties":{"@timestamp":{"type":"boolean"}}}}`)
		},
		end: remove, says: "most Events are refused for one reason: " + mappingError()},
	"read-only cluster": {make: clusterSettings("cluster.blocks.read_only", "true"), end: clusterSettings("cluster.blocks.read_only", "null"),
		says: "403", all: true},
}

// TestWhatAPersonMustPutRightLosesNothing makes each trouble in an index of a real server, sends to it and to a healthy one, ends
// the trouble, and counts: the healthy one stores at once, the other one when it can, and both all of it, once.
func TestWhatAPersonMustPutRightLosesNothing(t *testing.T) {
	s := client{t, Start(t)}
	number := 0
	for name, x := range troubles {
		number++
		t.Run(name, func(t *testing.T) {
			s := client{t, s.url}
			sick, healthy := fmt.Sprintf("sick-%d", number), fmt.Sprintf("healthy-%d", number)
			s.create(sick, "")
			s.create(healthy, "")
			x.make(s, sick)
			ended := false
			end := func() {
				if !ended {
					ended = true
					x.end(s, sick)
				}
			}
			defer end()
			snk := quickSink(t, sink.Config{URLs: []string{s.url}})
			const n = 40
			events := twoFiles{numberedEvents{file: &wal.File{ID: wal.FileID{1}, Path: "/p", Route: sick}, n: n},
				numberedEvents{file: &wal.File{ID: wal.FileID{2}, Path: "/q", Route: healthy}, n: n / 2}}
			result := begin(t, snk, events)
			waitFor(t, "the sink says what is wrong", func() bool { return strings.Contains(snk.Health().LastError, x.says) })
			if !x.all {
				waitFor(t, "the healthy index has its documents", func() bool { return s.documents(healthy) == n/2 })
			}
			select {
			case r := <-result:
				t.Fatalf("it gave up: %+v", r)
			default:
			}
			end()
			r := <-result
			if r.Stored != n+n/2 || r.Duplicate+len(r.Refused)+r.Plain > 0 {
				t.Errorf("%+v, want %d stored", r, n+n/2)
			}
			if a, b := s.documents(sick), s.documents(healthy); a != n || b != n/2 {
				t.Errorf("%d and %d documents, want %d and %d", a, b, n, n/2)
			}
		})
	}
}

// TestWhatAMappingRefusesIsStoredPlain has documents of which few are refused: those are stored in plain form, the others as
// they are.
func TestWhatAMappingRefusesIsStoredPlain(t *testing.T) {
	s := client{t, Start(t)}
	for index, mapping := range map[string]string{
		"plain-conflict": `{"mappings":{"properties":{"host":{"type":"keyword"}}}}`,
		"plain-fields":   `{"settings":{"index.mapping.total_fields.limit":14}}`,
		"plain-strict": `{"mappings":{"dynamic":"strict","properties":{"@timestamp":{"type":"date_nanos"},"message":{"type":"text"},"tags":{"type":"keyword"},
			"event":{"properties":{"sequence":{"type":"long"},"original":{"type":"keyword","index":false,"doc_values":false}}},
			"log":{"properties":{"offset":{"type":"long"},"file":{"properties":{"path":{"type":"keyword"}}}}}}}}`,
	} {
		t.Run(index, func(t *testing.T) {
			s := client{t, s.url}
			s.must("PUT", "/"+index, mapping)
			odd := &wal.File{ID: wal.FileID{1}, Path: "/p", Route: index, Node: "n1", Namespace: "ns", Pod: "p"}
			events := twoFiles{numberedEvents{file: &wal.File{ID: wal.FileID{2}, Path: "/p", Route: index}, n: 40}, numberedEvents{file: odd, n: 5}}
			if r := <-begin(t, quickSink(t, sink.Config{URLs: []string{s.url}}), events); r.Stored != 45 || r.Plain != 5 {
				t.Errorf("%+v, want 45 stored, 5 of them plain", r)
			}
			if n := s.documents(index); n != 45 {
				t.Errorf("%d documents", n)
			}
		})
	}
}

// TestTheRightPasswordComesLater has the server behind a proxy that knows users, as the node itself has none.
func TestTheRightPasswordComesLater(t *testing.T) {
	s := client{t, Start(t)}
	s.create("secured", "")
	to, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
	guard := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "u" || password != "right" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(guard.Close)
	var password atomic.Value
	password.Store("wrong")
	snk := quickSink(t, sink.Config{URLs: []string{guard.URL}, Username: "u", Password: "wrong",
		Renew: func() (sink.Config, error) {
			return sink.Config{Username: "u", Password: password.Load().(string)}, nil
		}})
	result := begin(t, snk, numberedEvents{file: &wal.File{ID: wal.FileID{1}, Path: "/p", Route: "secured"}, n: 10})
	waitFor(t, "the sink says what is wrong", func() bool { return strings.Contains(snk.Health().LastError, "does not accept our credentials (401)") })
	password.Store("right")
	if r := <-result; r.Stored != 10 || s.documents("secured") != 10 {
		t.Errorf("%+v, %d documents", r, s.documents("secured"))
	}
}

// TestAServerKilledInMidBulkHasEverythingOnce ends the server with SIGKILL while requests are under way, three times.
func TestAServerKilledInMidBulkHasEverythingOnce(t *testing.T) {
	s := client{t, Start(t)}
	s.create("killed", "")
	snk := quickSink(t, sink.Config{URLs: []string{s.url}, BodySize: 64 << 10, Timeout: 5 * time.Second})
	const n = 60_000
	result := begin(t, snk, numberedEvents{file: &wal.File{ID: wal.FileID{1}, Path: "/p", Route: "killed"}, n: n})
	for range 3 {
		time.Sleep(300 * time.Millisecond)
		Kill(t)
		Restart(t)
	}
	r := <-result
	if r.Stored+r.Duplicate != n || r.Retries == 0 {
		t.Errorf("%+v, want %d in all, and some sent again", r, n)
	}
	if got := s.documents("killed"); got != n {
		t.Errorf("%d documents, want %d", got, n)
	}
}

func quickSink(t *testing.T, c sink.Config) *sink.Sink {
	t.Helper()
	c.Compression, c.MinBackoff, c.MaxBackoff, c.Logger = 1, 10*time.Millisecond, 50*time.Millisecond, slog.New(slog.DiscardHandler)
	s, err := sink.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// begin sends in the background. A Send that fails is told to t, and has no Result.
func begin(t *testing.T, s *sink.Sink, events sink.Events) <-chan sink.Result {
	result := make(chan sink.Result, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute) // a busy machine needs minutes to start a server three times
	go func() {
		defer cancel()
		r, err := s.Send(ctx, events)
		if err != nil && t.Context().Err() == nil {
			t.Errorf("%v; last: %s", err, s.Health().LastError)
		}
		result <- r
	}()
	return result
}

func waitFor(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// twoFiles are the Events of one File and then of another.
type twoFiles [2]numberedEvents

func (f twoFiles) Each(fn func(n int, e *sink.Event) error) error {
	if err := f[0].Each(fn); err != nil {
		return err
	}
	return f[1].Each(func(n int, e *sink.Event) error { return fn(f[0].n+n, e) })
}
