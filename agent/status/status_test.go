package status

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

var start = time.Date(2026, 11, 22, 16, 0, 0, 0, time.UTC)

// busy is a Status in which every number differs.
func busy() Status {
	return Status{
		Version: "1.2.3", Node: "node-1", Started: start, Now: start.Add(time.Hour),
		Intake: Intake{ReadBytes: 101, Records: 102, LastStep: start.Add(time.Minute), Blocked: "the WAL is full", BlockedBy: MinFree, Waiting: 107, Pins: true, PinBytes: 103, PinMaxBytes: 110,
			OpenFiles: 104, UnreadBytes: 105, RefusedLinks: 106},
		WAL: WAL{Bytes: 201, MaxBytes: 202, Segments: 203, LastIndex: 204, Durable: 205, WrittenBytes: 206, Syncs: 207, Failures: 208,
			OldestBlock: start.Add(59 * time.Minute), Room: 209, FullIn: 210, OnFull: "block"},
		Delivery: Delivery{Acked: 301, Stored: 302, Duplicates: 303, DeadLetters: 304, AckedBytes: 305, Retries: 306, SentBytes: 307,
			InFlight: 308, Parallel: 309, FailureStore: 310, Plain: 311, LastAck: start.Add(2 * time.Minute), LastStep: start.Add(3 * time.Minute), NextRetry: start.Add(4 * time.Minute), BackendUp: true},
		Letters:   Letters{Refused: 701, Held: 702, Resent: 703, Bytes: 704, MaxBytes: 705},
		Metadata:  Metadata{Asked: true, Pods: 801, Error: "no answer"},
		Account:   Account{Known: 601, Read: 602, Unread: 603, LostUnread: 604, Acked: 605, Waiting: 606, DeadLetters: 607, LostRead: 608, Excluded: 609},
		Lost:      map[string]int64{"truncated": 401, "dropped": 402},
		Files:     []File{{Path: "/a", Lag: 7}, {Path: "/b", Lag: 5, Error: "permission denied"}, {Path: "/a", Lag: 2}, {Path: "/c"}},
		FileCount: 501,
		Problems:  []Problem{{Severity: "stuck", What: "x"}, {Severity: "warning", What: "y"}, {Severity: "warning", What: "z"}},
	}
}

// said is an agent that says s, and has a History of two Samples.
func said(s Status, live, ready error) Agent {
	h := &History{}
	for i := range int64(2) {
		n := i + 1
		h.Add(Sample{Time: start.Add(time.Duration(i) * SampleEvery), Written: n * 10, Read: n * 11, Acked: n * 12, Unread: n * 13, WAL: n * 14, Room: n * 15, Age: n * 16, Up: n == 1, Blocked: n == 2})
	}
	return Agent{Status: func() Status { return s }, Files: func() []File { return s.Files }, History: h,
		Live: func() error { return live }, Ready: func() error { return ready },
		Settings: func() any { return []string{"a setting"} }, Losses: ledgerOf(250, nil),
		Letters: func(n int) ([]Letter, error) {
			return []Letter{{Line: "a line of somebody", Reason: "mapper says"}}, nil
		}}
}

// A node on which nobody writes a line has asked its backend for nothing, and must not ring for that all day.
func TestABackendThatWasNotAskedIsNotDown(t *testing.T) {
	for want, d := range map[string]Delivery{"1": {}, "0": {LastError: "connection refused"}} {
		_, body, _ := serve(t, Status{Delivery: d}, nil, nil)("/metrics")
		if !strings.Contains(body, "\nlogboom_backend_up "+want+"\n") {
			t.Errorf("%+v: want logboom_backend_up %s", d, want)
		}
	}
}

// However many ask at a time, what is made for them is made once at a time: memory is bounded.
func TestStatusIsMadeOneByOne(t *testing.T) {
	var now, most atomic.Int32
	a := said(busy(), nil, nil)
	a.Status = func() Status {
		n := now.Add(1)
		defer now.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		time.Sleep(time.Millisecond)
		return busy()
	}
	h := Handler(a)
	var asked sync.WaitGroup
	for _, path := range []string{"/api/v1/status", "/metrics", "/readyz"} {
		for range 10 {
			asked.Go(func() { h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil)) })
		}
	}
	asked.Wait()
	if most.Load() != 1 {
		t.Errorf("%d at a time", most.Load())
	}
}

// serve returns a server of s, and a function that gets a path from it.
func serve(t *testing.T, s Status, live, ready error) func(path string) (int, string, http.Header) {
	t.Helper()
	server := httptest.NewServer(Handler(said(s, live, ready)))
	t.Cleanup(server.Close)
	return func(path string) (int, string, http.Header) {
		t.Helper()
		resp, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body), resp.Header
	}
}

func TestABackendThatIsDownDoesNotMakeThePodUnready(t *testing.T) {
	stuck, unready := errors.New("the intake loop has not turned for 2m0s"), errors.New("the log folders have not been looked at yet")
	for name, c := range map[string]struct {
		d           Delivery
		live, ready error
		path        string
		code        int
		body        string
	}{
		"live":            {path: "/healthz", code: 200, body: "ok\n"},
		"stuck":           {live: stuck, path: "/healthz", code: 503, body: "not ok: the intake loop has not turned for 2m0s\n"},
		"unready is live": {ready: unready, path: "/healthz", code: 200, body: "ok\n"},
		"ready":           {d: Delivery{BackendUp: true}, path: "/readyz", code: 200, body: "ok\nbackend: reachable\n"},
		"just started":    {path: "/readyz", code: 200, body: "ok\nbackend: not tried yet\n"},
		"backend down": {d: Delivery{LastError: "http://es:9200: connection refused"}, path: "/readyz", code: 200,
			body: "ok\nbackend: unreachable: http://es:9200: connection refused\n"},
		"backend refuses": {d: Delivery{BackendUp: true, LastError: "index logs: closed"}, path: "/readyz", code: 200,
			body: "ok\nbackend: reachable, but: index logs: closed\n"},
		"unready": {ready: unready, path: "/readyz", code: 503, body: "not ok: the log folders have not been looked at yet\nbackend: not tried yet\n"},
	} {
		t.Run(name, func(t *testing.T) {
			code, body, _ := serve(t, Status{Delivery: c.d}, c.live, c.ready)(c.path)
			if code != c.code || body != c.body {
				t.Errorf("%d %q; want %d %q", code, body, c.code, c.body)
			}
		})
	}
}

func TestMetricsSayWhatTheStatusSays(t *testing.T) {
	_, body, _ := serve(t, busy(), nil, nil)("/metrics")
	for name, want := range map[string]string{
		"start_time_seconds": fmt.Sprintf("%g", float64(start.Unix())),
		"read_bytes_total":   "101", "records_total": "102", "pinned_bytes": "103", "pinned_max_bytes": "110", "open_files": "104", "unread_bytes": "105", "refused_links_total": "106",
		`intake_blocked_by{reason="min_free"}`: "1", `intake_blocked_by{reason="wal_full"}`: "0", "waiting_pods": "107",
		"intake_blocked": "1", "pins_enabled": "1", "intake_last_step_timestamp_seconds": fmt.Sprintf("%g", float64(start.Unix()+60)),
		"wal_bytes": "201", "wal_max_bytes": "202", "wal_segments": "203", "wal_room_bytes": "209", "wal_appended_index": "204", "wal_durable_index": "205",
		"wal_written_bytes_total": "206", "wal_syncs_total": "207", "wal_failures_total": "208", "wal_oldest_age_seconds": "60",
		"acked_index": "301", "delivered_events_total": "302", "duplicate_events_total": "303", "dead_letter_events_total": "304",
		"acked_bytes_total": "305", "bulk_retries_total": "306", "sent_bytes_total": "307", "requests_in_flight": "308", "requests_limit": "309",
		"pods": "801", "kubernetes_api_up": "0",
		"failure_store_events_total": "310", "plain_events_total": "311", "backend_up": "1",
		"refused_events": "701", "held_events": "702", "resent_events_total": "703", "dead_letter_store_bytes": "704", "dead_letter_store_max_bytes": "705",
		"last_ack_timestamp_seconds":           fmt.Sprintf("%g", float64(start.Unix()+120)),
		"delivery_last_step_timestamp_seconds": fmt.Sprintf("%g", float64(start.Unix()+180)),
		"files":                                "501", "unreadable_files": "1",
		`build_info{version="1.2.3"}`:          "1",
		`lost_bytes_total{reason="truncated"}`: "401",
		`lost_bytes_total{reason="dropped"}`:   "402",
		`lost_bytes_total{reason="damaged"}`:   "0",
		`lost_bytes_total{reason="deleted"}`:   "0",
		`content_bytes{place="unread"}`:        "603", `content_bytes{place="lost_unread"}`: "604", `content_bytes{place="acked"}`: "605",
		`content_bytes{place="waiting"}`: "606", `content_bytes{place="dead_letter"}`: "607", `content_bytes{place="lost_read"}`: "608", `content_bytes{place="excluded"}`: "609",
		`file_lag_bytes{path="/a"}`:    "9",
		`file_lag_bytes{path="/b"}`:    "5",
		`problems{severity="loss"}`:    "0",
		`problems{severity="stuck"}`:   "1",
		`problems{severity="warning"}`: "2",
		`file_lag_bytes{path="/c"}`:    "",
	} {
		found := regexp.MustCompile(`(?m)^logboom_` + regexp.QuoteMeta(name) + ` (.*)$`).FindStringSubmatch(body)
		if got := strings.Join(found[min(1, len(found)):], ""); got != want {
			t.Errorf("logboom_%s is %q; want %q", name, got, want)
		}
	}
	if n := len(plain); n+6 != strings.Count(body, "# TYPE logboom_") {
		t.Errorf("%d plain metrics, %d described", n, strings.Count(body, "# TYPE logboom_"))
	}
	for _, standard := range []string{"go_goroutines ", "process_resident_memory_bytes "} {
		if !strings.Contains(body, "\n"+standard) {
			t.Errorf("no %s", standard)
		}
	}
}

func TestMetricsKeepPrometheusConventions(t *testing.T) {
	for _, s := range []Status{busy(), {}} {
		problems, err := testutil.CollectAndLint(&collector{func() Status { return s }})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

// Names of files are any bytes and as many as there are: a scrape must work all the same, and stay small.
func TestFileLagIsBoundedAndTakesAnyPath(t *testing.T) {
	s := Status{Version: "\xff"}
	for i := range 1000 {
		s.Files = append(s.Files, File{Path: fmt.Sprintf("/var/log/%d\xff\n\"", i), Lag: int64(1000 - i)})
	}
	code, body, _ := serve(t, s, nil, nil)("/metrics")
	if n := strings.Count(body, "\nlogboom_file_lag_bytes{"); code != 200 || n != maxLagging {
		t.Errorf("%d, %d series: %.300s", code, n, body)
	}
	if !strings.Contains(body, `/0?\n\""} 1000`) || !strings.Contains(body, `/19?\n\""} 981`) {
		t.Errorf("not the worst")
	}
}

func TestStatusIsJSONWithListsNeverNull(t *testing.T) {
	for _, s := range []Status{busy(), {}} {
		code, body, h := serve(t, s, nil, nil)("/api/v1/status")
		if code != 200 || h.Get("Content-Type") != "application/json" || strings.Contains(body, `"files":null`) || strings.Contains(body, `"problems":null`) {
			t.Errorf("%d %s %s", code, h, body)
		}
		var got Status
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatal(err)
		}
		if s.Files == nil {
			s.Files, s.Problems = []File{}, []Problem{}
		}
		if diff := cmp.Diff(s, got); diff != "" {
			t.Error(diff)
		}
	}
}

// What the page needs is there, and it loads nothing from elsewhere. Package browser looks at it as a person does.
func TestThePageIsWholeAndLoadsNothingFromElsewhere(t *testing.T) {
	get := serve(t, busy(), nil, nil)
	scripts, kinds := "", map[string]string{"/": "text/html", "/page.css": "text/css", "/uplot/uPlot.iife.min.js": "text/javascript", "/uplot/uPlot.min.css": "text/css", "/uplot/LICENSE": "text/plain"}
	for _, name := range []string{"page", "words", "charts", "files", "details"} {
		kinds["/"+name+".js"] = "text/javascript"
	}
	for path, kind := range kinds {
		code, body, h := get(path)
		if code != 200 || !strings.HasPrefix(h.Get("Content-Type"), kind) {
			t.Errorf("%s: %d %s", path, code, h.Get("Content-Type"))
		}
		if !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: %v", path, h)
		}
		if strings.HasPrefix(path, "/uplot/") {
			continue // not ours: package browser sees what it does
		}
		if regexp.MustCompile(`(https?:)?//[a-z0-9.-]+\.[a-z]`).MatchString(body) {
			t.Errorf("%s names another host", path)
		}
		for _, unsafe := range []string{"innerHTML", "onclick=", "style="} {
			if strings.Contains(body, unsafe) {
				t.Errorf("%s uses %s", path, unsafe)
			}
		}
		if kind == "text/javascript" {
			scripts += body
		}
	}
	if code, _, _ := get("/secret"); code != 404 {
		t.Errorf("unknown path: %d", code)
	}
	_, html, _ := get("/") // every id that a script fills stands in the page
	for _, m := range regexp.MustCompile(`(?:^|[^.\w])(?:at|set|fill)\("([\w-]+)"[,)]`).FindAllStringSubmatch(scripts, -1) {
		if !strings.Contains(html, fmt.Sprintf(`id="%s"`, m[1])) {
			t.Errorf("the page has no id %s", m[1])
		}
	}
}

func TestNothingCanBeChanged(t *testing.T) {
	server := httptest.NewServer(Handler(said(busy(), nil, nil)))
	defer server.Close()
	for _, path := range []string{"/", "/healthz", "/readyz", "/api/v1/status", "/page.js"} {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch} {
			req, err := http.NewRequest(method, server.URL+path, strings.NewReader("x"))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %d", method, path, resp.StatusCode)
			}
		}
	}
}
