package oracle

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"logboom/chaos/backend/api"
	"logboom/chaos/backend/store"
	"logboom/chaos/manifest"
)

func message(n int) string { return fmt.Sprintf("seq=pod/c/0/out/%d text %d", n, n) }

// written is the manifest of messages 0 to n-1.
func written(n int) manifest.Manifest {
	m := manifest.Manifest{}
	for i := range n {
		m["pod/c/0/out"] = append(m["pod/c/0/out"], manifest.SumOf([]byte(message(i))))
	}
	return m
}

// doc is a document as the agent would store it.
func doc(n int, text string) map[string]any {
	return map[string]any{
		"@timestamp": fmt.Sprintf("2026-11-22T16:00:%02d.5Z", n/2), // two messages share a time
		"message":    text, "event": map[string]any{"sequence": n},
	}
}

// check stores the documents in a backend of its own and compares them with five messages.
func check(t *testing.T, docs []map[string]any) *Report {
	t.Helper()
	st, err := store.Open(t.TempDir(), t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api.New(st))
	t.Cleanup(func() { server.Close(); st.Close() })
	body := bytes.NewBufferString("{\"delete\":{\"_id\":\"nobody\"}}\n")
	for _, d := range docs {
		text, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(body, "{\"create\":{}}\n%s\n", text)
	}
	answer, err := http.Post(server.URL+"/logs/_bulk", "application/x-ndjson", body)
	if err != nil || answer.StatusCode != 200 {
		t.Fatal(err, answer)
	}
	answer.Body.Close()
	r, err := Check(t.Context(), http.DefaultClient, server.URL, "logs", written(5))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEveryKindOfDifferenceIsFound(t *testing.T) {
	all := func() (list []map[string]any) {
		for i := range 5 {
			list = append(list, doc(i, message(i)))
		}
		return list
	}
	with := func(i int, key string, v any) []map[string]any {
		list := all()
		list[i][key] = v
		return list
	}
	for _, c := range []struct {
		name string
		docs []map[string]any
		want string // stored, duplicates, missing, wrong, foreign, disordered
	}{
		{"all", all(), "5 0 0 0 0 0"},
		{"none", nil, "0 0 5 0 0 0"},
		{"one missing", all()[1:], "4 0 1 0 0 0"},
		{"one twice", append(all(), doc(2, message(2))), "6 1 0 0 0 0"},
		{"one twice, one missing", append(all()[1:], doc(2, message(2))), "5 1 1 0 0 0"},
		{"other bytes", with(3, "message", message(3)+"!"), "5 0 1 1 0 0"},
		{"cut short", with(3, "message", strings.TrimSuffix(message(3), " 3")), "5 0 1 1 0 0"},
		{"no time", with(3, "@timestamp", ""), "5 0 1 1 0 0"},
		{"foreign", append(all(), doc(5, "hello")), "6 0 0 0 1 0"},
		{"never written", append(all(), doc(5, message(5))), "6 0 0 0 1 0"},
		{"wrong sequence", with(1, "event", map[string]any{"sequence": 0}), "5 0 0 0 0 1"},
		{"wrong time", with(2, "@timestamp", "2026-11-22T15:00:00Z"), "5 0 0 0 0 1"},
		{"base64 of the original", with(1, "event", map[string]any{
			"sequence": 1, "original": base64.StdEncoding.EncodeToString([]byte(message(1))),
		}), "5 0 0 0 0 0"},
		{"wrong original", with(1, "event", map[string]any{
			"sequence": 1, "original": base64.StdEncoding.EncodeToString([]byte(message(1) + "!")),
		}), "5 0 1 1 0 0"},
	} {
		r := check(t, c.docs)
		got := fmt.Sprint(r.Stored, r.Duplicates, r.Missing, r.Wrong, r.Foreign, r.Disordered)
		if got != c.want || r.OK() != (c.want == "5 0 0 0 0 0") {
			t.Errorf("%s: stored, duplicates, missing, wrong, foreign, disordered = %s, OK %v; want %s", c.name, got, r.OK(), c.want)
		}
	}
}

func TestMissingMessagesAreNamedAsRanges(t *testing.T) {
	r := check(t, []map[string]any{doc(0, message(0)), doc(3, message(3))})
	if got := fmt.Sprint(r.MissingAt); got != "[{pod/c/0/out 1 2} {pod/c/0/out 4 4}]" {
		t.Errorf("missing at %s", got)
	}
	var out bytes.Buffer
	r.Print(&out)
	if !strings.Contains(out.String(), "missing: pod/c/0/out 1 to 2 (2)") {
		t.Errorf("printed:\n%s", out.String())
	}
}

func TestUnreadableServerIsNoVerdict(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	if r, err := Check(t.Context(), http.DefaultClient, server.URL, "logs", written(5)); err == nil {
		t.Errorf("a report of a server that doesn't answer: %+v", r)
	}
	for _, body := range []string{`{"timed_out":true}`, `{"_shards":{"failed":1}}`, `<html>`} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, body) }))
		t.Cleanup(server.Close)
		if r, err := Check(t.Context(), http.DefaultClient, server.URL, "logs", written(5)); err == nil {
			t.Errorf("a report of %s: %+v", body, r)
		}
	}
}

func TestCountsSayWhetherTheyBalance(t *testing.T) {
	for _, c := range []struct {
		counts Counts
		want   string
		ok     bool
	}{
		{Counts{Written: 5, Stored: 5}, "written 5 = stored 5 + listed as lost 0, duplicates 0", true},
		{Counts{Written: 5, Stored: 3, Lost: 2}, "written 5 = stored 3 + listed as lost 2, duplicates 0", true},
		{Counts{Written: 5, Stored: 4}, "written 5 ≠ stored 4 + listed as lost 0, duplicates 0", false},
		{Counts{Written: 5, Stored: 5, Duplicates: 1}, "written 5 = stored 5 + listed as lost 0, duplicates 1", false},
		{Counts{Written: 5, Stored: 5, Wrong: 1}, "written 5 = stored 5 + listed as lost 0, duplicates 0, wrong 1", false},
		{Counts{Written: 5, Stored: 5, Disordered: 1}, "written 5 = stored 5 + listed as lost 0, duplicates 0, out of order 1", false},
	} {
		if got := c.counts.String(); got != c.want || c.counts.Balanced() != c.ok {
			t.Errorf("got %q, %v; want %q, %v", got, c.counts.Balanced(), c.want, c.ok)
		}
	}
}
