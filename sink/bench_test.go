package sink

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"logboom/wal"
)

// benchEvents makes n Events as a busy node has them: 8 pods of different kinds, Records of about 100 Lines, messages of
// about 150 bytes. bytes is what they are in the files, prefixes included.
func benchEvents(n int) (events list, bytes int64) {
	rnd := rand.New(rand.NewPCG(1, 2))
	at := time.Date(2026, 11, 22, 16, 1, 2, 0, time.UTC)
	var files []*wal.File
	for i := range 8 {
		f := testFile(i)
		for j := range f.ID {
			f.ID[j] = byte(rnd.Uint32())
		}
		f.Path = fmt.Sprintf("/var/log/pods/shop_cart-%d-7d9c5bd6b8-x2x4q_0f4c8d5e-2b9c-4d0e-9c1e-1f0f6b1f9a3%d/app/0.log", i, i)
		f.Pod, f.PodUID = fmt.Sprintf("cart-%d-7d9c5bd6b8-x2x4q", i), fmt.Sprintf("0f4c8d5e-2b9c-4d0e-9c1e-1f0f6b1f9a3%d", i)
		f.Labels = map[string]string{
			"app.kubernetes.io/name": "cart", "app.kubernetes.io/instance": fmt.Sprintf("cart-%d", i), "pod-template-hash": "7d9c5bd6b8",
			"app.kubernetes.io/version": "1.28.4",
		}
		f.ContainerID = "4b825dc642cb6eb9a060e54bf8d69288fbee4904fb60c8c3d9f3f3f3f3f3f3f3"
		files = append(files, f)
	}
	offset := make([]wal.Offset, len(files))
	for len(events) < n {
		k := rnd.IntN(len(files))
		for range 50 + rnd.IntN(100) {
			at = at.Add(time.Duration(rnd.IntN(400000)))
			m := benchMessage(rnd, k)
			e := Event{
				File: files[k], Offset: offset[k], Sum: rnd.Uint32(), Time: []byte(at.Format(time.RFC3339Nano)), Stream: "stdout", Message: m,
			}
			line := len(e.Time) + len(" stdout F ") + len(m) + 1
			offset[k] += wal.Offset(line)
			bytes += int64(line)
			events = append(events, e)
		}
	}
	return events, bytes
}

func benchMessage(rnd *rand.Rand, kind int) []byte {
	ip := fmt.Sprintf("10.%d.%d.%d", rnd.IntN(4), rnd.IntN(256), rnd.IntN(256))
	paths := []string{"/api/v1/cart", "/api/v1/cart/items", "/healthz", "/api/v2/orders/checkout", "/static/js/app.6f1d.js"}
	path := paths[rnd.IntN(len(paths))]
	switch kind % 4 {
	case 0:
		return fmt.Appendf(nil, `%s - - [22/Nov/2026:16:01:02 +0000] "GET %s?id=%d HTTP/1.1" %d %d "-" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36" %.3f`,
			ip, path, rnd.IntN(1e6), 200+100*rnd.IntN(4), rnd.IntN(50000), rnd.Float64())
	case 1:
		return fmt.Appendf(nil, `{"level":"info","ts":1795363262.%06d,"caller":"cart/handler.go:%d","msg":"request served","path":"%s","duration_ms":%d,"trace_id":"%016x","user":%d}`,
			rnd.IntN(1e6), rnd.IntN(500), path, rnd.IntN(900), rnd.Uint64(), rnd.IntN(1e7))
	case 2:
		return fmt.Appendf(nil, `I1122 16:01:02.%06d %7d controller.go:%d] "Reconciling" object="shop/cart-%d" generation=%d reconcileID="%08x-%04x-4%03x" queue=%d elapsed="%dms"`,
			rnd.IntN(1e6), 1, rnd.IntN(900), rnd.IntN(300), rnd.IntN(50), rnd.Uint32(), rnd.IntN(65536), rnd.IntN(4096), rnd.IntN(50), rnd.IntN(100))
	}
	return fmt.Appendf(nil, "2026-11-22 16:01:02,%03d INFO  [pool-%d-thread-%d] c.s.cart.CartService - Cart %x updated for customer %d: %d items, total %d.%02d EUR, took %d ms",
		rnd.IntN(1000), rnd.IntN(4), rnd.IntN(64), rnd.Uint64(), rnd.IntN(1e6), rnd.IntN(40), rnd.IntN(900), rnd.IntN(100), rnd.IntN(300))
}

// BenchmarkRender measures a request's body in bytes of the log files it is made of. level=0 is rendering alone.
func BenchmarkRender(b *testing.B) {
	events, size := benchEvents(20000)
	for _, level := range []int{0, 1} {
		b.Run(fmt.Sprintf("level=%d", level), func(b *testing.B) {
			body := newBody(newFileCache(&Fields{}), level)
			b.SetBytes(size)
			b.ReportAllocs()
			var wire int
			for b.Loop() {
				body.reset()
				for i := range events {
					body.add(&events[i])
				}
				wire = len(body.finish())
			}
			b.ReportMetric(float64(body.size)/float64(len(events)), "rendered-B/event")
			b.ReportMetric(float64(wire)/float64(len(events)), "wire-B/event")
			b.ReportMetric(float64(size)/float64(len(events)), "input-B/event")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(events)), "ns/event")
		})
	}
}

func BenchmarkEscape(b *testing.B) {
	for name, s := range map[string]string{
		"ascii":  "2026-11-22 16:01:02,123 INFO  [pool-1-thread-3] c.s.cart.CartService - Cart 5f updated for customer 12: 3 items, total 3.00 EUR, took 12 ms",
		"json":   `{"level":"info","ts":1795363262.1,"caller":"cart/handler.go:1","msg":"request served","path":"/a","duration_ms":1,"user":12}`,
		"umlaut": "Zürich größte Straße über Öl, Käse und Bücher für alle Gäste; naïve café déjà vu",
		"han":    "用户登录成功,订单已经创建,正在等待支付结果的通知,请稍后再试或者联系客服人员",
	} {
		b.Run(name, func(b *testing.B) {
			src, dst := []byte(s), make([]byte, 0, 4096)
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				dst, _ = appendEscaped(dst[:0], src)
			}
		})
	}
}

// Rendering must not allocate for an Event, or a busy node spends its time collecting garbage.
func TestRenderingDoesNotAllocate(t *testing.T) {
	events, _ := benchEvents(5000)
	for i := range events {
		switch i % 50 {
		case 0:
			events[i].Message = []byte("not UTF-8 \xff")
		case 1:
			events[i].Message = bytes.Repeat([]byte("long "), 10000)
		case 2:
			events[i].Part, events[i].Last = 3, true
		}
	}
	for _, level := range []int{0, 1} {
		body := newBody(newFileCache(&Fields{}), level)
		allocs := testing.AllocsPerRun(10, func() {
			body.reset()
			for i := range events {
				body.add(&events[i])
			}
			body.finish()
		})
		if allocs > 0 {
			t.Errorf("level %d: %v allocations", level, allocs)
		}
	}
}
