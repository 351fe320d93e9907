package api

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"
)

// scrolls are the open cursors. They die with the process, as those of a real server.
type scrolls struct {
	mu   sync.Mutex // guards open
	open map[string]*cursor
}

func newScrolls() scrolls { return scrolls{open: map[string]*cursor{}} }

func (s *scrolls) add(c *cursor, keep time.Duration) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for id, old := range s.open {
		if now.After(old.expires) {
			delete(s.open, id)
		}
	}
	if len(s.open) >= maxScrolls {
		return "", &failure{status: http.StatusTooManyRequests, typ: "es_rejected_execution_exception",
			reason: "Trying to create too many scroll contexts. Must be less than or equal to: [500]."}
	}
	id := rand.Text()
	c.expires = now.Add(keep)
	s.open[id] = c
	return id, nil
}

func (s *scrolls) get(id string, keep time.Duration) *cursor {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.open[id]
	if c == nil || time.Now().After(c.expires) {
		return nil
	}
	if keep > 0 {
		c.expires = time.Now().Add(keep)
	}
	return c
}

func (s *scrolls) remove(ids []string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		if s.open[id] != nil {
			delete(s.open, id)
			n++
		}
	}
	return n
}

func (s *Server) nextPage(w http.ResponseWriter, r *http.Request) {
	body := struct {
		Scroll string
		ID     string `json:"scroll_id"`
	}{r.URL.Query().Get("scroll"), r.URL.Query().Get("scroll_id")}
	err := decodeBody(r, &body)
	var keep time.Duration
	if err == nil && body.Scroll != "" {
		keep, err = keepAlive(body.Scroll)
	}
	if err != nil {
		replyError(w, r, err)
		return
	}
	c := s.scrolls.get(body.ID, keep)
	if c == nil {
		replyError(w, r, &failure{status: http.StatusNotFound, typ: "search_context_missing_exception",
			reason: "No search context found for id [" + body.ID + "]"})
		return
	}
	replyPage(w, r, c, body.ID)
}

func (s *Server) clearScroll(w http.ResponseWriter, r *http.Request) {
	var body struct {
		ID json.RawMessage `json:"scroll_id"`
	}
	if err := decodeBody(r, &body); err != nil {
		replyError(w, r, err)
		return
	}
	var ids []string
	if json.Unmarshal(body.ID, &ids) != nil {
		ids = []string{strings.Trim(string(body.ID), `"`)}
	}
	n := s.scrolls.remove(ids)
	status := http.StatusOK
	if n == 0 {
		status = http.StatusNotFound
	}
	reply(w, r, status, object{"succeeded": true, "num_freed": n})
}
