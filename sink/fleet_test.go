package sink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A fleet after an outage: agents with real Sinks, each with a backlog, and one backend of fixed capacity, in fake time.
type fleet struct {
	agents  int
	workers int           // of an agent, as Delivery has them
	batches int           // the backlog of an agent
	outage  time.Duration // how long the backend refuses everything at first
	backend *busyBackend
}

// busyBackend does one thing at a time. Its own mutex guards it.
type busyBackend struct {
	perBatch time.Duration // of its time
	queue    time.Duration // of work that may wait; beyond that it answers busy
	busy     int           // 429, or what a gateway says that lets too much through to nobody
	refusal  time.Duration // of its time, that such an answer costs: the body is read first
	absent   bool          // while it is down nobody listens

	mu      sync.Mutex
	down    time.Time // until then it answers 503, or is absent
	free    time.Time // when the work that waits will be done
	stored  map[string]bool
	good    []int // batches stored in each window since down
	refused int
	twice   int // batches done that were done before
}

const (
	fleetDocs   = 2 // of a batch
	fleetWindow = 10 * time.Second
)

// RoundTrip takes the time of a request. What a client no longer waits for is done all the same.
func (b *busyBackend) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := func(status int, text string) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text))}, nil
	}
	b.mu.Lock()
	absent := b.absent && time.Now().Before(b.down)
	b.mu.Unlock()
	if absent {
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	}
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	b.mu.Lock()
	now := time.Now()
	if r.Method == http.MethodGet && !now.Before(b.down) { // which indices there are: answered by another thread
		b.mu.Unlock()
		return answer(200, `{"logs":{"settings":{"index":{"creation_date":"1"}}}}`)
	}
	b.free = maxTime(b.free, now)
	switch {
	case now.Before(b.down):
		b.mu.Unlock()
		return answer(503, "{}")
	case b.free.Sub(now) > b.queue:
		b.refused++
		b.free = b.free.Add(b.refusal)
		b.mu.Unlock()
		return answer(b.busy, "{}")
	}
	lines := bytes.Split(body, []byte("\n"))
	var items []string
	fresh := 0
	for i := 0; i+1 < len(lines); i += 2 {
		status := 201
		if id := string(lines[i]); b.stored[id] {
			status = 409
		} else {
			b.stored[id] = true
			fresh++
		}
		items = append(items, fmt.Sprintf(`{"create":{"status":%d}}`, status))
	}
	b.free = b.free.Add(b.perBatch * time.Duration(len(items)) / fleetDocs)
	done := b.free
	b.twice += (len(items) - fresh) / fleetDocs
	at := int(done.Sub(b.down) / fleetWindow)
	for len(b.good) <= at {
		b.good = append(b.good, 0)
	}
	b.good[at] += fresh
	b.mu.Unlock()

	t := time.NewTimer(time.Until(done))
	defer t.Stop()
	select {
	case <-t.C:
		return answer(200, `{"items":[`+strings.Join(items, ",")+`]}`)
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

func maxTime(x, y time.Time) time.Time {
	if x.After(y) {
		return x
	}
	return y
}

// recovery is how a fleet did, as shares of the backend's capacity.
type recovery struct {
	took        time.Duration // from the end of the outage to 95 % of the backlog
	mean, worst float64       // of all windows until then
	refused     int           // requests
	twice       int           // batches
}

func (f *fleet) run(t *testing.T) (r recovery) {
	b := f.backend
	synctest.Test(t, func(t *testing.T) {
		b.down, b.stored = time.Now().Add(f.outage), map[string]bool{}
		var wg sync.WaitGroup
		for i := range f.agents {
			s, err := New(Config{URLs: []string{"http://es"}, Concurrency: f.workers, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			s.nodes.all[0].client.http.Transport = b
			file := testFile(i)
			var mu sync.Mutex
			next := 0
			for range f.workers {
				wg.Go(func() {
					for {
						mu.Lock()
						n := next
						next++
						mu.Unlock()
						if n >= f.batches {
							return
						}
						events := testEvents(file, fleetDocs)
						for k := range events {
							events[k].Offset += 1000 * 1000 * 1000
							events[k].Sum = uint32(n)
						}
						if _, err := s.Send(context.Background(), events); err != nil {
							t.Error(errors.Unwrap(err))
						}
					}
				})
			}
		}
		wg.Wait()
	})
	total := f.agents * f.batches * fleetDocs
	full := float64(fleetDocs) * float64(fleetWindow) / float64(b.perBatch)
	sum := 0
	r = recovery{worst: 1, refused: b.refused, twice: b.twice}
	for i, n := range b.good {
		if sum >= total*95/100 {
			break
		}
		sum += n
		r.took = time.Duration(i+1) * fleetWindow
		r.worst = min(r.worst, float64(n)/full)
	}
	r.mean = float64(sum) / full / float64(r.took/fleetWindow)
	return r
}

// After an outage a fleet comes back all at once. The backend must spend its time on storing, not on refusing, and must
// not store again what was given up too early. `make fleet` has 1,000 agents; the time of a batch keeps the proportion.
func TestFleetDoesNotStampede(t *testing.T) {
	agents := 100
	if n, err := strconv.Atoi(os.Getenv("LOGBOOM_FLEET")); err == nil {
		agents = n
	}
	perBatch := 40 * time.Second / time.Duration(agents)
	for name, b := range map[string]*busyBackend{
		"short queue": {perBatch: perBatch, queue: 2 * time.Second, refusal: perBatch / 20, busy: 429},
		"deep queue":  {perBatch: perBatch, queue: time.Hour},
		"too many":    {perBatch: 7 * perBatch / 4, queue: time.Hour}, // one request of each agent takes 70 s: longer than they wait

		"short queue, after nobody listened":      {perBatch: perBatch, queue: 2 * time.Second, refusal: perBatch / 20, busy: 429, absent: true},
		"too many, after nobody listened":         {perBatch: 7 * perBatch / 4, queue: time.Hour, absent: true},
		"short queue, told as if nobody is there": {perBatch: perBatch, queue: 2 * time.Second, refusal: perBatch / 20, busy: 503},
	} {
		t.Run(name, func(t *testing.T) {
			f := fleet{agents: agents, workers: 4, batches: 20, outage: 10 * time.Minute, backend: b}
			if b.absent {
				f.outage = time.Minute // they ask so often that it is long
			}
			r := f.run(t)
			t.Logf("%d agents: 95 %% of the backlog in %v; goodput %.0f %% of capacity, in the worst %v %.0f %%; %d requests refused, %d batches stored again",
				f.agents, r.took, 100*r.mean, fleetWindow, 100*r.worst, r.refused, r.twice)
			if r.mean < 0.8 {
				t.Errorf("goodput %.2f of capacity", r.mean)
			}
		})
	}
}
