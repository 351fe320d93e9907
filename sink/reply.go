package sink

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// reply is an answer to a request about the cluster.
type reply struct {
	url    string
	status int
	typ    string // of its error
	reason string
	body   []byte
}

func (r *reply) ok() bool { return r.status >= 200 && r.status < 300 }

// unknown says that the server has no such endpoint: "no handler found", or none for this method, or it takes a path such
// as /_ilm for the name of an index.
func (r *reply) unknown() bool {
	return r.status == http.StatusMethodNotAllowed || r.status == http.StatusBadRequest && r.typ == "" || r.typ == noIndex
}

// refused is failed, but nil where the server has no such endpoint.
func (r *reply) refused(todo string) error {
	if r.unknown() {
		return nil
	}
	return r.failed(todo)
}

// failed is nil for an answer that is no error.
func (r *reply) failed(todo string) error {
	switch {
	case r.ok():
		return nil
	case r.status == http.StatusUnauthorized:
		return fmt.Errorf("%s does not accept our credentials (401)", r.url)
	case r.status == http.StatusForbidden:
		return fmt.Errorf("%s does not let our user %s (403): %s", r.url, todo, needs(lacking(r.typ, []byte(r.reason))))
	}
	return fmt.Errorf("%s can't %s: %d %s: %s", r.url, todo, r.status, r.typ, r.reason)
}

// needs says which right is missing, or, where the server did not tell, what is needed in all.
func needs(right string) string {
	if right != "" {
		return "it needs the right " + right
	}
	return "it needs the privileges monitor, manage_index_templates, manage_ilm, and create_index on its indices"
}

// tell makes a request about the cluster, once. An error means that there was no answer.
func (s *Sink) tell(ctx context.Context, method, path string, body []byte) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, s.conf.Timeout)
	defer cancel()
	node := s.nodes.pick()
	resp, err := node.client.request(ctx, method, path, string(body), jsonBody, nil)
	if err != nil {
		s.nodes.failed(node)
		return reply{}, fmt.Errorf("%s %s: %s", method, node.name+path, describe(err))
	}
	defer discard(resp.BodyReader)
	s.nodes.answered(node)
	r := reply{url: node.name, status: resp.StatusCode}
	if r.body, err = io.ReadAll(io.LimitReader(resp.BodyReader, maxReply)); err != nil {
		return reply{}, fmt.Errorf("%s %s: %s", method, node.name+path, describe(err))
	}
	var failed struct {
		Error struct{ Type, Reason string }
	}
	if !r.ok() && json.Unmarshal(r.body, &failed) == nil {
		r.typ, r.reason = safeType([]byte(failed.Error.Type)), failed.Error.Reason
	}
	return r, nil
}
