package status

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// The charts of the page show samples of the last hour.
const (
	SampleEvery = 10 * time.Second
	samples     = 360
)

// Sample is how an agent stood at one moment. Sizes are bytes; counters count since the start.
type Sample struct {
	Time    time.Time
	Written int64 // counter, about: that log files were seen to grow by
	Read    int64 // counter: made durable in the WAL
	Acked   int64 // counter: has its final home
	Unread  int64 // in known log files, not durable yet
	WAL     int64 // on disk
	Room    int64 // that the WAL may still grow by
	Age     int64 // seconds that the oldest Block has waited; 0 when none waits
	Limits  int64 // another number where Room is reckoned with other ones
	Up      bool  // the backend answers, or was not asked yet
	Blocked bool  // reading stands still
}

// History keeps the Samples of the last hour in memory: a ring of 360 with 96 bytes each, 34 KB. Its mutex guards all of it.
type History struct {
	mu   sync.Mutex
	ring [samples]Sample
	n    int // taken, ever
}

// Run takes a Sample now and then until ctx is done. take returns false while there is nothing to say yet, and is soon asked
// again then.
func (h *History) Run(ctx context.Context, take func() (Sample, bool)) {
	for {
		wait := SampleEvery
		if s, ok := take(); ok {
			h.Add(s)
		} else {
			wait = time.Second
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// Add puts a Sample behind the others.
func (h *History) Add(s Sample) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ring[h.n%samples] = s
	h.n++
}

// Samples returns those that are kept, oldest first.
func (h *History) Samples() []Sample {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]Sample, 0, min(h.n, samples))
	for i := h.n - cap(all); i < h.n; i++ {
		all = append(all, h.ring[i%samples])
	}
	return all
}

// A rate is taken since the room was largest in the last minutes, so that it is right soon after an outage began; or in the
// last hour, where the buffer fills too slowly to be told from Segments that come and go.
var windows = []time.Duration{5 * time.Minute, time.Hour}

// leastSpan is the shortest time that a rate is taken over.
const leastSpan = 30 * time.Second

// FullIn returns how long room bytes last from now on, if they go as they did; 0 when they don't. What comes and goes is
// noise up to that many bytes. Samples of other limits say nothing of a rate: it is no bytes that took the room then.
func (h *History) FullIn(now time.Time, room, noise, limits int64) time.Duration {
	all := h.Samples()
	for _, window := range windows {
		var most Sample
		for _, s := range all {
			age := now.Sub(s.Time)
			if age > window || age < leastSpan || s.Limits != limits {
				continue
			}
			if window == windows[0] && room-s.Room > noise {
				return 0 // it empties now, whatever went before
			}
			if s.Room >= most.Room {
				most = s
			}
		}
		gone := most.Room - room
		if most.Time.IsZero() || gone <= noise || room <= 0 {
			continue
		}
		seconds := float64(room) * now.Sub(most.Time).Seconds() / float64(gone)
		return time.Duration(min(seconds, longest) * float64(time.Second)).Round(time.Second)
	}
	return 0
}

// longest is what FullIn says at most, in seconds: ten years.
const longest = 10 * 365 * 24 * 3600

// ServeHTTP answers with one list for each column, all of one length, oldest first: what charts are drawn from.
func (h *History) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	all := h.Samples()
	columns := map[string][]float64{}
	add := func(name string, value func(*Sample) float64) {
		column := make([]float64, len(all))
		for i := range all {
			column[i] = value(&all[i])
		}
		columns[name] = column
	}
	add("time", func(s *Sample) float64 { return float64(s.Time.UnixMilli()) / 1000 })
	add("written_bytes", func(s *Sample) float64 { return float64(s.Written) })
	add("read_bytes", func(s *Sample) float64 { return float64(s.Read) })
	add("acked_bytes", func(s *Sample) float64 { return float64(s.Acked) })
	add("unread_bytes", func(s *Sample) float64 { return float64(s.Unread) })
	add("wal_bytes", func(s *Sample) float64 { return float64(s.WAL) })
	add("room_bytes", func(s *Sample) float64 { return float64(s.Room) })
	add("oldest_seconds", func(s *Sample) float64 { return float64(s.Age) })
	add("backend_up", func(s *Sample) float64 { return truth(s.Up) })
	add("blocked", func(s *Sample) float64 { return truth(s.Blocked) })
	serveJSON(w, map[string]any{"every_seconds": SampleEvery.Seconds(), "samples": columns})
}

// serveJSON answers with v, which is ours.
func serveJSON(w http.ResponseWriter, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "encode: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(body)
}
