package sink

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
)

// nodes are the URLs of one cluster. Requests go to each in turn; one that fails is passed over for a while, as long as
// there is another.
type nodes struct {
	transport *http.Transport

	mu   sync.Mutex
	all  []*node // the slice never changes; what it points to is guarded by mu
	turn int     // guarded by mu
}

type node struct {
	client   *client
	name     string    // scheme, host and path: no secret
	failures int       // in a row
	until    time.Time // passed over until then
}

// How long a node that failed is passed over: doubled with each failure in a row.
const (
	minDown = 5 * time.Second
	maxDown = 5 * time.Minute
)

func newNodes(c *Config) (*nodes, error) {
	ca, _ := os.Stat(c.CAFile) // before it is read: what replaces it from now on is noticed
	transport, err := newTransport(c)
	if err != nil {
		return nil, err
	}
	httpClient := &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if c.CAFile != "" {
		httpClient.Transport = &trusting{file: c.CAFile, logger: c.Logger, current: transport, version: ca, looked: time.Now()}
	}
	n := &nodes{transport: transport}
	for i, raw := range c.URLs {
		base, err := parseURL(raw)
		if err != nil {
			return nil, fmt.Errorf("URL %d of %d: %w", i+1, len(c.URLs), err)
		}
		headers, err := newHeaders(c, base.User)
		if err != nil {
			return nil, err
		}
		user := base.User
		base.User = nil
		client, err := newClient(base, httpClient, user, headers)
		if err != nil {
			return nil, fmt.Errorf("URL %d of %d: %w", i+1, len(c.URLs), err)
		}
		n.all = append(n.all, &node{client: client, name: base.String()})
	}
	return n, nil
}

// parseURL checks a URL. Its errors never quote it: there may be a password in it.
func parseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("not a URL")
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("neither http nor https")
	}
	if u.Host == "" {
		return nil, errors.New("no host in it")
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("a query or a fragment in it")
	}
	u.Path = strings.TrimRight(u.Path, "/")
	return u, nil
}

// pick returns the node for the next request: in turn, but not one that failed lately, unless all did. A node whose time
// is over gets one request; until that is answered, the others pass it over as before.
func (n *nodes) pick() *node {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	soonest := n.all[n.turn%len(n.all)]
	for range n.all {
		d := n.all[n.turn%len(n.all)]
		n.turn++
		if d.failures == 0 {
			return d
		}
		if now.After(d.until) {
			d.until = now.Add(minDown)
			return d
		}
		if d.until.Before(soonest.until) {
			soonest = d
		}
	}
	n.turn++
	return soonest
}

func (n *nodes) failed(d *node) {
	n.mu.Lock()
	defer n.mu.Unlock()
	d.until = time.Now().Add(min(maxDown, minDown<<min(d.failures, 10)))
	d.failures++
}

func (n *nodes) answered(d *node) {
	n.mu.Lock()
	defer n.mu.Unlock()
	d.failures = 0
}

func (n *nodes) count() int { return len(n.all) }
