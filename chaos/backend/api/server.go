// Package api answers HTTP requests the way Elasticsearch 7.17 does, for the endpoints that a log forwarder and its
// oracle need, and misbehaves on request.
//
// It promises: what it answers, and what it refuses, has the status, the error type and the shape that a real server
// gives; documents that were answered with 201 are in the store, on the disk. Every other endpoint is refused with 400,
// as a real server does with a path that it doesn't know.
//
// Where it is simpler than a real one: documents are visible to a search at once, without a refresh; a search is
// match_all in the order of arrival; there are no mappings, pipelines, aliases or data streams; update is refused.
//
// It costs the decompressed body of each bulk request in memory, for at most maxBulks at a time.
package api

import (
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"logboom/chaos/backend/store"
)

// maxBulks is how many bulk requests are worked on at a time; more are told to come again, as a real server does.
const maxBulks = 32

// Server is an http.Handler.
type Server struct {
	store   *store.Store // nil: count only
	bench   bench
	faults  faults
	scrolls scrolls
	slots   chan struct{}
}

// New returns a Server that keeps its documents in st. With a nil st it keeps nothing: it counts what it is sent, as
// cheaply as possible, and answers that all went well.
func New(st *store.Store) *Server {
	return &Server{store: st, slots: make(chan struct{}, maxBulks), scrolls: newScrolls()}
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-elastic-product", "Elasticsearch")
	if r.URL.Path == "/_chaos" {
		if !fromLoopback(r) {
			http.Error(w, "faults are set from this machine only", http.StatusForbidden)
			return
		}
		s.faults.serve(w, r)
		return
	}
	if f, hit := s.faults.take(r.URL.Path); hit {
		s.misbehave(w, r, f)
		return
	}
	s.route(w, r, nil)
}

// route answers r. items, when it is not nil, spoils some items of a bulk request.
func (s *Server) route(w http.ResponseWriter, r *http.Request, items *ItemFault) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	last := parts[len(parts)-1]
	if len(r.Header["Content-Type"]) > 1 {
		io.Copy(io.Discard, r.Body)
		reply(w, r, http.StatusBadRequest, object{"status": http.StatusBadRequest, "error": object{
			"type": "content_type_header_exception", "reason": "java.lang.IllegalArgumentException: only one Content-Type header should be provided"}})
		return
	}
	if wrong := checkContentType(r); r.ContentLength != 0 && wrong != "" {
		io.Copy(io.Discard, r.Body)
		replyText(w, r, http.StatusNotAcceptable, wrong)
		return
	}
	switch {
	case last == "_bulk" && len(parts) <= 2 && is(r, http.MethodPost, http.MethodPut):
		s.bulk(w, r, indexOf(parts), items)
	case r.URL.Path == "/_stats/bench" && is(r, http.MethodGet):
		s.bench.serve(w, r)
	case r.URL.Path == "/":
		s.root(w, r)
	case len(parts) == 3 && parts[1] == "_settings" && last == "index.creation_date" && is(r, http.MethodGet):
		s.creationDate(w, r, parts[0])
	case s.store == nil:
		io.Copy(io.Discard, r.Body)
		reply(w, r, http.StatusOK, object{"acknowledged": true})
	default:
		s.routeStore(w, r, parts, last)
	}
}

func (s *Server) routeStore(w http.ResponseWriter, r *http.Request, parts []string, last string) {
	path := strings.Trim(r.URL.Path, "/")
	switch {
	case path == "_cluster/health" && is(r, http.MethodGet):
		s.health(w, r)
	case path == "_cat/indices" && is(r, http.MethodGet):
		s.catIndices(w, r)
	case path == "_license" && is(r, http.MethodGet):
		reply(w, r, http.StatusOK, object{"license": object{"status": "active", "type": "basic"}})
	case path == "_search/scroll" && is(r, http.MethodGet, http.MethodPost):
		s.nextPage(w, r)
	case path == "_search/scroll" && is(r, http.MethodDelete):
		s.clearScroll(w, r)
	case last == "_count" && len(parts) <= 2 && is(r, http.MethodGet, http.MethodPost):
		s.count(w, r, indexOf(parts))
	case last == "_refresh" && len(parts) <= 2 && is(r, http.MethodGet, http.MethodPost):
		s.refresh(w, r, indexOf(parts))
	case last == "_search" && len(parts) <= 2 && is(r, http.MethodGet, http.MethodPost):
		s.search(w, r, indexOf(parts))
	case last == "_mget" && len(parts) <= 2 && is(r, http.MethodGet, http.MethodPost):
		s.mget(w, r, indexOf(parts))
	case len(parts) == 3 && parts[1] == "_doc" && is(r, http.MethodGet, http.MethodHead):
		s.getDoc(w, r, parts[0], parts[2])
	case len(parts) == 1 && !strings.HasPrefix(path, "_"):
		s.index(w, r, path)
	default:
		unknownPath(w, r)
	}
}

// indexOf returns the index expression in front of the endpoint, or "".
func indexOf(parts []string) string {
	if len(parts) == 2 {
		return parts[0]
	}
	return ""
}

func is(r *http.Request, methods ...string) bool {
	for _, m := range methods {
		if r.Method == m {
			return true
		}
	}
	return false
}

func fromLoopback(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}
