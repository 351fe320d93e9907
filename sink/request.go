package sink

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
	"unsafe"

	"github.com/olivere/elastic/v7"
)

// bulkQuery keeps an answer short. The status of every item must stay: without it their number and order are lost.
const bulkQuery = "/_bulk?filter_path=errors,error.type,items.*.status,items.*.error.type,items.*.error.reason,items.*.failure_store"

// maxRetryAfter bounds how long a backend, or a proxy with a wrong clock, can make us wait.
const maxRetryAfter = 5 * time.Minute

var gzipHeader = http.Header{"Content-Encoding": {"gzip"}}

// request sends the body that was rendered, once, and settles what the answer says of b.sent. It returns nil when all of
// them were stored or are poison.
func (b *batch) request(ctx context.Context) *problem {
	body := b.body.finish()
	b.result.Bytes += int64(len(body))
	path := bulkQuery
	if len(b.body.index) > 0 {
		path = "/" + url.PathEscape(string(b.body.index)) + bulkQuery
	}
	var header http.Header
	if b.body.gz != nil {
		header = gzipHeader
	}
	ctx, cancel := context.WithTimeout(ctx, b.sink.conf.Timeout)
	defer cancel()
	node := b.sink.nodes.pick()
	// The string shares the body's memory. That is sound: the body is not changed before the next reset, and gate.go
	// sees to it that nobody reads the string by then.
	resp, err := node.client.request(ctx, http.MethodPost, path, unsafe.String(unsafe.SliceData(body), len(body)), header)
	if err != nil {
		b.sink.nodes.failed(node)
		return &problem{what: node.name + ": " + describe(err), silent: true}
	}
	defer discard(resp.BodyReader)
	p := b.understand(resp)
	if p != nil {
		p.what = node.name + ": " + p.what
	}
	if p != nil && (p.silent || resp.StatusCode >= 500) {
		b.sink.nodes.failed(node)
	} else {
		b.sink.nodes.answered(node)
	}
	return p
}

// understand turns an answer into what is wrong; nil for nothing.
func (b *batch) understand(resp *elastic.Response) *problem {
	status := resp.StatusCode
	retryAfter := parseRetryAfter(resp.Header.Get("Retry-After"), time.Now())
	switch {
	case status >= 200 && status < 300:
		p, err := b.judge(resp.BodyReader)
		if err != nil {
			return &problem{what: describe(err), silent: true}
		}
		return p
	case status == http.StatusRequestEntityTooLarge:
		return &problem{what: "the request is too large (413)", up: true, tooLarge: true}
	case status >= 300 && status < 400:
		return &problem{what: fmt.Sprintf("a redirection (%d): this is not the URL of the backend itself", status), silent: true}
	case status == http.StatusTooManyRequests:
		return &problem{what: "the backend is busy (429)", up: true, retryAfter: retryAfter}
	case status == http.StatusUnauthorized:
		return &problem{what: "the backend does not accept our credentials (401)", retryAfter: retryAfter}
	}
	what := fmt.Sprintf("the backend refuses bulk requests (%d%s)", status, errorType(resp.BodyReader))
	return &problem{what: what, retryAfter: retryAfter}
}

// judge reads a bulk answer and settles the Events of b.sent. Nothing is settled on an error.
func (b *batch) judge(r io.Reader) (*problem, error) {
	var retry, hold *problem
	failureStore := false
	b.verdicts = b.verdicts[:0]
	poison := len(b.poison)
	err := b.answer.read(r, func(i int, it *item) error {
		if i >= len(b.sent) {
			return fmt.Errorf("%w: more than %d items", errAnswer, len(b.sent))
		}
		v := Stored
		if it.status != http.StatusCreated {
			v = b.judgeItem(i, it, &retry, &hold)
		}
		failureStore = failureStore || string(it.failureStore) == "used"
		b.verdicts = append(b.verdicts, v)
		return nil
	})
	if err == nil && len(b.verdicts) != len(b.sent) {
		err = fmt.Errorf("%w: %d items for %d documents", errAnswer, len(b.verdicts), len(b.sent))
	}
	if err != nil {
		b.poison = b.poison[:poison]
		return nil, err
	}
	if failureStore {
		b.sink.health.notice("documents went to the failure store of their data stream")
	}
	b.settle()
	if hold != nil {
		return hold, nil
	}
	return retry, nil
}

func (b *batch) judgeItem(i int, it *item, retry, hold **problem) Verdict {
	typ, reason := safeType(it.errType), ""
	if it.status == http.StatusBadRequest {
		reason = string(it.reason)
	}
	v := verdict(it.status, typ, reason)
	switch v {
	case Poison:
		b.poison = append(b.poison, Refusal{N: int(b.sent[i]), Type: typ, Reason: reason})
	case Retry:
		if *retry == nil {
			*retry = &problem{what: fmt.Sprintf("Events are not taken now (%d %s)", it.status, typ), up: true, partial: true}
		}
	case Hold:
		if *hold == nil {
			*hold = &problem{what: fmt.Sprintf("Events are held (%d %s)", it.status, typ), up: true, partial: true}
		}
	}
	return v
}

// settle makes the verdicts final. Poison waits for the end of the attempt.
func (b *batch) settle() {
	for i, v := range b.verdicts {
		switch v {
		case Stored:
			b.result.Stored++
		case Duplicate:
			b.result.Duplicate++
		default:
			continue
		}
		b.settled.add(int(b.sent[i]))
	}
}

// safeType returns an error type as a backend makes them, and nothing else: what looks otherwise may be content.
func safeType(t []byte) string {
	if len(t) > 80 {
		return "unknown_error"
	}
	for _, c := range t {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return "unknown_error"
		}
	}
	return string(t)
}

// errorType reads the type out of the error of a whole request; "" for none, else with a space in front.
func errorType(r io.Reader) string {
	var reply struct{ Error struct{ Type string } }
	if json.NewDecoder(io.LimitReader(r, 64<<10)).Decode(&reply) != nil || reply.Error.Type == "" {
		return ""
	}
	return " " + safeType([]byte(reply.Error.Type))
}

// discard ends an answer. A short rest is read, so that the connection can be used again.
func discard(r io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, r, 64<<10)
	_ = r.Close()
}

// parseRetryAfter reads the header: seconds or a date. 0 stands for none.
func parseRetryAfter(value string, now time.Time) time.Duration {
	wait := time.Duration(0)
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}
