package sink

import (
	"errors"
	"io"
	"sync"
)

// gate stands between a request's body and the HTTP transport. The transport may go on reading a body after the answer
// came (an early 413) or after the request failed; the body is our buffer, about to be filled with the next request. Once
// the gate is shut, nobody reads it any more.
type gate struct {
	mu   sync.Mutex
	body io.ReadCloser // guarded by mu; nil: shut

	begun bool // guarded by mu until shut; the body was read
}

var errShut = errors.New("the request is over")

func (g *gate) Read(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.body == nil {
		return 0, errShut
	}
	g.begun = true
	return g.body.Read(p)
}

func (g *gate) Close() error {
	g.shut()
	return nil
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.body = nil
}

// gatedBody is the body of an answer. Closing it ends the request.
type gatedBody struct {
	io.ReadCloser
	gate *gate
}

func (b *gatedBody) Close() error {
	err := b.ReadCloser.Close()
	b.gate.shut()
	return err
}
