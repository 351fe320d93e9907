package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"logboom/chaos/backend/store"
)

// Limits of a server that nobody configured.
const (
	maxWindow  = 10000 // from + size
	maxScrolls = 500
)

// cursor is a place in a fixed extent of some indices: what a search, and each further page of a scroll, reads from.
type cursor struct {
	mu      sync.Mutex // one page at a time
	indices []*store.Index
	ends    []int64
	at      int   // which index
	pos     int64 // where in it
	total   int64
	size    int // documents a page
	expires time.Time
}

func newCursor(found []*store.Index, size int) *cursor {
	c := &cursor{indices: found, size: size}
	for _, x := range found {
		docs, _, _ := x.Count()
		c.total += docs
		c.ends = append(c.ends, x.End())
	}
	return c
}

// next calls fn for up to n documents.
func (c *cursor) next(n int, fn func(index string, d *store.Document)) error {
	for n > 0 && c.at < len(c.indices) {
		x := c.indices[c.at]
		pos, err := x.Scan(c.pos, c.ends[c.at], func(d *store.Document) bool {
			fn(x.Name(), d)
			n--
			return n > 0
		})
		if err != nil {
			return err
		}
		if c.pos = pos; pos >= c.ends[c.at] {
			c.at, c.pos = c.at+1, 0
		}
	}
	return nil
}

// search answers match_all queries, in the order in which documents arrived, with from and size or as a scroll.
func (s *Server) search(w http.ResponseWriter, r *http.Request, expr string) {
	q, err := parseSearch(r)
	if err != nil {
		replyError(w, r, err)
		return
	}
	found, err := s.resolve(expr)
	if err != nil {
		replyError(w, r, err)
		return
	}
	c := newCursor(found, q.size)
	if q.keep == 0 {
		if err := c.next(q.from, func(string, *store.Document) {}); err != nil {
			replyError(w, r, err)
			return
		}
		replyPage(w, r, c, "")
		return
	}
	id, err := s.scrolls.add(c, q.keep)
	if err != nil {
		replyError(w, r, err)
		return
	}
	replyPage(w, r, c, id)
}

func replyPage(w http.ResponseWriter, r *http.Request, c *cursor, scrollID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b bytes.Buffer
	b.WriteByte('{')
	if scrollID != "" {
		fmt.Fprintf(&b, `"_scroll_id":%q,`, scrollID)
	}
	fmt.Fprintf(&b, `"took":0,"timed_out":false,"_shards":{"total":%d,"successful":%[1]d,"skipped":0,"failed":0},`,
		len(c.indices))
	fmt.Fprintf(&b, `"hits":{"total":{"value":%d,"relation":"eq"},"max_score":1.0,"hits":[`, c.total)
	separator := ""
	err := c.next(c.size, func(index string, d *store.Document) {
		b.WriteString(separator)
		separator = ","
		b.WriteString(`{"_index":`)
		b.Write(appendString(b.AvailableBuffer(), index))
		b.WriteString(`,"_type":"_doc","_id":`)
		b.Write(appendString(b.AvailableBuffer(), d.ID))
		b.WriteString(`,"_score":1.0,"_source":`)
		b.Write(d.Source)
		b.WriteByte('}')
	})
	if err != nil {
		replyError(w, r, err)
		return
	}
	b.WriteString("]}}")
	replyJSON(w, r, http.StatusOK, b.Bytes())
}

type searchRequest struct {
	from, size int
	keep       time.Duration // 0: no scroll
}

func parseSearch(r *http.Request) (searchRequest, error) {
	q := searchRequest{size: 10}
	body := struct {
		From, Size     *int
		Query          json.RawMessage
		Sort           json.RawMessage
		TrackTotalHits json.RawMessage `json:"track_total_hits"`
	}{&q.from, &q.size, nil, nil, nil}
	if err := decodeBody(r, &body); err != nil {
		return q, err
	}
	if err := matchAll(body.Query); err != nil {
		return q, err
	}
	for _, p := range []struct {
		name string
		to   *int
	}{{"from", &q.from}, {"size", &q.size}} {
		if text := r.URL.Query().Get(p.name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil {
				return q, illegalArgument("Failed to parse int parameter [%s] with value [%s]", p.name, text)
			}
			*p.to = n
		}
	}
	if sort := strings.Trim(string(body.Sort), `[]" `); sort != "" && sort != "_doc" && sort != "null" {
		return q, illegalArgument("this backend sorts by _doc only")
	}
	if q.from < 0 || q.size < 0 || q.from+q.size > maxWindow {
		return q, illegalArgument("Result window is too large, from + size must be less than or equal to: [%d] but was [%d]",
			maxWindow, q.from+q.size)
	}
	var err error
	if text := r.URL.Query().Get("scroll"); text != "" {
		q.keep, err = keepAlive(text)
	}
	return q, err
}

func keepAlive(text string) (time.Duration, error) {
	d, err := time.ParseDuration(strings.ReplaceAll(text, "d", "h"))
	if err != nil || d <= 0 || d > 24*time.Hour {
		return 0, illegalArgument("failed to parse setting [scroll] with value [%s] as a time value", text)
	}
	return d, nil
}

// checkQuery refuses a body that asks for less than everything.
func checkQuery(r *http.Request) error {
	var body struct{ Query json.RawMessage }
	if err := decodeBody(r, &body); err != nil {
		return err
	}
	return matchAll(body.Query)
}

func matchAll(query json.RawMessage) error {
	var q map[string]json.RawMessage
	if len(query) == 0 || string(query) == "null" {
		return nil
	}
	if json.Unmarshal(query, &q) == nil && len(q) == 1 && q["match_all"] != nil {
		return nil
	}
	return &failure{status: http.StatusBadRequest, typ: "parsing_exception", reason: "this backend has only match_all queries"}
}

// decodeBody reads a JSON body into v; an empty one leaves v alone. Unknown fields are refused.
func decodeBody(r *http.Request, v any) error {
	in := json.NewDecoder(io.LimitReader(r.Body, 1<<20))
	in.DisallowUnknownFields()
	if err := in.Decode(v); err != nil && !errors.Is(err, io.EOF) {
		return &failure{status: http.StatusBadRequest, typ: "parsing_exception", reason: err.Error()}
	}
	return nil
}
