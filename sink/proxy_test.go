package sink

import (
	"encoding/pem"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// aProxy tunnels what is to be tunneled and passes other requests on, for who has the password.
type aProxy struct {
	password         atomic.Value // string
	tunnels, asked   atomic.Int32
	foreign, refused atomic.Int32 // requests with our credentials for the proxy that went on to the backend; refused ones
}

func startProxy(t *testing.T) (*aProxy, string) {
	t.Helper()
	p := &aProxy{}
	p.password.Store("hunter2")
	srv := httptest.NewServer(p)
	t.Cleanup(srv.Close)
	return p, srv.Listener.Addr().String()
}

func (p *aProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	as := &http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}
	if user, password, _ := as.BasicAuth(); user != "u" || password != p.password.Load() {
		p.refused.Add(1)
		w.WriteHeader(http.StatusProxyAuthRequired)
		_, _ = io.WriteString(w, "<html>who are you, hunter2?</html>")
		return
	}
	if r.Method != http.MethodConnect {
		p.asked.Add(1)
		(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			if r.Out.Header.Get("Proxy-Authorization") != "" {
				p.foreign.Add(1)
			}
		}}).ServeHTTP(w, r)
		return
	}
	p.tunnels.Add(1)
	there, err := net.Dial("tcp", r.Host)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer there.Close()
	w.WriteHeader(http.StatusOK)
	here, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer here.Close()
	go func() { _, _ = io.Copy(there, buffered) }()
	_, _ = io.Copy(here, there)
}

// A backend by https is reached through a tunnel, one by http by asking the proxy for it, and nothing goes past the proxy.
func TestAllGoesThroughTheProxy(t *testing.T) {
	b := &backend{t: t, docs: map[string]string{}}
	plain, secure := httptest.NewServer(b), httptest.NewTLSServer(b)
	t.Cleanup(plain.Close)
	t.Cleanup(secure.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	if err := os.WriteFile(ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	p, at := startProxy(t)
	for n, url := range []string{plain.URL, secure.URL} {
		s := newSinkOf(t, Config{URLs: []string{url}, CAFile: ca, Proxy: "http://u:hunter2@" + at})
		if r := mustSend(t, s, testEvents(testFile(n+1), 5)); r.Stored != 5 {
			t.Errorf("%s: %+v", url, r)
		}
	}
	if p.asked.Load() == 0 || p.tunnels.Load() == 0 {
		t.Errorf("%d requests and %d tunnels, want some of each", p.asked.Load(), p.tunnels.Load())
	}
	if p.foreign.Load() > 0 {
		t.Error("the backend sees the proxy's password")
	}
	asked := p.asked.Load()
	mustSend(t, newSinkOf(t, Config{URLs: []string{plain.URL}, Proxy: NoProxy}), testEvents(testFile(3), 5))
	if p.asked.Load() != asked {
		t.Error("it uses a proxy that it does not have")
	}
}

// A proxy that wants another password refuses everything: all waits, nothing is held for one index, and what is told has
// neither the password nor what the proxy says.
func TestAProxyThatRefusesUsHoldsNothing(t *testing.T) {
	b := &backend{t: t, docs: map[string]string{}}
	plain, secure := httptest.NewServer(b), httptest.NewUnstartedServer(b)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(plain.Close)
	t.Cleanup(secure.Close)
	for n, url := range []string{plain.URL, secure.URL} {
		p, at := startProxy(t)
		p.password.Store("changed")
		var logged strings.Builder
		s := newSinkOf(t, Config{URLs: []string{url}, InsecureSkipVerify: true, Proxy: "http://u:hunter2@" + at, Logger: slog.New(slog.NewTextHandler(&logged, nil)),
			HoldFor: time.Millisecond, MinBackoff: time.Millisecond, MaxBackoff: 5 * time.Millisecond})
		sent := make(chan Result, 1)
		go func() { sent <- mustSend(t, s, testEvents(testFile(n+1), 5)) }()
		for deadline := time.Now().Add(20 * time.Second); p.refused.Load() < 10; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: the proxy was asked %d times", url, p.refused.Load())
			}
		}
		h := s.Health()
		if !strings.Contains(h.LastError, "the proxy does") || !strings.Contains(h.LastError, "407") || strings.Contains(h.LastError, "hunter2") {
			t.Errorf("%s: %s", url, h.LastError)
		}
		p.password.Store("hunter2")
		if r := <-sent; r.Stored != 5 || len(r.Refused) > 0 {
			t.Errorf("%s: %+v", url, r)
		}
		if strings.Contains(logged.String(), "hunter2") {
			t.Errorf("%s: the log has the password: %s", url, logged.String())
		}
	}
}

// What is wrong with the way to the proxy is told as that, without its URL.
func TestAProxyThatIsNotThereIsNamed(t *testing.T) {
	for url, want := range map[string]string{
		"http://u:hunter2@127.0.0.1:1":          "its proxy can't be reached: connection refused",
		"http://u:hunter2@nowhere.invalid:3128": "its proxy can't be reached: its host name is not known",
	} {
		s := newSinkOf(t, Config{URLs: []string{"http://127.0.0.1:1"}, Proxy: url})
		if info, err := s.Check(t.Context()); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%+v, %v; want %s", info, err, want)
		}
	}
	for _, url := range []string{"hunter2", "ftp://hunter2@p", "http://hunter2@p/path", "http://p?hunter2", "http://hunter2 @p", "http://", "//p:hunter2"} {
		if err := CheckProxy(url); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", url, err)
		}
	}
	for _, url := range []string{"", NoProxy, "http://u:p@p:3128", "https://p/", "socks5://p:1080"} {
		if err := CheckProxy(url); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}
