// Package sink brings Events into Elasticsearch or OpenSearch.
//
// It promises that Send returns without error only when every Event of a Batch has its home: stored, proven to be there
// already, or refused: for good, or held for as long as its index takes nothing. It never gives up, never drops, and never makes
// a second document of one Event in one index, as long as the ids are ours.
//
// How: a document's _id is made of FileID, Offset and the CRC-32C of the Event's raw bytes, and the only action is
// create. So sending again is always safe, and a 409 proves that these very bytes are stored. Whatever leaves a doubt (a
// cut connection, a page of HTML, an answer with too few items) settles nothing: all that was in doubt is sent again.
// Behind the name of a data stream, where a create looks only into the newest index, what is in doubt is looked up first
// (doubt.go, lookup.go, writable.go).
//
// What each item of an answer means (verdict.go):
//
//	status             error type                                    verdict
//	2xx                -                                             Stored (failure_store "used" included)
//	409                version_conflict_engine_exception, or none    Duplicate
//	400                one of the list of poison                     Poison: once more in plain form (plain.go), then a Refusal
//	any                cluster_block, unavailable_shards, ...        Hold: retried, and may come back as held
//	429, 5xx, 408      any other                                     Retry: this item only
//	any other          any other                                     Hold
//
// Poison is a list of types, never a default: a cluster at its shard limit, a closed index, a missing pipeline and a bad
// index name answer 400 to good documents. And when most of 20 or more Events are poison of one same type, the fault is
// not the Events': they are held too.
//
// What is held while the backend takes others is given up after HoldFor: a Refusal with Held set. The next Batches with Events for
// the same index don't wait for that again (refusing.go), and Try does not wait at all.
//
// What the answer as a whole means (request.go):
//
//	2xx, and as many items as documents     item by item
//	413                                     sent again in halves; one document alone is poison
//	429, 408, 5xx                           again later, Retry-After honoured; after a 5xx another URL is next
//	401, a proxy's 407                      again later
//	other 4xx                               again index by index; one index alone: all held
//	3xx, not JSON, truncated, miscounted    nothing is settled, all again later
//
// How much at a time (flow.go, length.go): from one to Concurrency requests in flight, more while answers are good, half
// as many after a setback; then pauses of the whole Sink that grow and shrink, and end with the first good answer where the
// backend was not busy but away. Bodies are at most BodySize; what is too long or takes too
// long is halved. A fleet of 1,000 agents that comes back after an outage leaves its backend 89 % of its time for storing
// (make fleet).
//
// It costs what gzip costs: rendering takes no allocation per Event, answers are scanned in a fixed window and not
// decoded. Memory per Send is one compressed body, one compressor (0.06 MB at level 1, 0.8 MB at others) and 6 bytes per
// Event. The encoder of level 1 is our own: a Send that gets no answer three times, or is refused as a whole, goes on with the
// general one, for a body that can't be decompressed looks just so.
package sink

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Config says where and how to deliver. Only URLs must be set.
type Config struct {
	URLs        []string // http or https; a path is a prefix; user and password may stand in them
	Compression int      // gzip level 1 to 9 of request bodies; 0: none

	// At most one way to authenticate: Username with Password, APIKey (base64 of id:key), or Bearer.
	Username, Password, APIKey, Bearer string
	Headers                            map[string]string // added to each request, replacing our own

	// Renew, unless it is nil, returns a Config with the credentials and Headers of now. It is called after a 401.
	Renew func() (Config, error)

	CAFile, CertFile, KeyFile string // PEM; CAFile is trusted in addition to the system's authorities
	InsecureSkipVerify        bool

	// Proxy is a URL, with a user and a password where it wants them: http, https, socks5 or socks5h; NoProxy; or "" for
	// what the environment says (HTTP_PROXY, HTTPS_PROXY, NO_PROXY).
	Proxy string

	Timeout                time.Duration // of one bulk request, answer included; 0: 60 s
	MinBackoff, MaxBackoff time.Duration // between attempts, before jitter; 0: 250 ms and 30 s
	Concurrency            int           // the most requests in flight; 0: 4
	BytesPerSecond         int64         // of request bodies as they are sent, in the mean; 0: no limit
	BodySize               int64         // the most bytes of a request before compression, but for one document alone; 0: 8 MiB
	Logger                 *slog.Logger  // nil: slog.Default()
	Fields                 Fields

	// HoldFor is how long an Event is tried that a person must help, while the backend takes others: then it becomes a
	// Refusal with Held set, so that one closed index does not stop the rest. 0: for ever.
	HoldFor time.Duration
}

func (c *Config) defaults() {
	if c.Timeout <= 0 {
		c.Timeout = 60 * time.Second
	}
	if c.MinBackoff <= 0 {
		c.MinBackoff = 250 * time.Millisecond
	}
	if c.MaxBackoff <= 0 {
		c.MaxBackoff = 30 * time.Second
	}
	c.MaxBackoff = max(c.MaxBackoff, c.MinBackoff)
	if c.Concurrency <= 0 {
		c.Concurrency = 4
	}
	if c.BodySize <= 0 {
		c.BodySize = 8 << 20
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
}

// Sink delivers to one cluster. Its methods are safe for concurrent use.
type Sink struct {
	conf      Config
	query     string // of a bulk request's URL
	nodes     *nodes
	files     *fileCache
	health    health
	flow      flow
	allowance allowance
	longest   longest
	patience  patience
	refusing  refusing
	renewal   renewal

	mu   sync.Mutex
	idle []*batch  // guarded by mu; as many as Sends ran at once
	cut  time.Time // guarded by mu: when this process last left a request to itself; at first when it began
}

// New checks c. It opens no connection, so that an agent starts while its backend is down.
func New(c Config) (*Sink, error) {
	c.defaults()
	if c.Compression < 0 || c.Compression > 9 {
		return nil, fmt.Errorf("compression level %d: want 0 to 9", c.Compression)
	}
	if len(c.URLs) == 0 {
		return nil, errors.New("no URL of a backend")
	}
	if err := c.Fields.Check(); err != nil {
		return nil, fmt.Errorf("fields: %w", err)
	}
	nodes, err := newNodes(&c)
	if err != nil {
		return nil, err
	}
	s := &Sink{allowance: allowance{rate: c.BytesPerSecond}, conf: c, query: bulkQuery(c.Timeout), nodes: nodes, files: newFileCache(&c.Fields), cut: time.Now()}
	s.health.init(c.Logger)
	s.flow.init(&c)
	s.longest.init(c.BodySize)
	return s, nil
}

// Send delivers events and returns when each has its home. It fails only when ctx is done, with an error that wraps
// ctx.Err(), or when events.Each fails, with that error. The Result then counts what was settled until there; sending
// the same Batch again is safe.
func (s *Sink) Send(ctx context.Context, events Events) (Result, error) {
	b := s.take()
	defer s.give(b)
	return b.send(ctx, events)
}

// Try is Send for Events that were refused before: what is held comes back at once, whether others are stored or not.
func (s *Sink) Try(ctx context.Context, events Events) (Result, error) {
	b := s.take()
	defer s.give(b)
	b.impatient = true
	return b.send(ctx, events)
}

// leave notes that a Send ended while its requests may go on.
func (s *Sink) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut = time.Now()
}

func (s *Sink) lastCut() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cut
}

func (s *Sink) take() *batch {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.idle); n > 0 {
		b := s.idle[n-1]
		s.idle = s.idle[:n-1]
		return b
	}
	return newBatch(s)
}

func (s *Sink) give(b *batch) {
	b.clear()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle = append(s.idle, b)
}
