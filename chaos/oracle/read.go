package oracle

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// pageSize is how many documents a request reads.
const pageSize = 1000

// document is one hit of a search.
type document struct {
	Index  string `json:"_index"`
	ID     string `json:"_id"`
	Source source `json:"_source"`
}

// source is what the oracle looks at in a document. Names with dots may come as objects or as they are.
type source struct {
	Message string `json:"message"`
	Time    string `json:"@timestamp"`
	Event   struct {
		Sequence int64  `json:"sequence"`
		Original string `json:"original"` // base64 of a message that is not UTF-8
	} `json:"event"`
	Sequence int64  `json:"event.sequence"`
	Original string `json:"event.original"`
}

func (s *source) sequence() int64  { return s.Event.Sequence + s.Sequence }
func (s *source) original() string { return s.Event.Original + s.Original }

type page struct {
	ScrollID string `json:"_scroll_id"`
	TimedOut bool   `json:"timed_out"`
	Shards   struct {
		Failed int `json:"failed"`
	} `json:"_shards"`
	Hits struct {
		Hits []document `json:"hits"`
	} `json:"hits"`
}

// readAll calls fn for every document of index.
func readAll(ctx context.Context, client *http.Client, url, index string, fn func(d *document)) error {
	url = strings.TrimRight(url, "/")
	if _, err := post(ctx, client, url+"/"+index+"/_refresh", ""); err != nil {
		return fmt.Errorf("refresh %s: %w", index, err)
	}
	first := fmt.Sprintf(`{"size":%d,"sort":["_doc"],"query":{"match_all":{}}}`, pageSize)
	p, err := post(ctx, client, url+"/"+index+"/_search?scroll=2m", first)
	for err == nil && len(p.Hits.Hits) > 0 {
		for i := range p.Hits.Hits {
			fn(&p.Hits.Hits[i])
		}
		next := fmt.Sprintf(`{"scroll":"2m","scroll_id":%q}`, p.ScrollID)
		p, err = post(ctx, client, url+"/_search/scroll", next)
	}
	if err != nil {
		return fmt.Errorf("read %s back: %w", index, err)
	}
	return clearScroll(ctx, client, url, p.ScrollID)
}

func post(ctx context.Context, client *http.Client, url, body string) (*page, error) {
	data, err := do(ctx, client, http.MethodPost, url, body)
	if err != nil {
		return nil, err
	}
	var p page
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, fmt.Errorf("answer of %s: %w", url, err)
	}
	if p.TimedOut || p.Shards.Failed > 0 {
		return nil, fmt.Errorf("answer of %s is not complete: timed out %v, %d shards failed", url, p.TimedOut, p.Shards.Failed)
	}
	return &p, nil
}

func clearScroll(ctx context.Context, client *http.Client, url, id string) error {
	_, err := do(ctx, client, http.MethodDelete, url+"/_search/scroll", fmt.Sprintf(`{"scroll_id":%q}`, id))
	return err
}

func do(ctx context.Context, client *http.Client, method, url, body string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	answer, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s %s: %s: %s", method, url, answer.Status, bytes.TrimSpace(data[:min(len(data), 300)]))
	}
	return data, nil
}
