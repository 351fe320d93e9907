package main

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// backend stores what it is sent, as far as accept lets it.
type backend struct {
	url string

	mu      sync.Mutex                          // guards all below
	docs    map[string]string                   // by index and _id
	order   []string                            // of the documents, as they came
	twice   int                                 // creates of what was there
	accept  func(index, document string) string // "" or the item that is answered instead; nil: all is taken
	stopped bool                                // every request gets a 503

	turns chan struct{} // each bulk request takes one, and waits for it; nil: none has to. Set before the first request
}

func newBackend(t *testing.T) *backend {
	b := &backend{docs: map[string]string{}}
	s := httptest.NewServer(b)
	t.Cleanup(s.Close)
	b.url = s.URL
	return b
}

func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	index, bulk := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/"), "/_bulk")
	if bulk && b.turns != nil {
		<-b.turns
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case b.stopped:
		w.WriteHeader(http.StatusServiceUnavailable)
	case !bulk:
		w.WriteHeader(http.StatusNotFound)
	default:
		body := io.Reader(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			body, _ = gzip.NewReader(r.Body)
		}
		items, failed := b.bulk(index, body)
		fmt.Fprintf(w, `{"errors":%v,"items":[%s]}`, failed, strings.Join(items, ","))
	}
}

func (b *backend) bulk(byURL string, body io.Reader) (items []string, failed bool) {
	for lines := bufio.NewReader(body); ; {
		action, err := lines.ReadString('\n')
		if err != nil {
			return items, failed
		}
		document, _ := lines.ReadString('\n')
		var a struct {
			Create struct {
				ID    string `json:"_id"`
				Index string `json:"_index"`
			}
		}
		json.Unmarshal([]byte(action), &a)
		index := a.Create.Index
		if index == "" {
			index = byURL
		}
		item := b.create(index, a.Create.ID, document)
		failed = failed || !strings.Contains(item, "201")
		items = append(items, `{"create":`+item+`}`)
	}
}

func (b *backend) create(index, id, document string) string {
	key := index + "/" + id
	if _, known := b.docs[key]; known {
		b.twice++
		return `{"status":409,"error":{"type":"version_conflict_engine_exception","reason":"it exists"}}`
	}
	if b.accept != nil {
		if refusal := b.accept(index, document); refusal != "" {
			return refusal
		}
	}
	b.docs[key] = document
	b.order = append(b.order, fmt.Sprintf(`{"_index":%q,"_id":%q,"_source":%s}`, index, id, strings.TrimSuffix(document, "\n")))
	return `{"status":201}`
}

// stored is what came, in its order.
func (b *backend) stored() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string{}, b.order...)
}

func (b *backend) set(change func(*backend)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(b)
}
