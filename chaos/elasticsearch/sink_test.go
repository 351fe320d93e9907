package elasticsearch

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"logboom/sink"
	"logboom/wal"
)

// TestARolloverStoresNothingTwice loses the answer to a bulk request, rolls its data stream over, and lets the sink go on:
// first in the same process, then in one that only knows that there was another.
func TestARolloverStoresNothingTwice(t *testing.T) {
	s := client{t, Start(t)}
	const stream, n = "logs-rollover-sink", 50
	s.stream(stream)
	var losses atomic.Int32
	losses.Store(1)
	url := loseAnswers(t, s.url, func(path string) bool {
		if !strings.Contains(path, "/_bulk") || losses.Add(-1) < 0 {
			return false
		}
		s.must("POST", "/"+stream+"/_rollover", "")
		return true
	})
	conf := sink.Config{URLs: []string{url}, Compression: 1, Timeout: 6 * time.Second, MinBackoff: 10 * time.Millisecond,
		Logger: slog.New(slog.DiscardHandler)}
	began := time.Now()
	events := numberedEvents{file: &wal.File{ID: wal.FileID{7}, Path: "/p", Route: stream}, n: n}
	if got := send(t, conf, events); got.Duplicate != n {
		t.Errorf("after a lost answer: got %+v, want %d duplicates", got, n)
	}
	s.must("POST", "/"+stream+"/_rollover", "")
	events.sentSince = began
	if got := send(t, conf, events); got.Duplicate != n {
		t.Errorf("in the next process: got %+v, want %d duplicates", got, n)
	}
	if got := s.documents(stream); got != n {
		t.Errorf("%d documents of %d Events", got, n)
	}
}

// documents counts those behind a name, once they can be searched.
func (s client) documents(name string) (count int) {
	s.Helper()
	s.must("POST", "/"+name+"/_refresh", "")
	var answer struct{ Count int }
	if err := json.Unmarshal(s.must("GET", "/"+name+"/_count", "").body, &answer); err != nil {
		s.Fatal(err)
	}
	return answer.Count
}

func send(t *testing.T, conf sink.Config, events sink.Events) sink.Result {
	t.Helper()
	snk, err := sink.New(conf)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	r, err := snk.Send(ctx, events)
	if err != nil {
		t.Fatalf("%v; last: %s", err, snk.Health().LastError)
	}
	return r
}

// loseAnswers stands between a sink and the server at target, and returns its own URL. Where lose says so of a path, the
// server's answer is read to its end, and the connection is then cut.
func loseAnswers(t *testing.T, target string, lose func(path string) bool) string {
	t.Helper()
	to, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	return loseAnswersOf(t, &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}, lose)
}

func loseAnswersOf(t *testing.T, proxy http.Handler, lose func(path string) bool) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		proxy.ServeHTTP(answer, r)
		if lose(r.URL.Path) {
			panic(http.ErrAbortHandler)
		}
		for key, values := range answer.Header() {
			w.Header()[key] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// numberedEvents are n Events of one File.
type numberedEvents struct {
	file      *wal.File
	n         int
	sentSince time.Time
}

func (e numberedEvents) Each(fn func(n int, e *sink.Event) error) error {
	for i := range e.n {
		line := fmt.Sprintf("line %d", i)
		err := fn(i, &sink.Event{File: e.file, Offset: wal.Offset(100 * i), Message: []byte(line), Raw: []byte(line), SentSince: e.sentSince,
			Sum: crc32.Checksum([]byte(line), crc32.MakeTable(crc32.Castagnoli)), Time: []byte("2026-01-02T03:04:05.000000001Z")})
		if err != nil {
			return err
		}
	}
	return nil
}

// TestSetupIsIdempotent installs what documents need, lets a person change it, and installs again.
func TestSetupIsIdempotent(t *testing.T) {
	s := client{t, Start(t)}
	snk, err := sink.New(sink.Config{URLs: []string{s.url}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	const stream, dated = "logs-setup-stream", "logs-setup-%{namespace}-%{+yyyy.MM.dd}"
	setup := func(force bool, template string, want, then sink.PieceState) {
		t.Helper()
		pieces, err := snk.Plan(t.Context(), []string{stream, dated})
		if err != nil {
			t.Fatal(err)
		}
		for i := range pieces {
			p := &pieces[i]
			ours := p.Name == "index template "+template
			if ours && p.State != want {
				t.Errorf("%s is %q, want %q", p.Name, p.State, want)
			}
			if p.Due(force) {
				if err := snk.Install(t.Context(), p); err != nil {
					t.Fatal(err)
				}
			}
			if ours && p.State != then {
				t.Errorf("%s is %q after it was installed, want %q", p.Name, p.State, then)
			}
		}
	}
	const ofStream = "logboom." + stream
	setup(false, ofStream, sink.PieceMissing, sink.PieceCurrent)
	setup(false, ofStream, sink.PieceCurrent, sink.PieceCurrent)

	stored := string(s.must("GET", "/_index_template/"+ofStream, "").body)
	_, stored, _ = strings.Cut(stored, `"index_template":`)
	stored = strings.Replace(strings.TrimSuffix(strings.TrimSpace(stored), "}]}"), `"best_compression"`, `"default"`, 1)
	stored = regexp.MustCompile(`,"(created|modified)_date[a-z_]*":("[^"]*"|[0-9]+)`).ReplaceAllString(stored, "") // refused from Elasticsearch 9.1 on
	s.must("PUT", "/_index_template/"+ofStream, stored)
	setup(false, ofStream, sink.PieceChanged, sink.PieceChanged)
	setup(true, ofStream, sink.PieceChanged, sink.PieceCurrent)

	labels := map[string]string{}
	for i := range 3000 {
		labels[fmt.Sprintf("example.com/label-%d", i)] = "v"
	}
	file := &wal.File{ID: wal.FileID{9}, Path: "/p", Namespace: "ns", Pod: "pod", Labels: labels, Route: stream}
	conf := sink.Config{URLs: []string{s.url}, Logger: slog.New(slog.DiscardHandler)}
	if got := send(t, conf, numberedEvents{file: file, n: 3}); got.Stored != 3 {
		t.Fatalf("with 3000 labels: %+v", got)
	}
	if got := s.documents(stream); got != 3 {
		t.Errorf("%d documents, want 3", got)
	}
	if m := string(s.must("GET", "/"+stream+"/_mapping", "").body); strings.Contains(m, "label-1") {
		t.Error("labels make fields of their own")
	}
	file = &wal.File{ID: wal.FileID{10}, Path: "/p", Namespace: "ns", Pod: "pod", Route: strings.Replace(dated, "%{namespace}", "ns", 1)}
	send(t, conf, numberedEvents{file: file, n: 1})
	if m := string(s.must("GET", "/logs-setup-ns-2026.01.02/_mapping", "").body); !strings.Contains(m, `"date_nanos"`) {
		t.Errorf("the index of a day has no such mapping: %s", m)
	}
}
