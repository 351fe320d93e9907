package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"time"

	"logboom/agent/parse"
	"logboom/agent/status"
	"logboom/checkpoint"
	"logboom/sink"
	"logboom/wal"
)

// Letter is a dead letter as people see it.
type Letter struct {
	ID       string          `json:"id,omitempty"` // of its document; "" where the backend makes it
	Index    string          `json:"index"`        // where it goes
	State    string          `json:"state"`        // refused | held
	Time     time.Time       `json:"time"`         // when it was refused
	Type     string          `json:"type"`         // the backend's error type
	Reason   string          `json:"reason"`       // and its words
	Path     string          `json:"path"`
	Offset   wal.Offset      `json:"offset"`
	Document json.RawMessage `json:"document"` // as it would be sent now
}

// Letters calls fn for every letter in the store of a data directory, oldest first. It changes nothing, and an agent may run
// there; the checkpoint is to be asked first, or a letter that moves may be missed. The same Event may come twice.
func Letters(dataDir string, known checkpoint.LetterState, running bool, fields sink.Fields, fn func(*Letter) error) error {
	r, err := wal.OpenReadOnly(wal.View{Dir: LetterDir(dataDir), Acked: known.Gone, Floor: known.Counted, Live: running})
	if err != nil {
		return fmt.Errorf("open dead letters: %w", err)
	}
	defer r.Close()
	var (
		b        wal.Block
		p        parse.Parser
		renderer = sink.NewRenderer(fields)
		damaged  error
	)
	for at := known.Gone; ; {
		err := r.Next(at, &b)
		var damage *wal.DamageError
		switch {
		case errors.Is(err, wal.ErrNone):
			return damaged
		case errors.As(err, &damage):
			damaged, at = errors.Join(damaged, err), damage.Index
			continue
		case err != nil:
			return fmt.Errorf("read dead letters: %w", err)
		}
		if at = b.Index; known.Settled.Has(at) {
			continue
		}
		if err := eachLetter(&p, &b, func(e *sink.Event, n *note) error {
			index, id, document := renderer.Render(e)
			l := &Letter{ID: string(id), Index: string(index), State: "refused", Time: n.Time, Type: n.Type, Reason: n.Reason,
				Path: e.File.Path, Offset: e.Offset, Document: document}
			if n.Held {
				l.State = "held"
			}
			return fn(l)
		}); err != nil {
			return err
		}
	}
}

// pick says which letters a person means: patterns with *, ? and [a-z]; "" for any.
type pick struct{ id, reason, route string }

func (p *pick) wants(fields sink.Fields) func(e *sink.Event, n *note) bool {
	renderer := sink.NewRenderer(fields)
	match := func(pattern, name string) bool {
		ok, _ := path.Match(pattern, name) // checked
		return ok || pattern == ""
	}
	return func(e *sink.Event, n *note) bool {
		if !match(p.reason, n.Type) || p.route != "" && !match(p.route, sink.Index(e)) {
			return false
		}
		if p.id == "" {
			return true
		}
		_, id, _ := renderer.Render(e)
		return string(id) == p.id
	}
}

// letterRoutes adds to mux what agent.sock says of dead letters, and does with them.
//
//	GET  /api/v1/deadletters          every Letter, a line of JSON each
//	POST /api/v1/deadletters/replay   sends those again that id, reason and route pick, and answers Resent
func (a *agent) letterRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/v1/deadletters", a.serveLetters)
	mux.HandleFunc("POST /api/v1/deadletters/replay", a.serveReplay)
}

// maxLine bounds what the status page shows of a letter's line, in bytes.
const maxLine = 1 << 10

// firstLetters returns the oldest letters, at most n.
func (a *agent) firstLetters(n int) (all []status.Letter, err error) {
	known, err := a.store.Letters()
	if err != nil {
		return nil, err
	}
	enough := errors.New("enough")
	err = Letters(a.c.DataDir, known, true, FieldsOf(a.c), func(l *Letter) error {
		if len(all) == n {
			return enough
		}
		var document struct{ Message string }
		_ = json.Unmarshal(l.Document, &document) // ours
		line := strings.ToValidUTF8(document.Message[:min(len(document.Message), maxLine)], "")
		all = append(all, status.Letter{Time: l.Time.Format(time.RFC3339), State: l.State, Index: l.Index, Type: l.Type, Reason: l.Reason, Path: l.Path, Line: line})
		return nil
	})
	if errors.Is(err, enough) {
		err = nil
	}
	return all, err
}

// serveLetters cuts the connection where it can't go on, so that half of the letters are never taken for all.
func (a *agent) serveLetters(w http.ResponseWriter, _ *http.Request) {
	known, err := a.store.Letters()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if err := Letters(a.c.DataDir, known, true, FieldsOf(a.c), func(l *Letter) error { return e.Encode(l) }); err != nil {
		a.o.Logger.Error("list dead letters", "error", err)
		panic(http.ErrAbortHandler)
	}
}

func (a *agent) serveReplay(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	p := pick{q.Get("id"), q.Get("reason"), q.Get("route")}
	for _, pattern := range []string{p.reason, p.route} {
		if _, err := path.Match(pattern, ""); err != nil {
			http.Error(w, fmt.Sprintf("%q is no pattern", pattern), http.StatusBadRequest)
			return
		}
	}
	c := http.NewResponseController(w)
	_ = c.SetWriteDeadline(time.Time{}) // it takes as long as the backend does
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, "\n")
	_ = c.Flush() // the answer has begun: nobody waits in vain
	resent, err := a.delivery.post.ask(r.Context(), p.wants(FieldsOf(a.c)))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	json.NewEncoder(w).Encode(resent)
}
