package status

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"logboom/agent/socket"
)

func TestLinesAreShownOnTheNodeOnly(t *testing.T) {
	h := Handler(said(busy(), nil, nil))
	for name, c := range map[string]struct {
		remote, host, header string
		shown                bool
	}{
		"loopback":                  {"127.0.0.1:5", "127.0.0.1:9600", "", true},
		"loopback by name":          {"127.0.0.1:5", "localhost:9600", "", true},
		"loopback of version 6":     {"[::1]:5", "[::1]:9600", "", true},
		"mapped":                    {"[::ffff:127.0.0.1]:5", "127.0.0.1", "", true},
		"from the network":          {"10.0.0.1:5", "10.0.0.2:9600", "", false},
		"says it is here":           {"10.0.0.1:5", "127.0.0.1:9600", "", false},
		"a name made to point here": {"127.0.0.1:5", "attacker.example:9600", "", false},
		"a name that looks like it": {"127.0.0.1:5", "localhost.attacker.example", "", false},
		"through a proxy":           {"127.0.0.1:5", "localhost:9600", "X-Forwarded-For", false},
		"through another proxy":     {"127.0.0.1:5", "localhost:9600", "Forwarded", false},
		"no address":                {"", "localhost", "", false},
	} {
		r := httptest.NewRequest(http.MethodGet, "/api/v1/deadletters/oldest", nil)
		r.RemoteAddr, r.Host = c.remote, c.host
		if c.header != "" {
			r.Header.Set(c.header, "for=10.0.0.1")
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if shown := strings.Contains(w.Body.String(), "a line of somebody"); shown != c.shown || (w.Code == 200) != c.shown {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

func TestLinesAreShownThroughTheSocket(t *testing.T) {
	dir := t.TempDir()
	l, err := socket.Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: Handler(said(busy(), nil, nil))}
	done := make(chan struct{})
	go func() { defer close(done); server.Serve(l) }()
	defer func() { server.Close(); <-done }()
	var got struct{ Oldest []Letter }
	if err := socket.NewClient(dir).GetJSON(t.Context(), "/api/v1/deadletters/oldest", &got); err != nil || len(got.Oldest) != 1 {
		t.Errorf("%v %v", err, got)
	}
}

func TestTheNewestLossesComeFirstAndAreBounded(t *testing.T) {
	code, body, _ := serve(t, busy(), nil, nil)("/api/v1/ledger/newest")
	var got Newest
	if err := json.Unmarshal([]byte(body), &got); err != nil || code != 200 {
		t.Fatal(code, err, body)
	}
	if got.Entries != 250 || len(got.Newest) != maxNewest || got.Newest[0].End != 249 || got.Newest[99].End != 150 {
		t.Errorf("%d, %d, %+v", got.Entries, len(got.Newest), got.Newest[0])
	}
}
