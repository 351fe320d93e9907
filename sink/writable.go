package sink

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// clockSkew is how far this node's clock may be ahead of the cluster's.
const clockSkew = time.Hour

// writable returns the indices behind name that can have taken a document since then: those that were made later, and the
// newest of the others. None: there is no such name.
//
// The newest is told by the number at the end of its name, and by the time when it was made: an index that was shrunk has a
// new time, and one that a person added may have any name. Where the two differ, both count.
func (s *Sink) writable(ctx context.Context, name string, since time.Time) ([]string, *problem) {
	var reply map[string]struct {
		Settings struct {
			Index struct {
				Created string `json:"creation_date"` // milliseconds since 1970
			}
		}
	}
	p := s.ask(ctx, http.MethodGet, "/"+url.PathEscape(name)+"/_settings/index.creation_date", "", &reply)
	if p == nil && len(reply) == 0 { // OpenSearch's do_not_fail_on_forbidden_empty: what our user may not see is not there, it says
		p = &problem{what: "no index is shown to our user", scope: oneIndex, up: true}
	}
	if p != nil && p.errType != noIndex {
		return nil, p
	}
	limit := since.Add(-clockSkew).UnixMilli()
	var indices []string
	var last, newest string
	var newestAt int64
	for _, index := range slices.Sorted(maps.Keys(reply)) {
		at, _ := strconv.ParseInt(reply[index].Settings.Index.Created, 10, 64)
		if at > limit {
			indices = append(indices, index)
			continue
		}
		if last == "" || generation(index) >= generation(last) {
			last = index
		}
		if newest == "" || at >= newestAt {
			newest, newestAt = index, at
		}
	}
	if newest != "" {
		indices = append(indices, newest)
	}
	if last != newest {
		indices = append(indices, last)
	}
	return indices, nil
}

// generation is the number at the end of an index' name, such as .ds-logs-2026.11.25-000012: each rollover adds one.
func generation(index string) int {
	n, _ := strconv.Atoi(index[len(strings.TrimRight(index, "0123456789")):])
	return n
}

// find says which of the ids (idChars each) are in an index, whether or not a search would find them yet.
func (s *Sink) find(ctx context.Context, index string, ids []byte) ([]bool, *problem) {
	n := len(ids) / idChars
	body := make([]byte, 0, len(ids)+3*n+16)
	body = append(body, `{"ids":[`...)
	for i := range n {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, '"')
		body = append(body, ids[i*idChars:(i+1)*idChars]...)
		body = append(body, '"')
	}
	body = append(body, "]}"...)
	var reply struct {
		Docs []struct {
			Found *bool
			Error struct{ Type, Reason string }
		}
	}
	const query = "/_mget?_source=false&realtime=true&filter_path=docs.found,docs.error.type,docs.error.reason,error.type,error.reason"
	p := s.ask(ctx, http.MethodPost, "/"+url.PathEscape(index)+query, string(body), &reply)
	found := make([]bool, n)
	switch {
	case p != nil && p.errType == noIndex:
		return found, nil
	case p != nil:
		return nil, p
	case len(reply.Docs) != n:
		return nil, &problem{what: fmt.Sprintf("%d answers for %d ids", len(reply.Docs), n), scope: noAnswer}
	}
	for i, d := range reply.Docs {
		if typ := safeType([]byte(d.Error.Type)); typ != "" && typ != noIndex {
			p := &problem{what: fmt.Sprintf("%s can't be read (%s)", index, withRight(typ, lacking(typ, []byte(d.Error.Reason)))), scope: someEvents, up: true}
			if typ == "security_exception" {
				p.scope = oneIndex
			}
			return nil, p
		}
		switch {
		case d.Found != nil:
			found[i] = *d.Found
		case d.Error.Type == "":
			return nil, &problem{what: "an answer that does not say whether an id is there", scope: noAnswer}
		}
	}
	return found, nil
}

// CheckLookUp says what keeps Events from being looked up behind a name, which is needed to store each once across a
// rollover: want of a privilege, mostly. It is nil where nothing is known to.
func (s *Sink) CheckLookUp(ctx context.Context, name string) error {
	indices, p := s.writable(ctx, name, time.Now())
	if len(indices) == 0 {
		indices = []string{name}
	}
	if p == nil { // in an index itself: behind the name of a data stream nothing is found, and nothing refused
		_, p = s.find(ctx, indices[0], bytes.Repeat([]byte("-"), idChars)) // an id that nothing has
	}
	if p != nil && p.scope == oneIndex {
		return p
	}
	return nil
}

// works asks a URL for what it is: whatever it says of that, it is no outage.
func (s *Sink) works(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, s.conf.Timeout)
	defer cancel()
	node := s.nodes.pick()
	resp, err := node.client.request(ctx, http.MethodGet, "/", "", jsonBody, nil)
	if err != nil {
		s.nodes.failed(node)
		return false
	}
	defer discard(resp.BodyReader)
	switch resp.StatusCode {
	case http.StatusUnauthorized, http.StatusProxyAuthRequired, http.StatusRequestTimeout, http.StatusTooManyRequests:
		return false
	}
	return resp.StatusCode < 500
}

// noIndex is the type of the error that says there is no such index, alias or data stream.
const noIndex = "index_not_found_exception"

// maxReply bounds what is read of an answer to ask, in bytes.
const maxReply = 16 << 20

// ask makes a request that changes nothing, and decodes its answer into reply. A problem of scope oneIndex says that
// asking again is no use.
func (s *Sink) ask(ctx context.Context, method, path, body string, reply any) *problem {
	limited, cancel := context.WithTimeout(ctx, s.conf.Timeout)
	defer cancel()
	node := s.nodes.pick()
	resp, err := node.client.request(limited, method, path, body, jsonBody, nil)
	if err != nil {
		if ctx.Err() == nil {
			s.nodes.failed(node)
		}
		p := unheard("", err)
		p.node = node.name
		return p
	}
	defer discard(resp.BodyReader)
	s.nodes.answered(node)
	status := resp.StatusCode
	if status == http.StatusOK {
		if err := json.NewDecoder(io.LimitReader(resp.BodyReader, maxReply)).Decode(reply); err != nil {
			return &problem{what: "what answers is no backend", scope: noAnswer, node: node.name} // err may quote it
		}
		return nil
	}
	if status == http.StatusUnauthorized {
		s.renewCredentials()
	}
	typ, right := refusal(resp.BodyReader)
	p := &problem{what: fmt.Sprintf("%d %s", status, withRight(typ, right)), errType: typ, node: node.name}
	switch {
	case status == http.StatusTooManyRequests, status == http.StatusUnauthorized, status == http.StatusProxyAuthRequired,
		status == http.StatusRequestTimeout, status >= 500, status < 400:
		p.retryAfter = parseRetryAfter(resp.Header.Get("Retry-After"), time.Now())
		p.away = isAway(status, typ, p.retryAfter)
	default:
		p.scope, p.up = oneIndex, true
	}
	return p
}
