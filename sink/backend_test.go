package sink

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"logboom/wal"
)

// backend is an Elasticsearch that does what a test tells it. Without a script it stores everything.
type backend struct {
	t   *testing.T
	url string

	mu       sync.Mutex
	docs     map[string]string // by index/_id, the first document
	doubles  int               // creates of an _id that was there
	requests []bulkRequest
	script   func(n int, q *bulkRequest, w http.ResponseWriter) bool // true: it answered
	item     func(n int, a action) string                            // a whole item, "" for the usual one
	streams  map[string][]backing                                    // data streams: the indices behind them, the last takes documents
	looks    []string                                                // paths of other requests
	lookup   func(w http.ResponseWriter, path string) bool           // true: it answered one of them
}

// bulkRequest is what came in one request.
type bulkRequest struct {
	header  http.Header
	uri     string
	actions []action
	wire    int // bytes
}

type action struct{ index, id, doc string }

func (a action) key() string { return a.index + "/" + a.id }

func newBackend(t *testing.T) *backend {
	b := &backend{t: t, docs: map[string]string{}}
	srv := httptest.NewServer(b)
	t.Cleanup(srv.Close)
	b.url = srv.URL
	return b
}

func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if types := r.Header["Content-Type"]; len(types) > 1 {
		b.t.Errorf("%s has the content types %q: servers answer 400", r.URL.Path, types)
	}
	if !strings.HasSuffix(r.URL.Path, "/_bulk") {
		b.look(w, r)
		return
	}
	q, err := readBulk(r)
	if err != nil {
		b.t.Errorf("bad request: %v", err)
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(b.requests)
	b.requests = append(b.requests, *q)
	if b.script != nil && b.script(n, q, w) {
		return
	}
	_, _ = io.WriteString(w, b.answer(n, q))
}

// answer stores q's documents and returns the answer.
func (b *backend) answer(n int, q *bulkRequest) string {
	var items []string
	for _, a := range q.actions {
		items = append(items, b.create(n, a))
	}
	return `{"errors":true,"items":[` + strings.Join(items, ",") + `]}`
}

func (b *backend) create(n int, a action) string {
	if b.item != nil {
		if it := b.item(n, a); it != "" {
			return it
		}
	}
	a.index = b.writeIndex(a.index)
	if _, there := b.docs[a.key()]; there {
		b.doubles++
		return failure(409, "version_conflict_engine_exception", "document already exists")
	}
	b.docs[a.key()] = a.doc
	return `{"create":{"status":201}}`
}

func failure(status int, typ, reason string) string {
	return fmt.Sprintf(`{"create":{"status":%d,"error":{"type":%q,"reason":%q}}}`, status, typ, reason)
}

// readBulk checks the form of a request as strictly as any backend does.
func readBulk(r *http.Request) (*bulkRequest, error) {
	q := &bulkRequest{header: r.Header.Clone(), uri: r.RequestURI}
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	q.wire = len(raw)
	for key, values := range r.Header {
		if len(values) > 1 {
			return nil, fmt.Errorf("header %s is there %d times", key, len(values))
		}
	}
	if r.Header.Get("Content-Encoding") == "gzip" {
		if raw, err = gunzipOne(raw); err != nil {
			return nil, err
		}
	}
	if len(raw) > 0 && raw[len(raw)-1] != '\n' {
		return nil, fmt.Errorf("body does not end with a newline")
	}
	lines := bytes.Split(bytes.TrimSuffix(raw, []byte("\n")), []byte("\n"))
	urlIndex := strings.TrimPrefix(strings.TrimSuffix(r.URL.Path, "/_bulk"), "/")
	for i := 0; i+1 < len(lines); i += 2 {
		var head struct {
			Create struct {
				Index string `json:"_index"`
				ID    string `json:"_id"`
			} `json:"create"`
		}
		dec := json.NewDecoder(bytes.NewReader(lines[i]))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&head); err != nil {
			return nil, fmt.Errorf("action %q: %w", lines[i], err)
		}
		if !json.Valid(lines[i+1]) {
			return nil, fmt.Errorf("document %q: not JSON", lines[i+1])
		}
		a := action{index: head.Create.Index, id: head.Create.ID, doc: string(lines[i+1])}
		if a.index == "" {
			a.index = urlIndex
		}
		q.actions = append(q.actions, a)
	}
	return q, nil
}

// gunzipOne takes a body of exactly one gzip member.
func gunzipOne(raw []byte) ([]byte, error) {
	src := bytes.NewReader(raw)
	z, err := gzip.NewReader(src)
	if err != nil {
		return nil, err
	}
	z.Multistream(false)
	text, err := io.ReadAll(z)
	if err != nil {
		return nil, err
	}
	if src.Len() > 0 {
		return nil, fmt.Errorf("%d bytes behind the first gzip member", src.Len())
	}
	return text, nil
}

// list is a Batch in memory.
type list []Event

func (l list) Each(fn func(n int, e *Event) error) error {
	for i := range l {
		if err := fn(i, &l[i]); err != nil {
			return err
		}
	}
	return nil
}

func testFile(n int) *wal.File {
	f := &wal.File{
		Path: fmt.Sprintf("/var/log/pods/shop_cart-%d_uid/app/0.log", n), Format: wal.CRI, Route: "logs-test-default", Node: "node-1",
		Namespace: "shop", Pod: fmt.Sprintf("cart-%d", n), PodUID: "5f6c", Container: "app",
	}
	f.ID[0], f.ID[15] = byte(n), byte(n>>8)
	return f
}

// testEvents makes n Events of one File.
func testEvents(f *wal.File, n int) list {
	var l list
	for i := range n {
		l = append(l, Event{
			File: f, Offset: wal.Offset(i * 100), Sum: uint32(i) * 2654435761, Stream: "stdout",
			Time: []byte("2026-11-22T16:01:02.123456789Z"), Message: fmt.Appendf(nil, "message %d", i),
		})
	}
	return l
}

func newSink(t *testing.T, urls ...string) *Sink {
	t.Helper()
	return newSinkOf(t, Config{URLs: urls})
}

func newSinkOf(t *testing.T, c Config) *Sink {
	t.Helper()
	if c.MinBackoff == 0 {
		c.MinBackoff, c.MaxBackoff = time.Millisecond, 5*time.Millisecond
	}
	if c.Compression == 0 {
		c.Compression = 1
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.nodes.transport.CloseIdleConnections)
	return s
}

func mustSend(t *testing.T, s *Sink, events Events) Result {
	t.Helper()
	r, err := s.Send(t.Context(), events)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
