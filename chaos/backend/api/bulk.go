package api

import (
	"crypto/rand"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"time"

	"logboom/chaos/backend/store"
)

// item is what became of one action.
type item struct {
	status  int
	result  string // created, updated, deleted, not_found
	version uint32
	seq     int64
	typ     string // of the error, "" when all is well
	reason  string
}

func (t *item) refuse(status int, typ, reason string) {
	*t = item{status: status, typ: typ, reason: reason}
}

func (s *Server) bulk(w http.ResponseWriter, r *http.Request, index string, spoil *ItemFault) {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		io.Copy(io.Discard, r.Body)
		replyError(w, r, tooBusy())
		return
	}
	if s.store == nil {
		s.countBulk(w, r)
		return
	}
	start := time.Now()
	body, wire, err := readBody(r)
	if err == errTooLarge {
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	} else if err != nil {
		replyError(w, r, err)
		return
	}
	defer release(body)
	actions, err := parseBulk(body.Bytes(), index)
	if err != nil {
		replyError(w, r, err)
		return
	}
	items := make([]item, len(actions))
	if err := s.apply(actions, items, spoil); err != nil {
		replyError(w, r, err)
		return
	}
	s.bench.add(int64(len(actions)), wire, int64(body.Len()))
	replyBulk(w, r, actions, items, time.Since(start))
}

// apply does what the actions say. A document is on the disk when apply returns.
func (s *Server) apply(actions []action, items []item, spoil *ItemFault) error {
	var order []string
	byIndex := map[string][]int{}
	for i := range actions {
		a, t := &actions[i], &items[i]
		if a.id == "" {
			a.id = newID()
		}
		spoiled := spoil.hits(i, a.source)
		if spoiled {
			t.refuse(spoil.Status, spoil.Type, spoil.Reason)
		}
		if spoiled && !spoil.Stored || !spoiled && !acceptable(a, t) {
			continue
		}
		if byIndex[a.index] == nil {
			order = append(order, a.index)
		}
		byIndex[a.index] = append(byIndex[a.index], i)
	}
	for _, name := range order {
		if err := s.applyTo(name, byIndex[name], actions, items); err != nil {
			return err
		}
	}
	return nil
}

// acceptable refuses, as an item, what no index would take.
func acceptable(a *action, t *item) bool {
	if err := store.ValidName(a.index); err != nil {
		t.refuse(http.StatusBadRequest, "invalid_index_name_exception", "Invalid index name ["+a.index+"], "+err.Error())
		return false
	}
	switch a.op {
	case "update":
		t.refuse(http.StatusBadRequest, "illegal_argument_exception", "this backend has no update")
		return false
	case "create", "index":
		if wrong := badDocument(a.source); wrong != "" {
			t.refuse(http.StatusBadRequest, "mapper_parsing_exception", wrong)
			return false
		}
	}
	return true
}

func (s *Server) applyTo(name string, which []int, actions []action, items []item) error {
	x, _, err := s.store.Make(name)
	if err != nil {
		return err
	}
	ops := make([]store.Op, len(which))
	for n, i := range which {
		ops[n] = store.Op{Kind: kinds[actions[i].op], ID: actions[i].id, Source: actions[i].source}
	}
	outcomes, err := x.Apply(ops)
	if err != nil {
		return err
	}
	for n, i := range which {
		if t := &items[i]; t.typ == "" {
			t.settle(&actions[i], outcomes[n])
		}
	}
	return nil
}

var kinds = map[string]store.Kind{"create": store.Create, "index": store.Put, "delete": store.Delete}

func (t *item) settle(a *action, o store.Outcome) {
	t.version, t.seq = o.Version, o.Seq
	switch {
	case o.Conflict:
		t.refuse(http.StatusConflict, "version_conflict_engine_exception", conflict(a.id, o.Version))
	case a.op == "delete" && o.Existed:
		t.status, t.result = http.StatusOK, "deleted"
	case a.op == "delete":
		t.status, t.result = http.StatusNotFound, "not_found"
	case o.Existed:
		t.status, t.result = http.StatusOK, "updated"
	default:
		t.status, t.result = http.StatusCreated, "created"
	}
}

func conflict(id string, version uint32) string {
	var b strings.Builder
	b.WriteString("[")
	b.WriteString(id)
	b.WriteString("]: version conflict, document already exists (current version [")
	b.WriteString(itoa(int64(version)))
	b.WriteString("])")
	return b.String()
}

// newID makes an id of 20 characters, as the server does for a document that comes without.
func newID() string {
	var b [15]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}
