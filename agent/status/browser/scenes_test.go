package browser

import (
	"fmt"
	"math"
	"sync"
	"time"

	"logboom/agent/status"
	"logboom/checkpoint"
	"logboom/wal"
)

// scene is an agent as the page may find it.
type scene struct {
	mu      sync.Mutex
	status  status.Status
	files   []status.File
	history status.History
	losses  []checkpoint.Loss
	letters []status.Letter
}

func (s *scene) agent() status.Agent {
	return status.Agent{
		Status: func() status.Status {
			s.mu.Lock()
			defer s.mu.Unlock()
			now := s.status
			now.Now = time.Now().Truncate(time.Second)
			return now
		},
		Files: func() []status.File { return s.files }, History: &s.history,
		Live: func() error { return nil }, Ready: func() error { return nil },
		Settings: func() any {
			return []map[string]any{{"key": "data_dir", "value": "/var/log/logboom", "default": true}, {"key": "wal.max_size", "value": "20GiB", "default": false},
				{"key": "sink.elasticsearch.api_key", "value": "(hidden)", "default": false}}
		},
		Losses: func(fn func(checkpoint.Loss) error) error {
			for _, l := range s.losses {
				if err := fn(l); err != nil {
					return err
				}
			}
			return nil
		},
		Letters: func(n int) ([]status.Letter, error) { return s.letters[:min(n, len(s.letters))], nil },
	}
}

const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30
)

// samples fills the history with an hour in which level says how full the WAL is, 0 to 1, at each moment from 0 to 1.
func (s *scene) samples(level, speed func(x float64) float64, up func(x float64) bool) {
	const n = 360
	var written, read, acked, wall float64
	var age int64
	for i := range n {
		x := float64(i) / (n - 1)
		rate := speed(x)
		written += rate * 10
		read += rate * 10
		before := wall
		wall = level(x) * 10 * gib
		acked = max(acked, acked+rate*10-(wall-before)*6)
		if age += int64(status.SampleEvery.Seconds()); up(x) {
			age = 0
		}
		s.history.Add(status.Sample{Time: time.Now().Add(-time.Duration(n-1-i) * status.SampleEvery), Written: int64(written), Read: int64(read), Acked: int64(acked),
			Unread: int64(rate / 20 * (1 + math.Sin(float64(i)/7))), WAL: int64(wall), Room: int64(10*gib - wall), Age: age, Up: up(x)})
	}
}

// quiet is a node where all is well.
func quiet() *scene {
	now := time.Now()
	s := &scene{status: status.Status{
		Version: "1.4.0", Node: "worker-07", Started: now.Add(-76 * time.Hour),
		Intake:   status.Intake{ReadBytes: 61*gib + 4321, Records: 4_000_000, Pins: true, OpenFiles: 38, UnreadBytes: 18 * kib},
		WAL:      status.WAL{Bytes: 11 * mib, MaxBytes: 10 * gib, Segments: 2, Durable: 91_234, OldestBlock: now.Add(-900 * time.Millisecond), Room: 10*gib - 11*mib, OnFull: "block"},
		Delivery: status.Delivery{Acked: 91_230, Stored: 312_345_678, Duplicates: 1204, AckedBytes: 61 * gib, Parallel: 2, LastAck: now.Add(-time.Second), BackendUp: true},
		Letters:  status.Letters{MaxBytes: gib},
		Account:  status.Account{Known: 61*gib + 4321 + 18*kib, Read: 61*gib + 4321, Unread: 18 * kib, Acked: 61*gib + 4321 - 700*kib, Waiting: 700 * kib},
		Lost:     map[string]int64{}, FileCount: 2000,
	}}
	s.samples(func(float64) float64 { return 0.001 }, func(x float64) float64 { return mib * (3 + math.Sin(x*40) + math.Sin(x*131)/2) }, func(float64) bool { return true })
	for i := range 2000 {
		f := status.File{ID: fmt.Sprintf("%032x", i), Path: fmt.Sprintf("/var/log/pods/shop_checkout-7f9c%04d_0b6f4a52-aaaa-4c3e-9d1e-%012d/app/0.log", i, i),
			State: "active", Size: int64(i%97) * 77_777, LastGrew: now.Add(-time.Duration(i) * time.Second)}
		if i%10 == 3 {
			f.State = "rotated"
		}
		if i < 3 {
			f.Lag = int64(3-i) * 3 * kib
		}
		f.Durable = f.Size - f.Lag
		s.files = append(s.files, f)
	}
	return s
}

// backlog is that node with a backend that is down.
func backlog() *scene {
	s, now := quiet(), time.Now()
	s.history = status.History{}
	s.samples(func(x float64) float64 { return 0.001 + max(0, x-0.55)*1.4 }, func(x float64) float64 { return mib * (9 + 2*math.Sin(x*40) + math.Sin(x*131)) }, func(x float64) bool { return x < 0.55 })
	st := &s.status
	st.WAL.Bytes, st.WAL.Segments, st.WAL.OldestBlock = 6452*mib, 807, now.Add(-27*time.Minute)
	st.WAL.Room, st.WAL.FullIn = 10*gib-6452*mib, 16*60+20
	st.Account.Waiting, st.Account.Read, st.Account.Known = 38*gib, st.Account.Acked+38*gib, st.Account.Acked+38*gib+18*kib
	st.Delivery.BackendUp, st.Delivery.LastError, st.Delivery.LastAck = false, "https://elasticsearch.logging:9200: connection refused", now.Add(-27*time.Minute)
	st.Delivery.LastErrorAt, st.Delivery.NextRetry = now.Add(-4*time.Second), now.Add(21*time.Second)
	st.Problems = []status.Problem{
		{Severity: "stuck", What: "the backend takes nothing: " + st.Delivery.LastError, Do: "see that it runs and can be reached from here (logboom check says); logs are safe in the WAL meanwhile"},
		{Severity: "warning", What: "the buffer is full in about 16 minutes, if it goes on like this", Do: "bring the backend back, free space, or raise wal.max_size; then reading stops, and the log files wait where they are"},
	}
	return s
}

// losing is a node on which logs were lost, refused and held, and a file can't be read.
func losing() *scene {
	s, now := backlog(), time.Now()
	st := &s.status
	st.Delivery.BackendUp, st.Delivery.LastError = true, "index logs-shop: the mapping refuses documents (document_parsing_exception)"
	st.Delivery.NextRetry, st.WAL.FullIn = time.Time{}, 0
	st.Account.LostRead, st.Account.LostUnread, st.Account.DeadLetters = 3*mib+17, 41*kib, 190*kib
	st.Account.Excluded = 5 * gib
	st.Account.Waiting -= 5 * gib
	st.Account.Waiting -= 3*mib + 17 + 190*kib
	st.Account.Known += 41 * kib
	st.Lost = map[string]int64{"deleted": 41 * kib, "damaged": 3*mib + 17}
	st.Letters.Refused, st.Letters.Held = 812, 65
	st.Problems = []status.Problem{
		{Severity: "loss", What: "3.00 MiB of logs were lost (damaged)", Do: "logboom ledger says which"},
		{Severity: "loss", What: "41.0 KiB of logs were lost (deleted)", Do: "logboom ledger says which"},
		{Severity: "warning", What: "812 events were refused by the backend and are kept as dead letters", Do: "logboom deadletter ls says why; logboom deadletter replay sends them again when the mapping is put right"},
		{Severity: "warning", What: "can't read /var/log/pods/shop_cart_1/app/0.log: permission denied"},
	}
	s.files = append([]status.File{{Path: "/var/log/pods/shop_cart_1/app/0.log", State: "unreadable", Error: "permission denied"}}, s.files...)
	for i := range 7 {
		s.losses = append(s.losses, checkpoint.Loss{Time: now.Add(-time.Duration(i) * time.Hour), Cause: "damaged", Start: wal.Offset(i * 100_000), End: wal.Offset(i*100_000 + 449_392), Read: true,
			File: &wal.File{Path: fmt.Sprintf("/var/log/pods/shop_checkout-7f9c%04d_0b6f4a52-aaaa-4c3e-9d1e-%012d/app/0.log", i, i)}, Detail: "in blocks 812 to 830, kept in damaged/wal"})
	}
	for i := range 12 {
		s.letters = append(s.letters, status.Letter{Time: now.Add(-time.Hour).Format(time.RFC3339), State: "refused", Index: "logs-shop", Type: "document_parsing_exception",
			Reason: "failed to parse field [status] of type [long]", Path: "/var/log/pods/shop_cart_1/app/0.log", Line: fmt.Sprintf(`<script>alert(%d)</script> {"status":"%d of 12"}`, i, i)})
	}
	return s
}
