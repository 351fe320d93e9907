package api

import (
	"encoding/json"
	"net/http"
)

func (s *Server) getDoc(w http.ResponseWriter, r *http.Request, index, id string) {
	found, err := s.lookup(index, id)
	if err != nil {
		replyError(w, r, err)
		return
	}
	status := http.StatusOK
	if found["found"] == false {
		status = http.StatusNotFound
	}
	reply(w, r, status, found)
}

// lookup returns the answer to a GET of one document.
func (s *Server) lookup(index, id string) (object, error) {
	x := s.store.Index(index)
	if x == nil {
		return nil, noSuchIndex(index)
	}
	d, known, err := x.Get(id)
	if err != nil {
		return nil, err
	}
	if !known {
		return object{"_index": index, "_type": "_doc", "_id": id, "found": false}, nil
	}
	return object{
		"_index": index, "_type": "_doc", "_id": id, "_version": d.Version, "_seq_no": d.Seq, "_primary_term": 1,
		"found": true, "_source": json.RawMessage(d.Source),
	}, nil
}

// mget looks several ids up. An index that isn't there spoils its own entries only.
func (s *Server) mget(w http.ResponseWriter, r *http.Request, index string) {
	type entry struct {
		Index  string `json:"_index"`
		ID     string `json:"_id"`
		Source *bool  `json:"_source"`
	}
	var body struct {
		Docs []entry
		IDs  []string
	}
	if err := decodeBody(r, &body); err != nil {
		replyError(w, r, err)
		return
	}
	for _, id := range body.IDs {
		body.Docs = append(body.Docs, entry{ID: id})
	}
	docs := []any{}
	for _, e := range body.Docs {
		if e.Index == "" {
			e.Index = index
		}
		found, err := s.lookup(e.Index, e.ID)
		if err != nil {
			found = object{"_index": e.Index, "_type": "_doc", "_id": e.ID, "error": object{
				"type": "index_not_found_exception", "reason": err.Error()}}
		}
		if e.Source != nil && !*e.Source || r.URL.Query().Get("_source") == "false" {
			delete(found, "_source")
		}
		docs = append(docs, found)
	}
	reply(w, r, http.StatusOK, object{"docs": docs})
}
