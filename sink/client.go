package sink

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/olivere/elastic/v7"
)

// client is one elastic.Client for one URL. The library is used for PerformRequest only, and these of its habits are
// kept from doing harm:
//
//   - A connection it once called dead stays out of use until all are dead. So each URL has its own client, and nodes.go
//     chooses; and our errors are of the kind after which it marks nothing (see unanswered).
//   - It reads the body of an error answer whole, whatever its size. So every status is on the list of ignored errors,
//     and Stream hands us the body unread.
//   - It adds headers instead of setting them, and servers refuse a second Content-Type. So that one is its own, and ours
//     are set in Do, at the very end.
//   - It sleeps without looking at the context between retries. So it has no retrier.
type client struct {
	elastic *elastic.Client
	http    *http.Client
	user    *url.Userinfo               // of its URL; nil: none
	headers atomic.Pointer[http.Header] // never changed once it is there, but replaced
}

// anyStatus is every status that the library would take for an error.
var anyStatus = func() (codes []int) {
	for code := 100; code < 1000; code++ {
		if code < 200 || code > 299 {
			codes = append(codes, code)
		}
	}
	return codes
}()

func newClient(base *url.URL, httpClient *http.Client, user *url.Userinfo, headers http.Header) (*client, error) {
	c := &client{http: httpClient, user: user}
	c.headers.Store(&headers)
	var err error
	c.elastic, err = elastic.NewClient(
		elastic.SetURL(base.String()),
		elastic.SetHttpClient(c),
		elastic.SetSniff(false),
		elastic.SetHealthcheck(false),
		elastic.SetGzip(false),
	)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// contentType is what a body is.
type contentType string

const (
	jsonBody contentType = "application/json"
	bulkBody contentType = "application/x-ndjson"
)

// request performs one request and returns its answer whatever the status, unread. The caller closes it. An error means
// that there was no answer. body may be reused once the answer is closed or an error returned.
func (c *client) request(ctx context.Context, method, path, body string, kind contentType, header http.Header) (*elastic.Response, error) {
	opt := elastic.PerformRequestOptions{
		Method:       method,
		Path:         path,
		ContentType:  string(kind),
		Headers:      header,
		IgnoreErrors: anyStatus,
		Stream:       true,
	}
	if body != "" {
		opt.Body = body
	}
	return c.elastic.PerformRequest(ctx, opt)
}

// Do sends a request of the library's. It is elastic.Doer.
func (c *client) Do(req *http.Request) (*http.Response, error) {
	for key, values := range *c.headers.Load() {
		req.Header[key] = values
	}
	g := &gate{body: req.Body}
	if req.Body != nil {
		req.Body = g
	}
	resp, err := c.http.Do(req)
	if err != nil {
		g.shut()
		return nil, &url.Error{Op: req.Method, URL: req.URL.Host, Err: unanswered{err, g.begun}}
	}
	resp.Body = &gatedBody{ReadCloser: resp.Body, gate: g}
	return resp, nil
}

// unanswered is the error of a request that got no answer. Being temporary, and inside of a url.Error, it makes the
// library return it without marking the connection dead.
type unanswered struct {
	error
	begun bool // its body left us, at least in part: the backend may have done what it asks for
}

func (u unanswered) Temporary() bool { return true }
func (u unanswered) Unwrap() error   { return u.error }

func (u unanswered) Timeout() bool {
	var t net.Error
	return errors.As(u.error, &t) && t.Timeout()
}

// dialTimeout bounds what a dead URL costs.
const dialTimeout = 10 * time.Second

func newTransport(c *Config) (*http.Transport, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: c.InsecureSkipVerify}
	if c.CAFile != "" {
		var err error
		if conf.RootCAs, err = authorities(c.CAFile); err != nil {
			return nil, err
		}
	}
	if c.CertFile != "" || c.KeyFile != "" {
		load := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
			return &pair, err
		}
		if _, err := load(nil); err != nil {
			return nil, fmt.Errorf("client certificate: %w", err)
		}
		conf.GetClientCertificate = load // for each handshake: certificates are renewed while we run
	}
	proxy, err := proxyFor(c.Proxy)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                  proxy,
		OnProxyConnectResponse: connected,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        conf,
		TLSHandshakeTimeout:    dialTimeout,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        30 * time.Second, // before load balancers cut it, mostly after 60 s
		WriteBufferSize:        64 << 10,
	}, nil
}
