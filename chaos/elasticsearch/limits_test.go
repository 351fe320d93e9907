package elasticsearch

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestItemsComeInOrder sends new, known and malformed documents to several indices, shuffled.
func TestItemsComeInOrder(t *testing.T) {
	s := client{t, Start(t)}
	indices := []string{"order-1", "order-2", "order-3"}
	for _, index := range indices {
		s.create(index, "")
		s.must("PUT", "/"+index+"/_create/known", `{}`)
	}
	var body strings.Builder
	var want []string
	for i := range 1000 {
		index := indices[rand.IntN(len(indices))]
		switch rand.IntN(3) {
		case 0:
			body.WriteString(line(index, fmt.Sprint(i)))
			want = append(want, stored)
		case 1:
			body.WriteString(line(index, "known"))
			want = append(want, duplicate)
		case 2:
			body.WriteString(doc(index, fmt.Sprint(i), `{"@timestamp":"no time"}`))
			want = append(want, malformed)
		}
	}
	if got := s.bulk("", body.String()).outcomes(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestFilterPathKeepsPositions pins the smallest answer that still tells each document's outcome.
func TestFilterPathKeepsPositions(t *testing.T) {
	s := client{t, Start(t)}
	s.create("filtered", "")
	s.bulk("", line("filtered", "1"))
	for query, want := range map[string]string{
		"?filter_path=errors,items.*.status,items.*.error.type": `{"errors":true,"items":[{"create":{"status":409,` +
			`"error":{"type":"version_conflict_engine_exception"}}},{"create":{"status":201}}]}`,
		"?filter_path=items.*.error.type": `{"items":[{"create":{"error":{"type":"version_conflict_engine_exception"}}}]}`,
	} {
		id := fmt.Sprint(len(query))
		if got := string(s.bulk(query, line("filtered", "1")+line("filtered", id)).body); got != want {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
}

// TestNanosecondsAreKept reads the time as stored and as sorted by.
func TestNanosecondsAreKept(t *testing.T) {
	s := client{t, Start(t)}
	s.create("nanos", "")
	times := []string{"2026-01-02T03:04:05.123456789Z", "2026-01-02T03:04:05.123456788Z", "2026-01-02T03:04:05.12345679Z"}
	var body strings.Builder
	for i, at := range times {
		body.WriteString(doc("nanos", fmt.Sprint(i), `{"@timestamp":"`+at+`"}`))
	}
	s.bulk("?refresh=true", body.String())
	found := s.must("POST", "/nanos/_search?sort=@timestamp",
		`{"docvalue_fields":[{"field":"@timestamp","format":"strict_date_optional_time_nanos"}]}`)
	var answer struct {
		Hits struct {
			Hits []struct {
				ID     string `json:"_id"`
				Fields map[string][]string
			}
		}
	}
	if err := json.Unmarshal(found.body, &answer); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, hit := range answer.Hits.Hits {
		got = append(got, hit.ID+" "+hit.Fields["@timestamp"][0])
	}
	want := []string{"1 " + times[1], "0 " + times[0], "2 " + times[2]}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestRolloverForgetsIDs shows the hole in data streams: the same id is stored again behind a rollover, and only a look
// into the older backing index, which needs no refresh, finds it.
func TestRolloverForgetsIDs(t *testing.T) {
	s := client{t, Start(t)}
	s.stream("logs-rollover-a")
	first := s.bulk("", line("logs-rollover-a", "1")).items[0].Index
	if got := s.bulk("", line("logs-rollover-a", "1")).outcomes(); !slices.Equal(got, []string{duplicate}) {
		t.Errorf("before the rollover: got %q, want %q", got, duplicate)
	}
	s.must("POST", "/logs-rollover-a/_rollover", "")
	if got := s.bulk("", line("logs-rollover-a", "1")).outcomes(); !slices.Equal(got, []string{stored}) {
		t.Errorf("behind the rollover: got %q, want %q", got, stored)
	}
	got := string(s.must("POST", "/"+first+"/_mget?_source=false&filter_path=docs._id,docs.found", `{"ids":["1","2"]}`).body)
	if want := `{"docs":[{"_id":"1","found":true},{"_id":"2","found":false}]}`; got != want {
		t.Errorf("_mget: got %s, want %s", got, want)
	}
}

// TestLimitsRefuseTheWholeRequest uses a node of its own, with limits that small requests reach.
func TestLimitsRefuseTheWholeRequest(t *testing.T) {
	Start(t)
	n := &node{}
	t.Cleanup(func() {
		n.kill(t)
		if err := os.RemoveAll(n.dir); err != nil {
			t.Error(err)
		}
	})
	s := client{t, n.start(t, "http.max_content_length=64kb", "indexing_pressure.memory.limit=1kb")}

	large := strings.Repeat(line("large", "1"), 1000)
	if len(compress(t, large)) > 64<<10 {
		t.Fatal("the compressed body is over the limit too")
	}
	for name, header := range map[string]http.Header{"plain": {}, "gzip": gzipped} {
		body := []byte(large)
		if name == "gzip" {
			body = compress(t, large)
		}
		if a := s.do("POST", "/_bulk", header, body); a.status != http.StatusRequestEntityTooLarge || len(a.body) > 0 {
			t.Errorf("%s body over http.max_content_length: got %d %s, want 413 and no text", name, a.status, a.body)
		}
	}
	a := s.bulk("", strings.Repeat(line("pressed", "1"), 20))
	if a.status != http.StatusTooManyRequests || !strings.Contains(string(a.body), "rejected_execution_exception") {
		t.Errorf("over the indexing pressure: got %d %s, want 429 for the whole request", a.status, a.body)
	}
}
