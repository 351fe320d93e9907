package sink

import (
	"math"
	"sync"
	"time"
)

// length is how long the requests of one Send may be. They are halved when one is too long for the backend, and doubled
// after several that passed: one long Event must not make thousands of requests of the others.
type length struct {
	documents int
	bytes     int64 // rendered, before compression
	passed    int   // requests in a row
	silent    int   // attempts in a row without an answer
}

const (
	// growAfter is how many requests pass before their length is doubled. The next may be too long again: one in growAfter
	// is the price.
	growAfter = 8

	// halveAfter is how many attempts in a row get no answer before requests get shorter. Whatever cuts or times out long
	// ones may let short ones pass.
	halveAfter = 3
)

// full says whether a request of that many documents is long enough, when one more would make it that many bytes.
func (l *length) full(documents int, bytes int64) bool {
	return documents > 0 && (documents >= l.documents || bytes > l.bytes)
}

// tooLong makes requests shorter than the one given. It returns false when that had one document only.
func (l *length) tooLong(documents int, bytes int64) bool {
	l.passed = 0
	if documents < 2 {
		return false
	}
	l.documents, l.bytes = documents/2, bytes/2
	return true
}

func (l *length) pass() {
	l.silent = 0
	if l.passed++; l.passed%growAfter == 0 && l.documents < math.MaxInt/2 {
		l.documents *= 2
	}
}

func (l *length) unanswered(documents int) {
	l.passed = 0
	if l.silent++; l.silent%halveAfter == 0 {
		l.documents = max(1, documents/2)
	}
}

// longest is what the Sends of a Sink know of the length that the backend takes: half of what it found too long or did
// not answer in time. A minute later it is twice as much, and so on, up to the most: the limit may have been raised, or
// one long Event was the cause.
type longest struct {
	mu    sync.Mutex
	most  int64     // of bytes
	bytes int64     // guarded by mu
	grows time.Time // guarded by mu: then bytes is doubled
}

const (
	growEvery = time.Minute

	// leastBody is how short timeouts make requests, in bytes: what has no answer at that length has another reason.
	leastBody = 256 << 10
)

func (l *longest) init(most int64) { l.most, l.bytes = most, most }

func (l *longest) start() length {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.grow(time.Now())
	return length{documents: math.MaxInt, bytes: l.bytes}
}

func (l *longest) grow(now time.Time) {
	for ; l.bytes < l.most && !now.Before(l.grows); l.grows = l.grows.Add(growEvery) {
		l.bytes = min(2*l.bytes, l.most)
	}
}

// note sets the length to no more than bytes.
func (l *longest) note(bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.grow(now)
	l.bytes, l.grows = max(1, min(bytes, l.bytes)), now.Add(growEvery)
}
