package api

import (
	"fmt"
	"net/http"
	"path"
	"strings"

	"logboom/chaos/backend/store"
)

// version is the release whose answers these are.
const version = "7.17.28"

func (s *Server) root(w http.ResponseWriter, r *http.Request) {
	if !is(r, http.MethodGet, http.MethodHead) {
		replyText(w, r, http.StatusMethodNotAllowed, fmt.Sprintf(
			"Incorrect HTTP method for uri [%s] and method [%s], allowed: [GET, HEAD]", r.URL.RequestURI(), r.Method))
		return
	}
	reply(w, r, http.StatusOK, object{
		"name": "embedded", "cluster_name": "logboom-embedded", "cluster_uuid": "bG9nYm9vbS1lbWJlZGRlZA",
		"version": object{
			"number": version, "build_flavor": "default", "build_type": "embedded", "build_hash": "unknown",
			"build_date": "2025-02-20T09:05:31.349013687Z", "build_snapshot": false, "lucene_version": "8.11.3",
			"minimum_wire_compatibility_version": "6.8.0", "minimum_index_compatibility_version": "6.0.0-beta1",
		},
		"tagline": "You Know, for Search",
	})
}

func (s *Server) health(w http.ResponseWriter, r *http.Request) {
	n := len(s.store.Names())
	reply(w, r, http.StatusOK, object{
		"cluster_name": "logboom-embedded", "status": "green", "timed_out": false, "number_of_nodes": 1,
		"number_of_data_nodes": 1, "active_primary_shards": n, "active_shards": n, "relocating_shards": 0,
		"initializing_shards": 0, "unassigned_shards": 0, "delayed_unassigned_shards": 0,
		"number_of_pending_tasks": 0, "number_of_in_flight_fetch": 0, "task_max_waiting_in_queue_millis": 0,
		"active_shards_percent_as_number": 100.0,
	})
}

func (s *Server) catIndices(w http.ResponseWriter, r *http.Request) {
	type row struct {
		Health  string `json:"health"`
		Status  string `json:"status"`
		Index   string `json:"index"`
		UUID    string `json:"uuid"`
		Pri     string `json:"pri"`
		Rep     string `json:"rep"`
		Docs    string `json:"docs.count"`
		Deleted string `json:"docs.deleted"`
		Size    string `json:"store.size"`
		PriSize string `json:"pri.store.size"`
	}
	rows := []row{}
	for _, x := range s.all() {
		docs, deleted, size := x.Count()
		b := itoa(size) + "b"
		rows = append(rows, row{"green", "open", x.Name(), "_na_", "1", "0", itoa(docs), itoa(deleted), b, b})
	}
	if r.URL.Query().Get("format") == "json" {
		reply(w, r, http.StatusOK, rows)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
	for _, x := range rows {
		fmt.Fprintln(w, x.Health, x.Status, x.Index, x.UUID, x.Pri, x.Rep, x.Docs, x.Deleted, x.Size, x.PriSize)
	}
}

func (s *Server) refresh(w http.ResponseWriter, r *http.Request, expr string) {
	found, err := s.resolve(expr)
	if err != nil {
		replyError(w, r, err)
		return
	}
	reply(w, r, http.StatusOK, object{"_shards": shards(len(found))})
}

func (s *Server) count(w http.ResponseWriter, r *http.Request, expr string) {
	found, err := s.resolve(expr)
	if err == nil {
		err = checkQuery(r)
	}
	if err != nil {
		replyError(w, r, err)
		return
	}
	var total int64
	for _, x := range found {
		docs, _, _ := x.Count()
		total += docs
	}
	reply(w, r, http.StatusOK, object{"count": total, "_shards": searchShards(len(found))})
}

// index makes, deletes or shows one index.
func (s *Server) index(w http.ResponseWriter, r *http.Request, name string) {
	switch r.Method {
	case http.MethodPut:
		s.makeIndex(w, r, name)
	case http.MethodGet, http.MethodHead, http.MethodDelete:
		found, err := s.resolve(name)
		if err == nil && r.Method == http.MethodDelete {
			err = s.remove(found)
		}
		if err != nil {
			replyError(w, r, err)
			return
		}
		if r.Method == http.MethodDelete {
			reply(w, r, http.StatusOK, object{"acknowledged": true})
			return
		}
		shown := object{}
		for _, x := range found {
			shown[x.Name()] = object{"aliases": object{}, "mappings": object{}, "settings": object{"index": object{
				"number_of_shards": "1", "number_of_replicas": "0", "provided_name": x.Name(),
			}}}
		}
		reply(w, r, http.StatusOK, shown)
	default:
		replyText(w, r, http.StatusMethodNotAllowed, fmt.Sprintf(
			"Incorrect HTTP method for uri [%s] and method [%s], allowed: [DELETE, GET, HEAD, PUT]",
			r.URL.RequestURI(), r.Method))
	}
}

// creationDate says which indices a name stands for: there are no aliases and data streams, so that is one. When it was made
// is not kept.
func (s *Server) creationDate(w http.ResponseWriter, r *http.Request, expr string) {
	names := []string{expr}
	if s.store != nil {
		found, err := s.resolve(expr)
		if err != nil {
			replyError(w, r, err)
			return
		}
		names = names[:0]
		for _, x := range found {
			names = append(names, x.Name())
		}
	}
	shown := object{}
	for _, name := range names {
		shown[name] = object{"settings": object{"index": object{"creation_date": "0"}}}
	}
	reply(w, r, http.StatusOK, shown)
}

func (s *Server) makeIndex(w http.ResponseWriter, r *http.Request, name string) {
	if err := store.ValidName(name); err != nil {
		replyError(w, r, &failure{http.StatusBadRequest, "invalid_index_name_exception",
			"Invalid index name [" + name + "], " + err.Error(), name})
		return
	}
	_, made, err := s.store.Make(name)
	if err == nil && !made {
		err = &failure{http.StatusBadRequest, "resource_already_exists_exception", "index [" + name + "] already exists", name}
	}
	if err != nil {
		replyError(w, r, err)
		return
	}
	reply(w, r, http.StatusOK, object{"acknowledged": true, "shards_acknowledged": true, "index": name})
}

func (s *Server) remove(found []*store.Index) error {
	for _, x := range found {
		if err := s.store.Remove(x.Name()); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) all() []*store.Index {
	found, _ := s.resolve("")
	return found
}

// resolve returns the indices that an expression such as "logs-a,logs-*" names. A name without * must exist.
func (s *Server) resolve(expr string) ([]*store.Index, error) {
	if expr == "" || expr == "_all" {
		expr = "*"
	}
	var found []*store.Index
	seen := map[string]bool{}
	for _, part := range strings.Split(expr, ",") {
		matched := false
		for _, name := range s.store.Names() {
			ok, _ := path.Match(part, name)
			if !ok {
				continue
			}
			matched = true
			if x := s.store.Index(name); x != nil && !seen[name] {
				seen[name] = true
				found = append(found, x)
			}
		}
		if !matched && !strings.Contains(part, "*") {
			return nil, noSuchIndex(part)
		}
	}
	return found, nil
}

func shards(n int) object { return object{"total": n, "successful": n, "failed": 0} }

func searchShards(n int) object {
	return object{"total": n, "successful": n, "skipped": 0, "failed": 0}
}
