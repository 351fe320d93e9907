package pipeline

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"logboom/agent/config"
	"logboom/sink"
	"logboom/wal"
)

// R1: a dead letter keeps the time and the part number of its Event.
func TestDeadLetterKeepsTheTimeOfItsEvent(t *testing.T) {
	log, _, err := wal.Open(wal.Options{Dir: filepath.Join(t.TempDir(), "dead")})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	f := &wal.File{ID: wal.FileID{1}, Format: wal.Plain, Path: "/x"}
	b := &batch{}
	fill(b.slot(), 1, f, "line\n")
	at := b.slot().Time
	b.add()
	var before, after sink.Event
	b.Each(func(_ int, e *sink.Event) error {
		before = *e
		before.Time = append([]byte(nil), e.Time...)
		return nil
	})
	if err := (&deadLetters{log: log}).Put(b, []sink.Refusal{{N: 0, Type: "mapper_parsing_exception"}}); err != nil {
		t.Fatal(err)
	}
	back := &batch{}
	if err := log.Next(0, back.slot()); err != nil {
		t.Fatal(err)
	}
	if got := back.slot().Time; !got.Equal(at) {
		t.Errorf("the dead letter's Block says %v, was gathered %v", got, at)
	}
	back.add()
	back.Each(func(_ int, e *sink.Event) error { after = *e; after.Time = append([]byte(nil), e.Time...); return nil })
	if string(before.Time) != string(after.Time) {
		t.Errorf("@timestamp %s became %s", before.Time, after.Time)
	}
}

func TestDeadLetterKeepsItsPart(t *testing.T) {
	log, _, err := wal.Open(wal.Options{Dir: filepath.Join(t.TempDir(), "dead")})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	f := &wal.File{ID: wal.FileID{1}, Format: wal.Plain, Path: "/x"}
	b := &batch{}
	fill(b.slot(), 1, f, "middle of a line")
	b.slot().Records[0].Cut, b.slot().Records[0].Parts = true, [2]uint16{1, 0}
	b.add()
	var before, after sink.Event
	b.Each(func(_ int, e *sink.Event) error { before = *e; return nil })
	if err := (&deadLetters{log: log}).Put(b, []sink.Refusal{{N: 0, Type: "x"}}); err != nil {
		t.Fatal(err)
	}
	back := &batch{}
	if err := log.Next(0, back.slot()); err != nil {
		t.Fatal(err)
	}
	back.add()
	back.Each(func(_ int, e *sink.Event) error { after = *e; return nil })
	if before.Part != after.Part || before.Last != after.Last {
		t.Errorf("part %d last %v became part %d last %v", before.Part, before.Last, after.Part, after.Last)
	}
}

type fullDisk struct{ reserve string }

func (d fullDisk) Put(*batch, []sink.Refusal) error {
	if _, err := os.Stat(d.reserve); err == nil {
		return fmt.Errorf("append: %w", unix.ENOSPC)
	}
	return nil
}

type refusing struct{}

func (refusing) Send(_ context.Context, events sink.Events) (r sink.Result, err error) {
	events.Each(func(n int, e *sink.Event) error { r.Refused = append(r.Refused, sink.Refusal{N: n}); return nil })
	return r, nil
}

// R2: a refused Event on a full disk must not stop acknowledgements: RESERVE is there for that.
func TestFullDiskDoesNotStopDeadLetters(t *testing.T) {
	f := &wal.File{ID: wal.FileID{1}, Format: wal.Plain}
	path := filepath.Join(t.TempDir(), "RESERVE")
	os.WriteFile(path, nil, 0o600)
	l := &fakeLog{durable: 1, grown: make(chan struct{}, 1)}
	l.next = func(after wal.Index, b *wal.Block) error {
		if after >= 1 {
			return wal.ErrNone
		}
		fill(b, 1, f, "line\n")
		return nil
	}
	store := &fakeStore{}
	d := (&Delivery{log: l, sink: refusing{}, store: store, dead: fullDisk{path}, slog: quiet, batchText: 100,
		reserve: &reserve{path: path, slog: quiet, tried: time.Now()}}).begin(0, 1)
	now := time.Now()
	for range 30 {
		d.Step(now)
		select {
		case b := <-d.work:
			b.result, b.err = d.sink.Send(context.Background(), b)
			d.done <- b
		default:
		}
		now = now.Add(time.Second)
	}
	if store.acked != 1 {
		t.Errorf("acked %d: the dead letters never got RESERVE's room", store.acked)
	}
}

// R3: one Route that is refused (403: a missing privilege) stops all others.
func TestOneRefusedRouteDoesNotStopTheOthers(t *testing.T) {
	var good atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		z, _ := gzip.NewReader(r.Body)
		sc := bufio.NewScanner(z)
		sc.Buffer(nil, 1<<20)
		url := strings.Split(r.URL.Path, "/")[1]
		var items []string
		for sc.Scan() {
			var a struct {
				Create struct {
					Index string `json:"_index"`
				}
			}
			json.Unmarshal(sc.Bytes(), &a)
			sc.Scan()
			index := a.Create.Index
			if index == "" {
				index = url
			}
			if index == "bad" {
				items = append(items, `{"create":{"status":403,"error":{"type":"security_exception","reason":"x"}}}`)
			} else {
				good.Add(1)
				items = append(items, `{"create":{"status":201}}`)
			}
		}
		io.WriteString(w, `{"errors":true,"items":[`+strings.Join(items, ",")+`]}`)
	}))
	defer srv.Close()
	c := defaults(t)
	c.Sink.Elasticsearch.URLs = []string{srv.URL}
	c.Sink.Elasticsearch.MinBackoff, c.Sink.Elasticsearch.MaxBackoff = time.Millisecond, time.Millisecond
	conf := SinkConfig(c, quiet)
	if conf.HoldFor == 0 {
		t.Error("HoldFor is never set: a held Event is held for ever")
	}
	conf.HoldFor = 20 * time.Millisecond
	s, err := sink.New(conf)
	if err != nil {
		t.Fatal(err)
	}
	fine, bad := &wal.File{ID: wal.FileID{1}, Format: wal.Plain, Route: "fine"}, &wal.File{ID: wal.FileID{2}, Format: wal.Plain, Route: "bad"}
	l := &fakeLog{durable: 1000, grown: make(chan struct{}, 1)}
	l.next = func(after wal.Index, b *wal.Block) error {
		if after >= 1000 {
			return wal.ErrNone
		}
		f := fine
		if after%20 == 5 {
			f = bad
		}
		fill(b, after+1, f, "line\n")
		return nil
	}
	store := &fakeStore{}
	d := (&Delivery{log: l, sink: s, store: store, dead: fullDisk{"/nonexistent"}, slog: quiet, batchText: 100, reserve: &reserve{slog: quiet, tried: time.Now()}}).begin(0, 2)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	go func() {
		for good.Load() < 950 && ctx.Err() == nil {
			time.Sleep(5 * time.Millisecond)
		}
		cancel()
	}()
	d.Run(ctx, 2, nil)
	t.Logf("%d of 950 good events stored, acked %d of 1000", good.Load(), store.acked)
	if good.Load() < 950 {
		t.Error("the good Route stands still")
	}
}

// R4: a Batch of very short lines makes a body of bounded size.
func TestShortLinesMakeABoundedBody(t *testing.T) {
	for _, level := range []int{0, 1} {
		var wire, docs int64
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n, _ := io.Copy(io.Discard, r.Body)
			atomic.StoreInt64(&wire, max(n, atomic.LoadInt64(&wire)))
			atomic.AddInt64(&docs, 1)
			w.WriteHeader(503)
		}))
		s, err := sink.New(sink.Config{URLs: []string{srv.URL}, Compression: level, Logger: quiet})
		if err != nil {
			t.Fatal(err)
		}
		f := &wal.File{ID: wal.FileID{1}, Format: wal.Plain, Route: "x", Path: "/var/log/app/app.log", Node: "node-1"}
		b := &batch{}
		batchText := int(defaults(t).Sink.Elasticsearch.BatchSize) / bodyPerText
		for i := 0; b.text < batchText; i++ {
			fill(b.slot(), wal.Index(i+1), f, strings.Repeat("\n", wal.TargetText))
			b.add()
		}
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		go func() {
			for ctx.Err() == nil {
				if atomic.LoadInt64(&docs) > 0 {
					cancel()
				}
				time.Sleep(5 * time.Millisecond)
			}
		}()
		s.Send(ctx, b)
		cancel()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		t.Logf("compression %d: %d KiB of text became a body of %d MiB; the process has %d MiB from the system", level, b.text>>10, wire>>20, m.Sys>>20)
		if wire > 33<<20 {
			t.Error("body is not bounded")
		}
		srv.Close()
	}
}

// R5: with the smallest sizes the configuration allows, an empty (all acknowledged) WAL takes Blocks.
func TestSmallestWALDoesNotStopForEver(t *testing.T) {
	const mib = 1 << 20
	dir := t.TempDir()
	l, _, err := wal.Open(wal.Options{Dir: filepath.Join(dir, "wal"), SegmentSize: mib, MaxSize: 4 * mib})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	sp := &space{dir: dir, maxSize: 4 * mib, log: l}
	f := &wal.File{ID: wal.FileID{1}, Format: wal.Plain}
	var at wal.Offset
	put := func(n int) error {
		text := make([]byte, n)
		fh, _ := os.Open("/dev/urandom")
		io.ReadFull(fh, text)
		fh.Close()
		b := &wal.Block{Time: time.Now(), Text: text, Records: []wal.Record{{File: f, Start: at, End: at + wal.Offset(n), Text: text}}}
		at += wal.Offset(n)
		if err := l.Append(b); err != nil {
			return err
		}
		return l.Sync()
	}
	for _, n := range []int{250 << 10, 250 << 10, 250 << 10, 250 << 10, wal.MaxText + 100<<10} {
		if err := sp.check(); err != nil {
			t.Fatal("early", err)
		}
		if err := put(n); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 { // all is delivered
		if err := l.Release(l.Durable()); err != nil {
			t.Fatal(err)
		}
	}
	if err := sp.check(); err != nil {
		t.Errorf("all acknowledged, and Intake may never write again: %v", err)
	}
}

func defaults(t *testing.T) *config.Config {
	c, err := config.Parse("x", []byte("data_dir: /tmp/x\ninputs:\n  - kubernetes: {}\nsink:\n  elasticsearch:\n    urls: [\"http://127.0.0.1:9200\"]\n"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}
