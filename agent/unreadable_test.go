package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"logboom/agent/socket"
	"logboom/agent/status"
	"logboom/checkpoint"
	"logboom/wal"
)

// grow adds lines of 200 bytes, which hardly compress, to a log.
func (n node) grow(t *testing.T, name string, lines int) {
	t.Helper()
	path := filepath.Join(n.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	noise := make([]byte, 120)
	for range lines {
		for i := range noise {
			noise[i] = byte(rand.Uint32())
		}
		fmt.Fprintf(&text, "2026-11-22T16:00:00.000000000Z stdout F %s\n", base64.StdEncoding.EncodeToString(noise)[:159])
	}
	if _, err := f.WriteString(text.String()); errors.Join(err, f.Close()) != nil {
		t.Fatal(err)
	}
}

// status waits until the agent says that ok.
func (n node) status(t *testing.T, ok func(*status.Status) bool) *status.Status {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		var s status.Status
		err := socket.NewClient(n.data()).GetJSON(t.Context(), "/api/v1/status", &s)
		if err == nil && ok(&s) {
			return &s
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v: %+v", err, s)
		}
	}
}

// damageMiddle makes the whole middle Segment unreadable, and returns what it held of each File.
func (n node) damageMiddle(t *testing.T) map[string][2]wal.Offset {
	t.Helper()
	r, err := wal.OpenReadOnly(wal.View{Dir: filepath.Join(n.data(), "wal")})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	all := r.Segments()
	if len(all) < 4 {
		t.Fatalf("%d segments", len(all))
	}
	middle := all[len(all)/2]
	held := map[string][2]wal.Offset{}
	for at := middle.First - 1; at < middle.Last; {
		var b wal.Block
		if err := r.Next(at, &b); err != nil {
			t.Fatal(err)
		}
		if at = b.Index; at > middle.Last {
			break
		}
		for _, r := range b.Records {
			pod := strings.Split(r.File.Path, "/app/")[0]
			span, known := held[filepath.Base(pod)]
			if !known {
				span[0] = r.Start
			}
			held[filepath.Base(pod)] = [2]wal.Offset{span[0], r.End}
		}
	}
	f, err := os.OpenFile(filepath.Join(middle.Folder, filepath.Base(middle.Folder)), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt(make([]byte, middle.Bytes), 0)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return held
}

// TestAnUnreadableSegmentIsLostByFileAndRange: nothing of a Segment in the middle can be read, not even whose bytes it had.
// The ledger has them exactly, the accounts and metrics say so, and nothing counts as delivered that the backend does not have.
func TestAnUnreadableSegmentIsLostByFileAndRange(t *testing.T) {
	b := newBackend(t)
	b.stopped = true
	n := newNode(t, b.url, "")
	n.write(t, "logboom.yaml", fmt.Sprintf(`data_dir: %s/data
inputs: [{kubernetes: {root: %s/pods}}]
sink: {elasticsearch: {urls: [%q], index: logs, batch_size: 1MiB, concurrency: 1, min_backoff: 10ms, max_backoff: 20ms}}
http: {listen: "off"}
%s`, n.dir, n.dir, b.url, dated))
	const first, second = "pods/shop_web_u1/app/0.log", "pods/shop_late_u2/app/0.log"
	n.write(t, first, "")
	n.grow(t, first, 20_000)
	_, stop := n.run(t)
	secured := func(files int, lines int64) {
		n.status(t, func(s *status.Status) bool { return len(s.Files) == files && s.Account.Waiting == lines*200 })
	}
	secured(1, 20_000)
	for lines := int64(20_000); lines < 40_000; lines += 5_000 { // the second File begins later, and goes on with the first
		n.grow(t, first, 2_500)
		n.grow(t, second, 2_500)
		secured(2, lines+5_000)
	}
	held := n.damageMiddle(t)
	if len(held) == 0 {
		t.Fatal("the segment held nothing")
	}
	b.set(func(b *backend) { b.stopped = false })
	s := n.status(t, func(s *status.Status) bool { return s.Account.Waiting == 0 && s.Delivery.Acked == s.WAL.Durable })

	var lost int64
	body, err := socket.NewClient(n.data()).Get(t.Context(), "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := io.ReadAll(body)
	body.Close()
	if err != nil {
		t.Fatal(err)
	}
	stop()
	listed, unknown := map[string]checkpoint.Loss{}, 0
	for line := range strings.Lines(n.say(t, "ledger", "--json", "-c", n.file)) {
		var l checkpoint.Loss
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(l.File.Path, "unknown files in block ") {
			unknown++
			continue
		}
		listed[filepath.Base(strings.Split(l.File.Path, "/app/")[0])] = l
	}
	for pod, span := range held {
		l := listed[pod]
		if l.Start != span[0] || l.End != span[1] || l.AtLeast || !l.Read || l.Cause != checkpoint.CauseDamaged ||
			!strings.HasPrefix(l.Detail, "in blocks ") || !strings.Contains(l.Detail, filepath.Join("damaged", "wal")) {
			t.Errorf("%s: want %d, got %+v", pod, span, l)
		}
		lost += int64(span[1] - span[0])
	}
	if len(listed) != len(held) || unknown != 1 {
		t.Errorf("%d files and %d segments with unknown ones are listed", len(listed), unknown)
	}
	stored := map[string]int64{} // bytes
	for _, doc := range b.stored() {
		stored[regexp.MustCompile(`shop_[a-z]+_u.`).FindString(doc)] += 200
	}
	for _, f := range s.Files {
		pod := filepath.Base(strings.Split(f.Path, "/app/")[0])
		a, span := f.Account, held[pod]
		if a.Acked != stored[pod] || a.LostRead != int64(span[1]-span[0]) || a.Read != a.Acked+a.LostRead || a.Known != a.Read || a.Known != f.Size {
			t.Errorf("%s: the backend has %d bytes, the account says %+v", pod, stored[pod], a)
		}
	}
	for name, want := range map[string]int64{`logboom_lost_bytes_total{reason="damaged"}`: lost,
		`logboom_content_bytes{place="lost_read"}`: lost, `logboom_content_bytes{place="acked"}`: 40_000*200 - lost} {
		m := regexp.MustCompile("(?m)^" + regexp.QuoteMeta(name) + " (.*)$").FindSubmatch(metrics)
		if m == nil {
			t.Errorf("no %s", name)
		} else if got, _ := strconv.ParseFloat(string(m[1]), 64); int64(got) != want {
			t.Errorf("%s is %s, want %d", name, m[1], want)
		}
	}
}
