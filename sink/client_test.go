package sink

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestNewChecksItsConfig(t *testing.T) {
	for name, c := range map[string]Config{
		"no URL":          {},
		"no scheme":       {URLs: []string{"127.0.0.1:9200"}},
		"other scheme":    {URLs: []string{"ftp://u:hunter2@x/"}},
		"no host":         {URLs: []string{"http:///path"}},
		"not a URL":       {URLs: []string{"http://u:hunter2@x:port/%zz"}},
		"query":           {URLs: []string{"http://u:hunter2@x/?a=b"}},
		"level":           {URLs: []string{"http://x"}, Compression: 10},
		"two ways":        {URLs: []string{"http://x"}, APIKey: "a", Username: "b"},
		"no CA":           {URLs: []string{"http://x"}, CAFile: "testdata/none"},
		"half a key pair": {URLs: []string{"http://x"}, CertFile: "testdata/none"},
		"bad header":      {URLs: []string{"http://x"}, Headers: map[string]string{"Content-Encoding": "br"}},
	} {
		_, err := New(c)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRequestsSayWhoWeAre(t *testing.T) {
	for _, c := range []struct {
		name, userinfo, want string
		conf                 Config
	}{
		{name: "nobody"},
		{name: "user", conf: Config{Username: "me", Password: "pw"}, want: "Basic bWU6cHc="},
		{name: "API key", conf: Config{APIKey: "a2V5"}, want: "ApiKey a2V5"},
		{name: "bearer", conf: Config{Bearer: "tok"}, want: "Bearer tok"},
		{name: "in the URL", userinfo: "me:pw@", want: "Basic bWU6cHc="},
		{name: "in both", userinfo: "other:x@", conf: Config{Username: "me", Password: "pw"}, want: "Basic bWU6cHc="},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBackend(t)
			c.conf.URLs = []string{strings.Replace(b.url, "http://", "http://"+c.userinfo, 1) + "/prefix//"}
			c.conf.Headers = map[string]string{"x-tenant": "7", "user-agent": "mine", "Accept": "application/vnd.elasticsearch+json;compatible-with=8"}
			s := newSinkOf(t, c.conf)
			mustSend(t, s, testEvents(testFile(1), 1))
			h := b.requests[0].header
			if got := h.Get("Authorization"); got != c.want {
				t.Errorf("Authorization %q", got)
			}
			for key, want := range map[string]string{
				"X-Tenant": "7", "User-Agent": "mine", "Accept": "application/vnd.elasticsearch+json;compatible-with=8",
				"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip",
			} {
				if got := h.Values(key); len(got) != 1 || got[0] != want {
					t.Errorf("%s: %q", key, got)
				}
			}
			if uri := b.requests[0].uri; !strings.HasPrefix(uri, "/prefix/logs-test-default/_bulk?filter_path=") {
				t.Errorf("URI %s", uri)
			}
		})
	}
}

func TestWithoutCompressionTheBodyIsPlain(t *testing.T) {
	b := newBackend(t)
	s, err := New(Config{URLs: []string{b.url}})
	if err != nil {
		t.Fatal(err)
	}
	mustSend(t, s, testEvents(testFile(1), 10))
	if len(b.docs) != 10 || b.requests[0].header.Get("Content-Encoding") != "" {
		t.Errorf("%d documents, headers %v", len(b.docs), b.requests[0].header)
	}
}

func TestTLS(t *testing.T) {
	b := &backend{t: t, docs: map[string]string{}}
	srv := httptest.NewUnstartedServer(b)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pair := srv.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	ca, keyFile := write("ca.pem", "CERTIFICATE", pair.Certificate[0]), write("key.pem", "PRIVATE KEY", key)

	for name, c := range map[string]Config{
		"CA":           {CAFile: ca},
		"insecure":     {InsecureSkipVerify: true},
		"client's own": {CAFile: ca, CertFile: ca, KeyFile: keyFile},
	} {
		c.URLs = []string{srv.URL}
		if r := mustSend(t, newSinkOf(t, c), testEvents(testFile(1), 5)); r.Stored+r.Duplicate != 5 {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if said, _ := saysOf(t, newSink(t, srv.URL), "certificate is not trusted"); !strings.Contains(said, "certificate is not trusted") {
		t.Error(said)
	}
}

// saysOf sends to a server that takes nothing until Health has want in its LastError, or has not for long. It returns that, and how
// Send ended.
func saysOf(t *testing.T, s *Sink, want string) (said string, err error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	sent := make(chan error, 1)
	go func() {
		_, err := s.Send(ctx, testEvents(testFile(1), 5))
		sent <- err
	}()
	for deadline := time.Now().Add(time.Minute); !strings.Contains(s.Health().LastError, want) && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	said = s.Health().LastError
	cancel()
	if err = <-sent; !errors.Is(err, context.Canceled) {
		t.Fatalf("Send ended with %v", err)
	}
	return said, err
}

func TestHealthSaysInPlainWordsWhatIsWrong(t *testing.T) {
	tlsOnly := httptest.NewUnstartedServer(http.NotFoundHandler())
	tlsOnly.Config.ErrorLog = log.New(io.Discard, "", 0)
	tlsOnly.StartTLS()
	defer tlsOnly.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	for url, want := range map[string]string{
		"http://127.0.0.1:1":                            "connection refused",
		"https" + strings.TrimPrefix(plain.URL, "http"): "does not speak TLS",
		"http://nowhere.invalid:9200":                   "host name is not known",
		plain.URL:                                       "404",
		strings.Replace(tlsOnly.URL, "https://", "http://u:p@", 1): "400",
	} {
		if said, _ := saysOf(t, newSink(t, url), want); !strings.Contains(said, want) {
			t.Errorf("%s: %q, want %q", url, said, want)
		}
	}
}

// What is no HTTP may be anything, our own request for instance.
func TestHealthDoesNotQuoteTheOtherSide(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				_, _ = io.Copy(io.Discard, r.Body)
			}
			_, _ = io.WriteString(c, "message\r\n\r\n")
			_ = c.Close()
		}
	}()
	at := l.Addr().String()
	if said, err := saysOf(t, newSink(t, "http://"+at), at); !strings.Contains(said, at) || strings.Contains(said+err.Error(), "message") {
		t.Errorf("%q, %v", said, err)
	}
}

// A server may answer before it has read the body. The buffer is then filled with the next request while the transport
// may still be sending the last: no byte of the one may get into the other.
func TestBuffersAreNotSharedByRequests(t *testing.T) {
	var mu sync.Mutex
	n := 0
	stored := map[string]string{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		n++
		early := n%2 == 1
		mu.Unlock()
		if early {
			_, _ = io.CopyN(io.Discard, r.Body, 1000)
			w.WriteHeader(429)
			return
		}
		q, err := readBulk(r)
		if err != nil {
			t.Errorf("torn body: %v", err)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		var items []string
		for _, a := range q.actions {
			stored[a.id] = a.doc
			items = append(items, `{"create":{"status":201}}`)
		}
		_, _ = io.WriteString(w, `{"items":[`+strings.Join(items, ",")+`]}`)
	}))
	defer srv.Close()
	s, err := New(Config{URLs: []string{srv.URL}, MinBackoff: time.Microsecond, MaxBackoff: time.Microsecond, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		events := testEvents(testFile(i), 1000)
		for j := range events {
			events[j].Message = []byte(strings.Repeat(fmt.Sprint(i%10), 1000))
		}
		mustSend(t, s, events)
	}
	if len(stored) != 20000 {
		t.Errorf("%d documents", len(stored))
	}
}

func TestShutGateKeepsTheBodyBack(t *testing.T) {
	g := &gate{body: io.NopCloser(strings.NewReader("text"))}
	buf := make([]byte, 2)
	if n, err := g.Read(buf); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	g.shut()
	if n, err := g.Read(buf); n != 0 || !errors.Is(err, errShut) {
		t.Error(n, err)
	}
}

func TestManyWorkersShareASink(t *testing.T) {
	b := newBackend(t)
	b.item = func(n int, a action) string {
		if n%3 == 0 && a.id[30]%2 == 0 {
			return failure(429, "es_rejected_execution_exception", "")
		}
		return ""
	}
	s := newSink(t, b.url)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 5 {
				f := testFile(w*100 + i)
				f.Route = "logs-%{+yyyy.MM.dd}"
				if r, err := s.Send(t.Context(), testEvents(f, 200)); err != nil || r.Stored != 200 {
					t.Errorf("%+v, %v", r, err)
				}
				s.Health()
			}
		})
	}
	wg.Wait()
	if len(b.docs) != 8*5*200 {
		t.Errorf("%d documents", len(b.docs))
	}
	if len(s.idle) > 8 {
		t.Errorf("%d buffers for 8 workers", len(s.idle))
	}
}

func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   ServerInfo
		fails  bool
	}{
		"elasticsearch": {200, `{"name":"n","version":{"number":"8.19.1"}}`, ServerInfo{Reachable: true, Authenticated: true, Distribution: "elasticsearch", Version: "8.19.1"}, false},
		"opensearch":    {200, `{"version":{"distribution":"opensearch","number":"2.11.0"}}`, ServerInfo{Reachable: true, Authenticated: true, Distribution: "opensearch", Version: "2.11.0"}, false},
		"may not look":  {403, ``, ServerInfo{Reachable: true, Authenticated: true}, false},
		"unknown":       {401, ``, ServerInfo{Reachable: true}, true},
		"HTML":          {200, `<html>`, ServerInfo{Reachable: true}, true},
		"other JSON":    {200, `{}`, ServerInfo{Reachable: true}, true},
		"redirection":   {302, ``, ServerInfo{Reachable: true}, true},
		"starting":      {503, ``, ServerInfo{Reachable: true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/" || r.Method != http.MethodGet {
					t.Errorf("%s %s", r.Method, r.URL)
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			defer srv.Close()
			info, err := newSink(t, strings.Replace(srv.URL, "http://", "http://me:hunter2@", 1)).Check(t.Context())
			c.want.URL = srv.URL
			if info != c.want || (err != nil) != c.fails {
				t.Errorf("%+v, %v", info, err)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Error(err)
			}
		})
	}
}

func TestCheckFindsTheURLThatAnswers(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"version":{"number":"8.19.1"}}`)
	}))
	defer srv.Close()
	s := newSink(t, "http://127.0.0.1:1", srv.URL)
	for range 3 {
		if info, err := s.Check(t.Context()); err != nil || info.URL != srv.URL {
			t.Errorf("%+v, %v", info, err)
		}
	}
	info, err := newSink(t, "http://127.0.0.1:1").Check(t.Context())
	if err == nil || info.Reachable || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("%+v, %v", info, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Check(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
