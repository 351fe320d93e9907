package sink

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
	"unsafe"

	"github.com/olivere/elastic/v7"
)

// bulkQuery keeps answers short; the status of every item must stay, or their number and order are lost. And it lets the
// backend wait for a missing shard no longer than half of our own timeout: one red index must not keep us from hearing
// what became of the other documents.
func bulkQuery(timeout time.Duration) string {
	return "/_bulk?filter_path=errors,error.type,items.*.status,items.*.error.type,items.*.error.reason,items.*.failure_store" +
		fmt.Sprintf("&timeout=%dms", max(1, timeout.Milliseconds()/2))
}

// maxRetryAfter bounds how long a backend, or a proxy with a wrong clock, can make us wait.
const maxRetryAfter = 5 * time.Minute

var gzipHeader = http.Header{"Content-Encoding": {"gzip"}}

// request sends the body that was rendered, once, and settles what the answer says of b.sent. It returns nil when all of
// them were stored or are poison.
func (b *batch) request(ctx context.Context) *problem {
	body := b.body.finish()
	b.result.Bytes += int64(len(body))
	b.sink.allowance.spend(len(body))
	path := b.sink.query
	if len(b.body.index) > 0 {
		path = "/" + url.PathEscape(string(b.body.index)) + path
	}
	var header http.Header
	if b.body.compressed() {
		header = gzipHeader
	}
	limited, cancel := context.WithTimeout(ctx, b.sink.conf.Timeout)
	defer cancel()
	node := b.sink.nodes.pick()
	// The string shares the body's memory. That is sound: the body is not changed before the next reset, and gate.go
	// sees to it that nobody reads the string by then.
	resp, err := node.client.request(limited, http.MethodPost, path, unsafe.String(unsafe.SliceData(body), len(body)), bulkBody, header)
	if err != nil {
		if ctx.Err() == nil { // a request that we call back says nothing of the node
			b.sink.nodes.failed(node)
		}
		if u := (unanswered{}); !errors.As(err, &u) || u.begun {
			b.suspect()
		}
		return unheard(node.name+": ", err)
	}
	defer discard(resp.BodyReader)
	p := b.understand(resp)
	if resp.StatusCode == http.StatusUnauthorized {
		b.sink.renewCredentials()
	}
	if p != nil {
		p.what = node.name + ": " + p.what
	}
	if p != nil && (p.scope == noAnswer || resp.StatusCode >= 500 || resp.StatusCode == http.StatusRequestTimeout) {
		b.suspect()
	}
	if p != nil && (p.scope == noAnswer && ctx.Err() == nil || resp.StatusCode >= 500) {
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
			return &problem{what: describe(err), scope: noAnswer, late: errors.Is(err, context.DeadlineExceeded)}
		}
		return p
	case status == http.StatusRequestEntityTooLarge:
		return &problem{what: "the request is too long (413)", scope: tooLong, up: true}
	case status < 400:
		what := fmt.Sprintf("it leads elsewhere (%d): this is not the URL of the backend itself", status)
		return &problem{what: what, scope: noAnswer}
	case status == http.StatusTooManyRequests:
		return &problem{what: "the backend is busy (429)", up: true, retryAfter: retryAfter}
	case status == http.StatusUnauthorized:
		return &problem{what: "the backend does not accept our credentials (401)", retryAfter: retryAfter}
	case status == http.StatusProxyAuthRequired: // of a proxy between, for every request alike
		return &problem{what: "the proxy does not accept our credentials (407)", retryAfter: retryAfter}
	case status >= 500, status == http.StatusRequestTimeout:
		typ, _ := refusal(resp.BodyReader)
		what := fmt.Sprintf("the backend can't take requests now (%d %s)", status, typ)
		late := status == http.StatusRequestTimeout || status == http.StatusGatewayTimeout
		return &problem{what: what, retryAfter: retryAfter, late: late, away: isAway(status, typ, retryAfter)}
	}
	typ, right := refusal(resp.BodyReader)
	what := fmt.Sprintf("the backend refuses the request (%d %s)", status, withRight(typ, right))
	return &problem{what: what, scope: oneIndex, errType: typ, retryAfter: retryAfter}
}

// unheard is the problem of a request that got no answer.
func unheard(who string, err error) *problem {
	var op *net.OpError
	absent := errors.As(err, &op) && op.Op == "dial"
	return &problem{what: who + describe(err), scope: noAnswer, absent: absent, late: !absent && errors.Is(err, context.DeadlineExceeded)}
}

// isAway tells an answer of a gateway that has no backend behind it, or of a backend that has only just started, from that of
// one that is busy.
func isAway(status int, errType string, retryAfter time.Duration) bool {
	if status != http.StatusBadGateway && status != http.StatusServiceUnavailable || retryAfter > 0 {
		return false
	}
	switch errType {
	case noType, "cluster_block_exception", "master_not_discovered_exception":
		return true
	}
	return false
}

// judge reads a bulk answer and settles the Events of b.sent. Nothing is settled on an error.
func (b *batch) judge(r io.Reader) (*problem, error) {
	var retry, hold *problem
	failureStore := 0
	b.verdicts = b.verdicts[:0]
	err := b.answer.read(r, func(i int, it *item) error {
		if i >= len(b.sent) {
			return fmt.Errorf("%w: more than %d items", errAnswer, len(b.sent))
		}
		v := Stored
		if it.status != http.StatusCreated {
			v = b.judgeItem(int(b.sent[i]), it, &retry, &hold)
		}
		if v == Stored && string(it.failureStore) == "used" {
			failureStore++
		}
		if it.status >= 500 { // a shard may have done it and not have come to say so
			b.suspectOne(int(b.sent[i]))
		}
		b.verdicts = append(b.verdicts, v)
		return nil
	})
	if err == nil && len(b.verdicts) != len(b.sent) {
		err = fmt.Errorf("%w: %d items for %d documents", errAnswer, len(b.verdicts), len(b.sent))
	}
	if err != nil {
		return nil, err // which ends the attempt, and with it what it found poison
	}
	if b.result.FailureStore += failureStore; failureStore > 0 {
		b.sink.health.notice("documents went to the failure store of their data stream")
	}
	b.settle()
	b.busy = retry != nil
	return cmp.Or(hold, retry), nil
}

func (b *batch) judgeItem(n int, it *item, retry, hold **problem) Verdict {
	typ := safeType(it.errType)
	v := verdict(it.status, typ, it.reason)
	switch v {
	case Poison:
		b.poison = append(b.poison, Refusal{N: n, Type: typ, Reason: string(it.reason)})
	case Hold:
		if *hold == nil {
			*hold = &problem{what: fmt.Sprintf("Events are held (%d %s)", it.status, withRight(typ, lacking(typ, it.reason))), scope: someEvents, up: true}
		}
		b.held = append(b.held, Refusal{N: n, Type: typ, Reason: b.reason(it)})
	case Retry:
		if *retry == nil {
			*retry = &problem{what: fmt.Sprintf("Events are not taken now (%d %s)", it.status, typ), scope: someEvents, up: true}
		}
	}
	return v
}

// reason returns the reason of it, and the same string as for the item before where that had the same.
func (b *batch) reason(it *item) string {
	if n := len(b.held); n > 0 && b.held[n-1].Reason == string(it.reason) {
		return b.held[n-1].Reason
	}
	return string(it.reason)
}

// settle makes the verdicts final. What is poison or held waits for the end of the attempt.
func (b *batch) settle() {
	before := b.home()
	for i, v := range b.verdicts {
		switch v {
		case Stored:
			b.result.Stored++
			if b.plain.has(int(b.sent[i])) {
				b.result.Plain++
			}
		case Duplicate:
			b.result.Duplicate++
		default:
			continue
		}
		b.settled.add(int(b.sent[i]))
	}
	if b.home() > before {
		b.sink.health.progress()
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
