package elasticsearch

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// answer is what the server said: of a bulk request, or of any other in err.
type answer struct {
	status int // HTTP
	body   []byte
	items  []item
}

// item is the outcome of one document.
type item struct {
	Index  string `json:"_index"`
	Status int
	Error  struct{ Type, Reason string }
}

// client talks to a node by plain HTTP, with no client library between.
type client struct {
	testing.TB
	url string
}

// do sends a request, body as it is, and returns whatever came back.
func (s client) do(method, path string, header http.Header, body []byte) answer {
	s.Helper()
	req, err := http.NewRequest(method, s.url+path, bytes.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for key := range header {
		req.Header.Set(key, header.Get(key))
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode}
	if a.body, err = io.ReadAll(resp.Body); err != nil {
		s.Fatal(err)
	}
	var bulk struct{ Items []map[string]json.RawMessage }
	if json.Unmarshal(a.body, &bulk) != nil {
		return a
	}
	for _, actions := range bulk.Items {
		for _, raw := range actions {
			var it item
			if err := json.Unmarshal(raw, &it); err != nil {
				s.Fatalf("item %s: %v", raw, err)
			}
			a.items = append(a.items, it)
		}
	}
	return a
}

// must is do for requests of a test's own setting-up, which may not fail.
func (s client) must(method, path, body string) answer {
	s.Helper()
	a := s.do(method, path, nil, []byte(body))
	if a.status >= 300 {
		s.Fatalf("%s %s: %d %s", method, path, a.status, a.body)
	}
	return a
}

// create makes an index whose @timestamp keeps nanoseconds.
func (s client) create(index, settings string) {
	s.Helper()
	s.must("PUT", "/"+index, `{"settings":{"number_of_replicas":0`+settings+`},"mappings":{"properties":{"@timestamp":{"type":"date_nanos"}}}}`)
}

// bulk sends a bulk request.
func (s client) bulk(query, body string) answer {
	s.Helper()
	return s.do("POST", "/_bulk"+query, nil, []byte(body))
}

// doc is one document of a bulk body, with the operation create.
func doc(index, id, source string) string {
	return fmt.Sprintf("{\"create\":{\"_index\":%q,\"_id\":%q}}\n%s\n", index, id, source)
}

// line is a document as simple as they get.
func line(index, id string) string {
	return doc(index, id, `{"@timestamp":"2026-01-02T03:04:05.123456789Z","message":"m"}`)
}

func compress(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.Copy(w, strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
