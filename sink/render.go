package sink

import (
	"bytes"
	"fmt"
)

// Renderer renders Events as Send does, for those who want to see what would be sent. One goroutine uses it.
type Renderer struct{ body *body }

// NewRenderer returns one that makes documents by choice; its Check must be nil.
func NewRenderer(choice Fields) *Renderer { return &Renderer{newBody(newFileCache(&choice), 0)} }

// Render returns the index and the _id that e is sent to (no _id where the backend makes it), and its document, as JSON. All are valid until the next call.
func (r *Renderer) Render(e *Event) (index, id, document []byte) {
	r.body.reset()
	r.body.add(e)
	action, document, ok := bytes.Cut(r.body.finish(), []byte("\n"))
	if r.body.files.choice.BackendIDs {
		return r.body.index, nil, bytes.TrimSuffix(document, []byte("\n"))
	}
	id, isCreate := bytes.CutPrefix(action, []byte(actionStart))
	end := bytes.IndexByte(id, '"')
	if !ok || !isCreate || end < 0 {
		panic(fmt.Sprintf("BUG: an action that starts with %.40q", action))
	}
	return r.body.index, id[:end], bytes.TrimSuffix(document, []byte("\n"))
}

// Index returns the index that e goes to.
func Index(e *Event) string { return string(newRoute(e.File.Route).index(e.Time)) }
