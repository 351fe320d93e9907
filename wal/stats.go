package wal

import (
	"sync"
	"time"
)

// Stats is what a WAL says of itself. Counts are since Open.
type Stats struct {
	Bytes        int64 // on disk
	Waiting      int64 // of them: those of Blocks that are not released. Within a Segment all Blocks count alike
	MaxBytes     int64 // Options.MaxSize
	Segments     int
	LastIndex    Index // appended
	Durable      Index
	WrittenBytes int64 // appended to Segments
	Syncs        int64 // of the head
	Failures     int64 // writes and fsyncs that made us give a Segment up
	LastError    string
	OldestBlock  time.Time // the Time of the first Block that is not released, as far as is known; zero: nothing waits
}

// counts is what Stats needs beyond the shelf.
type counts struct {
	mu       sync.Mutex // guards all below
	last     Index
	acked    Index
	written  int64
	syncs    int64
	failures int64
	err      string
	flight   []stamp // Blocks that were handed out and are not released, the first and the last ones at least
	read     stamp   // the last one that was handed out
}

type stamp struct {
	index Index
	time  time.Time
}

// maxFlight bounds counts.flight. Behind it, OldestBlock may be too late by what lies between two entries.
const maxFlight = 1024

// Stats returns the state of now.
func (l *Log) Stats() Stats {
	c, h := &l.counts, l.shelf
	c.mu.Lock()
	defer c.mu.Unlock()
	h.mu.Lock()
	defer h.mu.Unlock()
	s := Stats{
		Bytes:        h.bytes,
		MaxBytes:     l.maxSize.Load(),
		Segments:     len(h.segs),
		LastIndex:    c.last,
		Durable:      h.durable,
		WrittenBytes: c.written,
		Syncs:        c.syncs,
		Failures:     c.failures,
		LastError:    c.err,
	}
	for _, seg := range h.segs {
		s.Waiting += seg.behind(c.acked)
	}
	if c.acked < h.durable {
		s.OldestBlock = c.oldest(h)
	}
	return s
}

// behind is how many bytes of the Segment its Blocks behind acked have, about.
func (s *segment) behind(acked Index) int64 {
	switch {
	case s.last <= acked && !s.head:
		return 0
	case s.last <= acked: // what was appended since the last fsync
		return s.bytes - s.end
	case s.first > acked:
		return s.bytes
	}
	return int64(float64(s.bytes) * float64(s.last-acked) / float64(s.last-s.first+1))
}

func (c *counts) oldest(h *shelf) time.Time {
	if len(c.flight) > 0 {
		return c.flight[0].time
	}
	for _, s := range h.segs {
		if s.last > c.acked {
			if s.first <= c.acked && c.read.time.After(s.from) {
				return c.read.time
			}
			return s.from
		}
	}
	return c.read.time
}

func (c *counts) appended(n Index) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = n
}

func (c *counts) wrote(n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.written += n
}

func (c *counts) synced() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.syncs++
}

func (c *counts) failed(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures++
	c.err = err.Error()
}

func (c *counts) handed(n Index, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := stamp{n, at}
	switch {
	case n <= c.read.index: // given out again
	case len(c.flight) < maxFlight:
		c.flight = append(c.flight, s)
	default:
		c.flight[maxFlight-1] = s
	}
	c.read = s
}

func (c *counts) released(acked Index) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.acked = max(c.acked, acked)
	n := 0
	for n < len(c.flight) && c.flight[n].index <= acked {
		n++
	}
	c.flight = c.flight[:copy(c.flight, c.flight[n:])]
}

// acknowledged is the highest Index that was released.
func (c *counts) acknowledged() Index {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.acked
}
