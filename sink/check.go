package sink

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// ServerInfo is what a backend says of itself.
type ServerInfo struct {
	URL           string // that answered, without user and password
	Reachable     bool   // something answered
	Authenticated bool   // our credentials were accepted, or none are needed
	Lacks         string // the right to ask for the version that our user lacks; "": none, or not told
	Distribution  string // elasticsearch or opensearch; "": not told
	Version       string // such as 8.19.1; "": not told
}

// Check asks the backend what it is, with one request to each URL until one answers. It fails when none does, when our
// credentials are not accepted, and when what answers is no such backend; the ServerInfo then says how far it came. A user
// that may only write is not told the version: that is no error.
func (s *Sink) Check(ctx context.Context) (ServerInfo, error) {
	var err error
	for range s.nodes.count() {
		var info ServerInfo
		if info, err = s.check(ctx, s.nodes.pick()); info.Reachable || ctx.Err() != nil {
			return info, err
		}
	}
	return ServerInfo{}, err
}

func (s *Sink) check(ctx context.Context, node *node) (ServerInfo, error) {
	info := ServerInfo{URL: node.name}
	resp, err := node.client.request(ctx, http.MethodGet, "/", "", jsonBody, nil)
	if err != nil {
		s.nodes.failed(node)
		if ctx.Err() != nil {
			return info, fmt.Errorf("%s: %w", node.name, ctx.Err())
		}
		return info, fmt.Errorf("%s: %s", node.name, describe(err))
	}
	defer discard(resp.BodyReader)
	s.nodes.answered(node)
	info.Reachable = true
	switch resp.StatusCode {
	case http.StatusUnauthorized:
		return info, fmt.Errorf("%s: the backend does not accept our credentials (401)", node.name)
	case http.StatusProxyAuthRequired:
		return info, fmt.Errorf("%s: the proxy does not accept our credentials (407)", node.name)
	case http.StatusForbidden:
		info.Authenticated = true
		_, info.Lacks = refusal(resp.BodyReader)
		return info, nil
	case http.StatusOK:
	default:
		return info, fmt.Errorf("%s: status %d where a backend says what it is", node.name, resp.StatusCode)
	}
	var reply struct {
		Version struct{ Number, Distribution string }
	}
	err = json.NewDecoder(io.LimitReader(resp.BodyReader, 64<<10)).Decode(&reply)
	if err != nil || reply.Version.Number == "" {
		return info, fmt.Errorf("%s: what answers is neither Elasticsearch nor OpenSearch", node.name)
	}
	info.Authenticated = true
	info.Version, info.Distribution = reply.Version.Number, reply.Version.Distribution
	if info.Distribution == "" {
		info.Distribution = "elasticsearch"
	}
	return info, nil
}
