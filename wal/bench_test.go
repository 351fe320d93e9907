package wal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// criLines is text as a node's containers write it: a few services in several formats, with ids, durations and addresses.
func criLines(size int, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 2))
	at := time.Date(2026, 11, 22, 16, 0, 0, 0, time.UTC)
	paths := []string{"/api/v1/orders", "/api/v1/cart/items", "/healthz", "/static/app.js", "/api/v1/users/profile"}
	var p []byte
	for len(p) < size {
		at = at.Add(time.Duration(r.IntN(3e6)))
		p = at.AppendFormat(p, time.RFC3339Nano)
		p = append(p, " stdout F "...)
		switch r.IntN(3) {
		case 0:
			p = fmt.Appendf(p, `{"level":"info","ts":"%s","logger":"http","msg":"request served","method":"GET","path":"%s","status":%d,"duration_ms":%d.%03d,"trace_id":"%016x","remote":"10.42.%d.%d"}`,
				at.Format("15:04:05.000"), paths[r.IntN(5)], 200+r.IntN(3)*100, r.IntN(300), r.IntN(1000), r.Uint64(), r.IntN(8), r.IntN(256))
		case 1:
			p = fmt.Appendf(p, `10.42.%d.%d - - [22/Nov/2026:16:%02d:%02d +0000] "GET %s HTTP/1.1" %d %d "-" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"`,
				r.IntN(8), r.IntN(256), at.Minute(), at.Second(), paths[r.IntN(5)], 200+r.IntN(3)*100, r.IntN(50000))
		default:
			p = fmt.Appendf(p, `INFO  [worker-%d] c.e.shop.OrderService - order %d for customer %d accepted in %d ms, queue depth %d`,
				r.IntN(16), 100000+r.IntN(900000), r.IntN(50000), r.IntN(400), r.IntN(100))
		}
		p = append(p, '\n')
	}
	return p
}

// benchBlocks returns Blocks of TargetText, of 8 Files each.
func benchBlocks(n int) []*Block {
	w := newWriter(40, 3)
	var out []*Block
	for i := range n {
		b := new(Block)
		for k := range 8 {
			w.put(b, (i*8+k)%40, criLines(TargetText/8, uint64(i*8+k)))
		}
		out = append(out, b)
	}
	return out
}

// BenchmarkAppend is what Intake asks: a Block and an fsync, again and again. Segments are released, as they would be.
func BenchmarkAppend(b *testing.B) {
	l, _ := mustOpen(b, Options{Dir: filepath.Join(b.TempDir(), "wal")})
	blocks := benchBlocks(16)
	text := 0
	b.ReportAllocs()
	before := cpuTime(b)
	for b.Loop() {
		block := blocks[text%len(blocks)]
		if err := errors.Join(l.Append(block), l.Sync()); err != nil {
			b.Fatal(err)
		}
		if text++; text%100 == 0 {
			l.Release(l.Durable())
		}
	}
	bytes := float64(text) * float64(len(blocks[0].Text))
	b.ReportMetric(bytes/1e6/b.Elapsed().Seconds(), "MB/s")
	b.ReportMetric(bytes/1e6/(cpuTime(b)-before).Seconds(), "MB/cpu-s") // what a busy machine does not change
	b.ReportMetric(bytes/float64(l.Stats().WrittenBytes), "ratio")
}

// TestWALWritesAQuarterOfWhatItReads at most, and so lets a node's disk live; a sixth of it when much waits, so that it lasts:
// ordinary logs, in Blocks as full as Intake makes them.
func TestWALWritesAQuarterOfWhatItReads(t *testing.T) {
	l, _ := mustOpen(t, Options{Dir: filepath.Join(memoryDir(t), "wal"), SegmentSize: 256 << 10, MaxSize: 32 << 20})
	blocks := benchBlocks(64)
	ratio := func() float64 {
		before, text := l.Stats().WrittenBytes, 0
		for _, b := range blocks {
			if err := l.Append(b); err != nil {
				t.Fatal(err)
			}
			text += len(b.Text)
			if !l.backlog() {
				if err := errors.Join(l.Sync(), l.Release(b.Index)); err != nil {
					t.Fatal(err)
				}
			}
		}
		return float64(text) / float64(l.Stats().WrittenBytes-before)
	}
	r := ratio()
	if t.Logf("%.2f", r); r < 4 {
		t.Errorf("%.2f bytes are read for each that is written", r)
	}
	for i := 0; !l.backlog(); i++ {
		mustAppend(t, l, blocks[i])
	}
	r = ratio()
	if t.Logf("%.2f with a backlog", r); r < 6 {
		t.Errorf("with a backlog, %.2f bytes are read for each that is written", r)
	}
	if err := l.Release(l.Durable()); err != nil {
		t.Fatal(err)
	}
	if r := ratio(); r > 5 {
		t.Errorf("behind a backlog, %.2f bytes are read for each that is written: it costs the processor what the disk can give", r)
	}
}

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkNext is what Delivery asks before anything else.
func BenchmarkNext(b *testing.B) {
	l, _ := mustOpen(b, Options{Dir: filepath.Join(b.TempDir(), "wal")})
	for _, block := range benchBlocks(200) {
		mustAppend(b, l, block)
	}
	var block Block
	var after Index
	text := 0
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		err := l.Next(after, &block)
		if errors.Is(err, ErrNone) {
			after = 0
			continue
		}
		if err != nil {
			b.Fatal(err)
		}
		after = block.Index
		text += len(block.Text)
	}
	b.ReportMetric(float64(text)/1e6/b.Elapsed().Seconds(), "MB/s")
}

// BenchmarkOpen opens a backlog of 640 Segments with 200 Files in each. It reads their summaries only, so Segments of
// 8 MiB, 5 GB in all, take as long as these small ones do: `make backlog` shows it.
func BenchmarkOpen(b *testing.B) {
	dir := filepath.Join(memoryDir(b), "wal")
	l, _ := mustOpen(b, Options{Dir: dir, SegmentSize: 1})
	w := newWriter(200, 1)
	all := make([]int, 200)
	for i := range all {
		all[i] = i
	}
	for range 640 {
		mustAppend(b, l, w.block(1, all...))
	}
	mustClose(b, l)
	b.ReportAllocs()
	var peak uint64
	for b.Loop() {
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		l, r, err := Open(Options{Dir: dir})
		if err != nil || len(r.Files) != 200 || r.Segments != 640 {
			b.Fatal(err, r)
		}
		runtime.ReadMemStats(&after)
		peak = max(peak, after.HeapAlloc-min(after.HeapAlloc, before.HeapAlloc))
		l.Close()
	}
	b.ReportMetric(float64(peak)/1e6, "MB-held")
}
