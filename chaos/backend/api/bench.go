package api

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
)

// bench counts what bulk requests brought, since the start of the process.
type bench struct {
	docs, bodies, wire, body atomic.Int64
}

func (b *bench) add(docs, wire, body int64) {
	b.docs.Add(docs)
	b.bodies.Add(1)
	b.wire.Add(wire)
	b.body.Add(body)
}

func (b *bench) serve(w http.ResponseWriter, r *http.Request) {
	reply(w, r, http.StatusOK, object{
		"docs": b.docs.Load(), "bodies": b.bodies.Load(), "wire_bytes": b.wire.Load(), "body_bytes": b.body.Load(),
	})
}

var blocks = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// countBulk answers a bulk request with 201 for every two lines of its body and keeps nothing. It parses no JSON: bodies
// must hold create or index actions only, one document each.
func (s *Server) countBulk(w http.ResponseWriter, r *http.Request) {
	var lines, size int64
	var first [16]byte
	wire, err := withBody(r, func(body io.Reader) error {
		block := blocks.Get().(*[64 << 10]byte)
		defer blocks.Put(block)
		for {
			n, err := body.Read(block[:])
			if size < int64(len(first)) {
				copy(first[size:], block[:n])
			}
			lines += int64(bytes.Count(block[:n], []byte{'\n'}))
			if size += int64(n); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
		}
	})
	if err != nil {
		replyError(w, r, err)
		return
	}
	docs := lines / 2
	s.bench.add(docs, wire, size)
	op := "create"
	if bytes.HasPrefix(first[:], []byte(`{"index"`)) {
		op = "index"
	}
	replyCounted(w, r, op, docs)
}

// replyCounted sends the same item docs times: rendered once, through filter_path, and copied.
func replyCounted(w http.ResponseWriter, r *http.Request, op string, docs int64) {
	f := parseFilter(r.URL.Query().Get("filter_path"))
	a := &action{op: op, index: "counted", id: "0"}
	one := appendItem(nil, a, &item{status: http.StatusCreated, result: "created", version: 1}, f.mask(op))
	b := make([]byte, 0, 64+len(one)*int(docs))
	b = append(b, '{')
	if f.keep("took") {
		b = append(b, `"took":0,`...)
	}
	if f.keep("errors") {
		b = append(b, `"errors":false,`...)
	}
	if len(one) > 0 && docs > 0 {
		b = append(b, `"items":[`...)
		for range docs {
			b = append(b, one...)
		}
		b = append(b[:len(b)-1], ']', ',')
	}
	if b[len(b)-1] == ',' {
		b = b[:len(b)-1]
	}
	b = append(b, '}')
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=UTF-8")
	h.Set("Content-Length", strconv.Itoa(len(b)))
	w.Write(b)
}
