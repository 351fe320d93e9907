package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func script(t *testing.T, url, faults string) {
	t.Helper()
	if status, body := call(t, "POST", url+"/_chaos", "application/json", faults); status != 200 {
		t.Fatalf("fault not taken: %s", body)
	}
}

func TestFaultsDoWhatTheySayAndNoMore(t *testing.T) {
	for _, c := range []struct {
		name, fault string
		status      int // 0: the connection is cut
		text        string
		count       string // documents after two were sent
	}{
		{"status", `{"status":503}`, 503, "unavailable_shards_exception", `{"count":0}`},
		{"status after storing", `{"status":429,"stored":true}`, 429, "es_rejected_execution_exception", `{"count":2}`},
		{"cut", `{"answer":"cut"}`, 0, "", `{"count":0}`},
		{"cut after storing", `{"answer":"cut","stored":true}`, 0, "", `{"count":2}`},
		{"half an answer", `{"answer":"half"}`, 0, "", `{"count":2}`},
		{"html", `{"answer":"html"}`, 200, "Bad Gateway", `{"count":0}`},
		{"garbage", `{"answer":"garbage","stored":true}`, 200, `"errors":fal`, `{"count":2}`},
		{"empty", `{"answer":"empty"}`, 200, "", `{"count":0}`},
		{"one item short", `{"answer":"short"}`, 200, `"result":"created"`, `{"count":2}`},
		{"hang", `{"hang":"10ms","stored":true}`, 0, "", `{"count":2}`},
		{"item", `{"items":{"status":429,"first":1}}`, 200, "es_rejected_execution_exception", `{"count":1}`},
		{"item, stored", `{"items":{"status":500,"type":"odd","stored":true}}`, 200, `"type":"odd"`, `{"count":2}`},
		{"delay", `{"delay":"1ms"}`, 200, `"errors":false`, `{"count":2}`},
	} {
		url := serve(t)
		script(t, url, c.fault)
		status, body, err := try("POST", url+"/_bulk", ndjson, docs("a", "b"))
		if c.status == 0 && err == nil {
			t.Errorf("%s: answered %d %s, want a cut connection", c.name, status, body)
		}
		if c.status != 0 && (err != nil || status != c.status || !strings.Contains(body, c.text)) {
			t.Errorf("%s: %d %s %v, want %d and %q", c.name, status, body, err, c.status, c.text)
		}
		if c.name == "one item short" && strings.Count(body, `"create"`) != 1 {
			t.Errorf("%s: %s", c.name, body)
		}
		if c.name == "empty" && body != "" {
			t.Errorf("%s: %s", c.name, body)
		}
		if got := stored(t, url); got != c.count {
			t.Errorf("%s: stored %s, want %s", c.name, got, c.count)
		}
		call(t, "POST", url+"/_bulk", ndjson, docs("a", "b"))
		if got := stored(t, url); got != `{"count":2}` {
			t.Errorf("%s: stored %s after sending again", c.name, got)
		}
	}
}

// Documents that have a field are refused, others are stored.
func TestFieldIsRefused(t *testing.T) {
	url := serve(t)
	script(t, url, `{"count":9,"items":{"status":400,"field":"a.b"}}`)
	const create = `{"create":{"_index":"x"}}` + "\n"
	_, body := call(t, "POST", url+"/_bulk", ndjson, create+`{"a":{"b":null}}`+"\n"+create+`{"a":{"c":1}}`+"\n"+create+`{"a.b":1,"a":"b"}`+"\n")
	if strings.Count(body, `"mapper_parsing_exception"`) != 1 || strings.Count(body, `"created"`) != 2 {
		t.Error(body)
	}
}

func TestScriptRunsInOrderAndEnds(t *testing.T) {
	url := serve(t)
	script(t, url, `[{"status":503,"count":2,"skip":1},{"status":429}]`)
	for i, want := range []int{200, 503, 503, 429, 200} {
		if status, body := call(t, "POST", url+"/_bulk", ndjson, docs("a")); status != want {
			t.Errorf("request %d: %d %s, want %d", i+1, status, body, want)
		}
	}
}

func TestFaultHitsOnlyItsPath(t *testing.T) {
	url := serve(t)
	script(t, url, `{"path":"_count","status":500,"count":9}`)
	if status, _ := call(t, "POST", url+"/_bulk", ndjson, docs("a")); status != 200 {
		t.Errorf("_bulk: %d", status)
	}
	if status, _ := call(t, "GET", url+"/_count", "", ""); status != 500 {
		t.Errorf("_count: %d", status)
	}
	call(t, "DELETE", url+"/_chaos", "", "")
	if status, _ := call(t, "GET", url+"/_count", "", ""); status != 200 {
		t.Errorf("_count after the script was emptied: %d", status)
	}
}

func TestHangEndsWhenTheClientGoes(t *testing.T) {
	url := serve(t)
	script(t, url, `{"hang":"1h"}`)
	client := http.Client{Timeout: 50 * time.Millisecond}
	if _, err := client.Post(url+"/_bulk", ndjson, strings.NewReader(docs("a"))); err == nil {
		t.Error("a hanging request was answered")
	}
	// The server's Close, at the end of the test, waits for the handler: it would take an hour.
}

func TestMistakesInAScriptAreRefused(t *testing.T) {
	url := serve(t)
	for _, fault := range []string{
		`{"answer":"nonsense"}`, `{"status":42}`, `{"staus":500}`, `{"items":{}}`, `{"delay":"soon"}`, `{`,
	} {
		if status, body := call(t, "POST", url+"/_chaos", "application/json", fault); status != 400 {
			t.Errorf("%s: %d %s", fault, status, body)
		}
	}
}

func TestOnlyThisMachineMaySetFaults(t *testing.T) {
	for addr, want := range map[string]int{
		"127.0.0.1:1": 200, "[::1]:1": 200, "[::ffff:127.0.0.1]:1": 200, "192.0.2.1:1": 403, "nonsense": 403,
	} {
		r := httptest.NewRequest("GET", "/_chaos", nil)
		r.RemoteAddr = addr
		w := httptest.NewRecorder()
		New(nil).ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("from %s: %d, want %d", addr, w.Code, want)
		}
	}
}
