package pipeline

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"logboom/agent/config"
	"logboom/sink"
)

// A password changes, and changes again while a SIGHUP is taken over: the newer one must stay.
func TestAHangupWritesOverNoNewerCredentials(t *testing.T) {
	var login atomic.Value
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		login.Store(r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(s.Close)
	of := func(key string) *config.Config {
		c := defaults(t)
		c.Sink.Elasticsearch.URLs, c.Sink.Elasticsearch.APIKey = []string{s.URL}, config.Secret(key)
		return c
	}
	a := &agent{c: of("first"), o: Options{Logger: quiet}}
	a.conf.Store(a.c)
	refused := make(chan struct{})
	reads := 0
	a.o.Reload = func() (*config.Config, error) {
		if reads++; reads > 1 {
			return of("third"), nil
		}
		go func() {
			defer close(refused)
			_ = a.sink.CheckLookUp(t.Context(), "logs") // it reads the third ones
		}()
		select {
		case <-refused:
		case <-time.After(300 * time.Millisecond):
		}
		return of("second"), nil
	}
	var err error
	if a.sink, err = sink.New(a.sinkConfig()); err != nil {
		t.Fatal(err)
	}
	a.reload()
	<-refused
	if a.sink.Check(t.Context()); login.Load() != "ApiKey third" || reads != 2 {
		t.Errorf("%d reads, and the backend is told %q", reads, login.Load())
	}
}

// A file that is written while it is read again: whatever holds afterwards is what stood there at one moment, and what can't
// be used as a whole is not used in part.
func TestAHangupReadsTheConfigurationOnce(t *testing.T) {
	var login atomic.Value
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		login.Store(r.Header.Get("Authorization") + " of " + r.Header.Get("X-Cluster"))
	}))
	t.Cleanup(s.Close)
	reads := 0
	of := func(n int, key, bearer string) *config.Config {
		c := defaults(t)
		c.Sink.Elasticsearch.URLs = []string{s.URL}
		c.Sink.Elasticsearch.APIKey, c.Sink.Elasticsearch.Bearer = config.Secret(key), config.Secret(bearer)
		c.Sink.Elasticsearch.Headers = map[string]config.Secret{"X-Cluster": config.Secret(key)}
		c.WAL.MaxSize += config.Bytes(n)
		return c
	}
	var file []*config.Config // what one read after the other finds
	a := &agent{c: of(0, "first", ""), o: Options{Logger: quiet, Reload: func() (*config.Config, error) { reads++; return file[reads-1], nil }}}
	a.conf.Store(a.c)
	var err error
	if a.sink, err = sink.New(a.sinkConfig()); err != nil {
		t.Fatal(err)
	}
	holds := func(n int, key string) {
		t.Helper()
		a.sink.Check(t.Context())
		if got, want := login.Load(), "ApiKey "+key+" of "+key; got != want {
			t.Errorf("the backend is told %q, not %q", got, want)
		}
		if got := a.conf.Load().WAL.MaxSize - a.c.WAL.MaxSize; got != config.Bytes(n) {
			t.Errorf("change %d holds, not %d", got, n)
		}
	}
	holds(0, "first")
	file = []*config.Config{of(1, "second", ""), of(2, "third", "")}
	a.reload()
	if holds(1, "second"); reads != 1 {
		t.Errorf("the file was read %d times", reads)
	}
	reads, file = 0, []*config.Config{of(3, "fourth", "and a token")}
	a.reload()
	holds(1, "second")
}
