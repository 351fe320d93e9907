package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"logboom/chaos/manifest"
)

// Account is what became of the lines that were written.
type Account struct {
	Written int64 `json:"written"`
	Stored  int64 `json:"stored"`  // lines that are in at least one document
	Missing int64 `json:"missing"` // in none
	Double  int64 `json:"double"`  // documents beyond the first of a line
	Damaged int64 `json:"damaged"` // documents that hold other bytes than were written, or belong to no line
}

// account reads all documents of the backend and holds them against the manifest. Each forwarder has its own names of fields, so any text in
// a document that names a line counts; chaos/oracle is stricter, and what it checks of the agent besides is no matter here.
func account(ctx context.Context, addr string, m manifest.Manifest) (*Account, error) {
	a := &Account{Written: m.Lines()}
	seen := make(map[string][]uint32, len(m))
	for stream, sums := range m {
		seen[stream] = make([]uint32, len(sums))
	}
	err := eachDocument(ctx, addr, func(source any) {
		text := lineIn(source)
		stream, n, ok := manifest.ParsePrefix([]byte(text))
		counts := seen[string(stream)]
		if !ok || n >= int64(len(counts)) || manifest.SumOf([]byte(text)) != m[string(stream)][n] {
			a.Damaged++
			return
		}
		if counts[n]++; counts[n] > 1 {
			a.Double++
		}
	})
	if err != nil {
		return nil, err
	}
	for _, counts := range seen {
		for _, n := range counts {
			if n > 0 {
				a.Stored++
			}
		}
	}
	a.Missing = a.Written - a.Stored
	return a, nil
}

// lineIn returns the text in a document that names its line, from that name on, or "".
func lineIn(v any) string {
	switch v := v.(type) {
	case string:
		if at := strings.Index(v, "seq="); at >= 0 {
			return v[at:]
		}
	case map[string]any:
		for _, value := range v {
			if text := lineIn(value); text != "" {
				return text
			}
		}
	}
	return ""
}

// eachDocument reads every document of the backend with a scroll.
func eachDocument(ctx context.Context, addr string, fn func(source any)) error {
	url, body := "http://"+addr+"/_all/_search?scroll=1m", `{"size":5000}`
	for {
		var page struct {
			Scroll string `json:"_scroll_id"`
			Hits   struct {
				Hits []struct {
					Source any `json:"_source"`
				} `json:"hits"`
			} `json:"hits"`
		}
		if err := postJSON(ctx, url, body, &page); err != nil {
			return err
		}
		if len(page.Hits.Hits) == 0 {
			return nil
		}
		for i := range page.Hits.Hits {
			fn(page.Hits.Hits[i].Source)
		}
		url, body = "http://"+addr+"/_search/scroll", fmt.Sprintf(`{"scroll":"1m","scroll_id":%q}`, page.Scroll)
	}
}

func postJSON(ctx context.Context, url, body string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s", url, answer.Status, bytes.TrimSpace(data[:min(len(data), 300)]))
	}
	return json.Unmarshal(data, into)
}
