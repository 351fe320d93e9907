package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"logboom/chaos/backend/api"
)

// door is a backend that notes when each Event comes, and can be shut. It answers as the counting backend does. It runs in this program, whose
// processor time is not the agent's.
type door struct {
	server *http.Server
	addr   string
	inner  http.Handler

	mu     sync.Mutex // guards all below
	shut   bool
	ages   []time.Duration // of the Events that came: from when they were written to when the request was read
	events int64           // that came since the start
	failed error           // a body that could not be read
}

// openDoor begins to listen.
func openDoor() (*door, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	d := &door{addr: listener.Addr().String(), inner: api.New(nil)}
	d.server = &http.Server{Handler: d, ReadHeaderTimeout: 10 * time.Second}
	go d.server.Serve(listener)
	return d, nil
}

func (d *door) close() { d.server.Close() }

// set shuts or opens it. While it is shut, connections end without an answer.
func (d *door) set(shut bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shut = shut
}

// take returns the ages since the last call.
func (d *door) take() ([]time.Duration, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	ages := d.ages
	d.ages = nil
	return ages, d.failed
}

func (d *door) count() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.events
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	shut := d.shut
	d.mu.Unlock()
	if shut {
		panic(http.ErrAbortHandler)
	}
	if strings.HasSuffix(r.URL.Path, "_bulk") {
		body, err := io.ReadAll(r.Body)
		now := time.Now()
		if err != nil {
			panic(http.ErrAbortHandler) // the client went away
		}
		ages, err := agesIn(body, now)
		d.mu.Lock()
		if err != nil && d.failed == nil {
			d.failed = err
		}
		d.ages, d.events = append(d.ages, ages...), d.events+int64(len(ages))
		d.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	d.inner.ServeHTTP(w, r)
}

// agesIn finds how old the Events of a gzipped bulk body are: each document has the time at which its line was written.
func agesIn(body []byte, now time.Time) (ages []time.Duration, err error) {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("bulk body: %w", err)
	}
	in := bufio.NewScanner(z)
	in.Buffer(make([]byte, 64<<10), 4<<20)
	for in.Scan() {
		_, rest, found := bytes.Cut(in.Bytes(), []byte(`"@timestamp":"`))
		if !found {
			continue
		}
		text, _, _ := bytes.Cut(rest, []byte{'"'})
		at, err := time.Parse(time.RFC3339Nano, string(text))
		if err != nil {
			return nil, fmt.Errorf("bulk body: %w", err)
		}
		ages = append(ages, now.Sub(at))
	}
	return ages, in.Err()
}

// durableAges follows how many bytes the agent says are durable, until ctx ends, and tells how long each line that w has written
// meanwhile took to be so. It asks every 10 ms, which is how exact the ages are. The agent gives one sum for all files: lines count
// as durable in the order in which they were written, so the mean is exact, and the spread a little too small.
func durableAges(ctx context.Context, agent string, w *writer) (ages []time.Duration, err error) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ages, nil
		case <-tick.C:
		}
		var status struct {
			Intake struct {
				ReadBytes int64 `json:"read_bytes"`
			} `json:"intake"`
		}
		if err := getJSON(ctx, "http://"+agent+"/api/v1/status", &status); err != nil {
			if ctx.Err() != nil {
				return ages, nil
			}
			return nil, err
		}
		ages = w.durable(status.Intake.ReadBytes, time.Now(), ages)
	}
}
