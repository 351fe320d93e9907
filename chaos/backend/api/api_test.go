package api

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"logboom/chaos/backend/store"
)

const ndjson = "application/x-ndjson"

// serve starts a server on a store of its own and returns its address.
func serve(t *testing.T) string {
	t.Helper()
	st, err := store.Open(t.TempDir(), t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(New(st))
	t.Cleanup(func() { server.Close(); st.Close() })
	return server.URL
}

// call sends a request and returns status and body.
func call(t *testing.T, method, url, contentType, body string) (int, string) {
	t.Helper()
	status, text, err := try(method, url, contentType, body)
	if err != nil {
		t.Fatal(err)
	}
	return status, text
}

func try(method, url, contentType, body string) (int, string, error) {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(data), err
}

func docs(ids ...string) string {
	var b strings.Builder
	for _, id := range ids {
		fmt.Fprintf(&b, "{\"create\":{\"_index\":\"logs\",\"_id\":%q}}\n{\"id\":%[1]q}\n", id)
	}
	return b.String()
}

func stored(t *testing.T, url string) string {
	t.Helper()
	_, body := call(t, "GET", url+"/_count?filter_path=count", "", "")
	return body
}

func TestBulkAnswersEveryItem(t *testing.T) {
	url := serve(t)
	call(t, "POST", url+"/_bulk", ndjson, docs("known"))
	for _, c := range []struct{ name, lines, want string }{
		{"create", `{"create":{"_id":"1"}}` + "\n" + `{}`, `{"create":{"status":201,"result":"created"}}`},
		{"create, id known", `{"create":{"_id":"known"}}` + "\n" + `{}`,
			`{"create":{"status":409,"error":{"type":"version_conflict_engine_exception"}}}`},
		{"index, id known", `{"index":{"_id":"known"}}` + "\n" + `{}`, `{"index":{"status":200,"result":"updated"}}`},
		{"other index", `{"create":{"_id":"1","_index":"other"}}` + "\n" + `{}`, `{"create":{"status":201,"result":"created"}}`},
		{"no id", `{"create":{}}` + "\n" + `{}`, `{"create":{"status":201,"result":"created"}}`},
		{"op_type", `{"index":{"_id":"known","op_type":"create"}}` + "\n" + `{}`,
			`{"create":{"status":409,"error":{"type":"version_conflict_engine_exception"}}}`},
		{"no JSON", `{"create":{}}` + "\n" + `{"a":`, `{"create":{"status":400,"error":{"type":"mapper_parsing_exception"}}}`},
		{"no object", `{"create":{}}` + "\n" + `"a"`, `{"create":{"status":400,"error":{"type":"mapper_parsing_exception"}}}`},
		{"no UTF-8", `{"create":{}}` + "\n" + "{\"a\":\"\xff\"}", `{"create":{"status":400,"error":{"type":"mapper_parsing_exception"}}}`},
		{"bad index", `{"create":{"_index":"Logs"}}` + "\n" + `{}`,
			`{"create":{"status":400,"error":{"type":"invalid_index_name_exception"}}}`},
		{"update", `{"update":{"_id":"known"}}` + "\n" + `{"doc":{}}`,
			`{"update":{"status":400,"error":{"type":"illegal_argument_exception"}}}`},
		{"delete unknown", `{"delete":{"_id":"nobody"}}`, `{"delete":{"status":404,"result":"not_found"}}`},
	} {
		status, body := call(t, "POST", url+"/logs/_bulk?filter_path=items.*.status,items.*.result,items.*.error.type",
			ndjson, c.lines+"\n")
		if want := `{"items":[` + c.want + `]}`; status != 200 || !sameJSON(body, want) {
			t.Errorf("%s: %d %s, want %s", c.name, status, body, want)
		}
	}
}

func sameJSON(a, b string) bool {
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		return false
	}
	return fmt.Sprint(x) == fmt.Sprint(y)
}

func TestWholeItemHasTheFieldsOfElasticsearch(t *testing.T) {
	url := serve(t)
	_, body := call(t, "POST", url+"/_bulk?filter_path=-took", ndjson, docs("a", "a"))
	want := `{"errors":true,"items":[
	 {"create":{"_index":"logs","_type":"_doc","_id":"a","_version":1,"result":"created",
	  "_shards":{"total":1,"successful":1,"failed":0},"_seq_no":0,"_primary_term":1,"status":201}},
	 {"create":{"_index":"logs","_type":"_doc","_id":"a","status":409,"error":{"type":"version_conflict_engine_exception",
	  "reason":"[a]: version conflict, document already exists (current version [1])",
	  "index_uuid":"_na_","shard":"0","index":"logs"}}}]}`
	if !sameJSON(body, want) {
		t.Errorf("got %s", body)
	}
}

func TestBrokenRequestStoresNothing(t *testing.T) {
	url := serve(t)
	long := strings.Repeat("x", maxID+1)
	for _, c := range []struct {
		name, contentType, body string
		status                  int
		text                    string
	}{
		{"empty", ndjson, "", 400, "parse_exception"},
		{"no newline at the end", ndjson, strings.TrimSuffix(docs("1", "2"), "\n"), 400, "must be terminated by a newline"},
		{"action is no object", ndjson, docs("1") + "[]\n{}\n", 400, "Malformed action/metadata line [3], expected START_OBJECT"},
		{"action is no JSON", ndjson, docs("1") + "{\"create\":\n{}\n", 400, "json_parse_exception"},
		{"unknown action", ndjson, docs("1") + "{\"upsert\":{}}\n{}\n", 400, "found [upsert]"},
		{"unknown parameter", ndjson, docs("1") + "{\"create\":{\"_foo\":1}}\n{}\n", 400, "unknown parameter [_foo]"},
		{"no index", ndjson, docs("1") + "{\"create\":{}}\n{}\n", 400, "index is missing"},
		{"long id", ndjson, docs("1", long), 400, "is too long"},
		{"text", "text/plain", docs("1"), 406, "Content-Type header [text/plain] is not supported"},
		{"no content type", "", docs("1"), 406, "Content-Type header [] is not supported"},
	} {
		status, body := call(t, "POST", url+"/_bulk", c.contentType, c.body)
		if status != c.status || !strings.Contains(body, c.text) {
			t.Errorf("%s: %d %s", c.name, status, body)
		}
	}
	if got := stored(t, url); got != `{"count":0}` {
		t.Errorf("stored %s", got)
	}
}

func zipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, text)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func bulkGzip(t *testing.T, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequest("POST", url+"/_bulk?filter_path=items.*.status,error.type", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", ndjson)
	req.Header.Set("Content-Encoding", "gzip")
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	data, _ := io.ReadAll(answer.Body)
	return answer.StatusCode, string(data)
}

func TestGzipBodiesAreDecodedUpToTheEndOfTheFirstMember(t *testing.T) {
	url := serve(t)
	if status, body := bulkGzip(t, url, zipped(t, docs("a", "b"))); status != 200 || strings.Count(body, "201") != 2 {
		t.Errorf("one member: %d %s", status, body)
	}
	if _, body := bulkGzip(t, url, zipped(t, docs("c"))+zipped(t, docs("d"))); strings.Count(body, "201") != 1 {
		t.Errorf("two members: %s", body)
	}
	whole := zipped(t, docs("e"))
	if status, body := bulkGzip(t, url, whole[:len(whole)-5]); status != 400 {
		t.Errorf("cut off: %d %s", status, body)
	}
	if got := stored(t, url); got != `{"count":3}` {
		t.Errorf("stored %s", got)
	}
}

func TestFilterPathDropsItemsThatHaveNothingLeft(t *testing.T) {
	url := serve(t)
	for _, c := range []struct{ filter, want string }{
		{"errors", `{"errors":false}`},
		{"errors,items.*.error", `{"errors":false}`},
		{"items.*.status", `{"items":[{"create":{"status":201}},{"create":{"status":201}}]}`},
		{"items.create._shards.total", `{"items":[{"create":{"_shards":{"total":1}}},{"create":{"_shards":{"total":1}}}]}`},
		{"**.status", `{"items":[{"create":{"status":201}},{"create":{"status":201}}]}`},
		{"items.*._s*,-items.*._shards,-**._seq_no,errors", `{"errors":false}`},
		{"nothing", `{}`},
	} {
		call(t, "DELETE", url+"/logs", "", "")
		if _, body := call(t, "POST", url+"/_bulk?filter_path="+c.filter, ndjson, docs("a", "b")); !sameJSON(body, c.want) {
			t.Errorf("filter_path=%s: %s, want %s", c.filter, body, c.want)
		}
	}
	_, body := call(t, "GET", url+"/logs/_search?filter_path=hits.hits._source,hits.total.value", "", "")
	if want := `{"hits":{"hits":[{"_source":{"id":"a"}},{"_source":{"id":"b"}}],"total":{"value":2}}}`; !sameJSON(body, want) {
		t.Errorf("search: %s, want %s", body, want)
	}
}

func TestScrollReadsEveryDocumentOnce(t *testing.T) {
	url := serve(t)
	for i := range 7 {
		call(t, "POST", url+"/_bulk", ndjson, strings.ReplaceAll(docs(fmt.Sprint(i)), "logs", fmt.Sprint("logs-", i%2)))
	}
	type page struct {
		ID   string `json:"_scroll_id"`
		Hits struct {
			Hits []struct {
				ID string `json:"_id"`
			}
		}
	}
	seen := map[string]int{}
	_, body := call(t, "POST", url+"/logs-*/_search?scroll=1m", "application/json", `{"size":2,"sort":["_doc"]}`)
	for range 10 {
		var p page
		if err := json.Unmarshal([]byte(body), &p); err != nil {
			t.Fatal(err)
		}
		if len(p.Hits.Hits) == 0 {
			break
		}
		for _, h := range p.Hits.Hits {
			seen[h.ID]++
		}
		_, body = call(t, "POST", url+"/_search/scroll", "application/json", fmt.Sprintf(`{"scroll":"1m","scroll_id":%q}`, p.ID))
	}
	for i := range 7 {
		if n := seen[fmt.Sprint(i)]; n != 1 {
			t.Errorf("document %d came %d times", i, n)
		}
	}
	if status, body := call(t, "POST", url+"/_search/scroll", "application/json", `{"scroll_id":"gone"}`); status != 404 {
		t.Errorf("unknown scroll: %d %s", status, body)
	}
}

func TestEndpointsAnswerLikeElasticsearch(t *testing.T) {
	url := serve(t)
	call(t, "POST", url+"/_bulk", ndjson, docs("a"))
	for _, c := range []struct {
		method, path, body string
		status             int
		text               string
	}{
		{"GET", "/", "", 200, `"number":"7.17.`},
		{"HEAD", "/", "", 200, ""},
		{"POST", "/", "", 405, "Incorrect HTTP method"},
		{"GET", "/_cluster/health", "", 200, `"status":"green"`},
		{"GET", "/logs/_count", "", 200, `"count":1`},
		{"GET", "/nobody/_count", "", 404, "index_not_found_exception"},
		{"GET", "/nobody-*/_count", "", 200, `"count":0`},
		{"POST", "/logs/_refresh", "", 200, `"successful":1`},
		{"GET", "/logs/_settings/index.creation_date", "", 200, `{"logs":{"settings":{"index":{"creation_date":"0"}}}}`},
		{"GET", "/nobody/_settings/index.creation_date", "", 404, "index_not_found_exception"},
		{"GET", "/logs/_doc/a", "", 200, `"_source":{"id":"a"}`},
		{"GET", "/logs/_doc/b", "", 404, `"found":false`},
		{"HEAD", "/logs/_doc/b", "", 404, ""},
		{"GET", "/nobody/_doc/b", "", 404, "index_not_found_exception"},
		{"POST", "/logs/_mget", `{"ids":["a","b"]}`, 200, `"found":false`},
		{"GET", "/logs/_search?size=10001", "", 400, "Result window is too large"},
		{"GET", "/logs/_search", `{"query":{"term":{"a":1}}}`, 400, "match_all"},
		{"GET", "/_cat/indices?format=json", "", 200, `"docs.count":"1"`},
		{"HEAD", "/logs", "", 200, ""},
		{"HEAD", "/nobody", "", 404, ""},
		{"PUT", "/logs", "", 400, "resource_already_exists_exception"},
		{"PUT", "/new", "", 200, `"acknowledged":true`},
		{"GET", "/_nonsense", "", 400, "no handler found for uri [/_nonsense] and method [GET]"},
		{"DELETE", "/logs", "", 200, `"acknowledged":true`},
		{"DELETE", "/logs", "", 404, "index_not_found_exception"},
	} {
		contentType := ""
		if c.body != "" {
			contentType = "application/json"
		}
		status, body := call(t, c.method, url+c.path, contentType, c.body)
		if status != c.status || !strings.Contains(body, c.text) {
			t.Errorf("%s %s: %d %s, want %d and %q", c.method, c.path, status, body, c.status, c.text)
		}
	}
}

func TestCountOnlyCountsWithoutParsing(t *testing.T) {
	server := httptest.NewServer(New(nil))
	t.Cleanup(server.Close)
	body := zipped(t, docs("a", "b", "c"))
	if _, answer := bulkGzip(t, server.URL, body); !sameJSON(answer,
		`{"items":[{"create":{"status":201}},{"create":{"status":201}},{"create":{"status":201}}]}`) {
		t.Errorf("answer %s", answer)
	}
	_, answer := call(t, "POST", server.URL+"/logs/_bulk", ndjson, "{\"index\":{}}\n{}\n")
	if !strings.Contains(answer, `{"index":{`) || !strings.Contains(answer, `"status":201`) {
		t.Errorf("answer %s", answer)
	}
	_, answer = call(t, "GET", server.URL+"/_stats/bench", "", "")
	want := fmt.Sprintf(`{"docs":4,"bodies":2,"wire_bytes":%d,"body_bytes":%d}`, len(body)+16, len(docs("a", "b", "c"))+16)
	if !sameJSON(answer, want) {
		t.Errorf("stats %s, want %s", answer, want)
	}
}
