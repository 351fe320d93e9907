package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"logboom/agent/socket"
	"logboom/agent/status"
)

// ask decodes what the running agent answers to path.
func (n node) ask(t *testing.T, path string, v any) {
	t.Helper()
	if err := socket.NewClient(n.data()).GetJSON(t.Context(), path, v); err != nil {
		t.Fatal(err)
	}
}

// What the charts show is what the Status says, from the first look at the folders on.
func TestTheFirstSampleAgreesWithTheStatus(t *testing.T) {
	n := newNode(t, nowhere, "wal: {min_free: 1MiB, max_size: 64MiB}") // so that the room does not depend on what others write to the disk
	n.run(t)
	var h struct{ Samples map[string][]float64 }
	for deadline := time.Now().Add(patience); len(h.Samples["time"]) == 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no sample")
		}
		n.ask(t, "/api/v1/history", &h)
	}
	s := n.status(t, func(s *status.Status) bool { return s.Account.Waiting == 46 && !s.Delivery.NextRetry.IsZero() })
	last := func(column string) float64 { return h.Samples[column][len(h.Samples[column])-1] }
	if got := last("written_bytes"); got != float64(s.Account.Read) || last("read_bytes") > got || last("unread_bytes") > got {
		t.Errorf("%v, the status says %+v", h.Samples, s.Account)
	}
	if room := last("room_bytes"); room < float64(s.WAL.Room)*0.8 || room > float64(s.WAL.Room)*1.25 || s.WAL.Room <= 0 || s.WAL.Room > s.WAL.MaxBytes-s.WAL.Bytes {
		t.Errorf("room for %v bytes, the status says %+v", room, s.WAL)
	}
	if last("blocked") != 0 || last("acked_bytes") != 0 {
		t.Errorf("%v %+v", h.Samples, s.Delivery)
	}
}

// A Status has the worst Files only; of the rest there is a listing.
func TestEveryFileIsListed(t *testing.T) {
	const files = status.MaxFiles + 200
	n := newNode(t, nowhere, "wal: {min_free: 1MiB}")
	for i := range files - 1 {
		n.write(t, fmt.Sprintf("pods/shop_web_v%04d/app/0.log", i), "2026-11-22T16:00:00.000000000Z stdout F hello\n")
	}
	n.run(t)
	s := n.status(t, func(s *status.Status) bool { return s.FileCount == files && s.Account.Unread == 0 })
	if len(s.Files) != status.MaxFiles {
		t.Errorf("the status has %d files", len(s.Files))
	}
	seen := map[string]bool{}
	for offset := 0; offset < files; offset += 500 {
		var l status.Listing
		n.ask(t, fmt.Sprintf("/api/v1/files?sort=path&limit=500&offset=%d", offset), &l)
		if l.Total != files || l.Matching != files {
			t.Errorf("%d of %d", l.Matching, l.Total)
		}
		for _, f := range l.Files {
			seen[f.Path] = true
			if f.Durable != 46 {
				t.Errorf("%+v", f)
			}
		}
	}
	if len(seen) != files {
		t.Errorf("%d files were listed", len(seen))
	}
}

// oldest is what the page shows of dead letters.
func (n node) oldest(t *testing.T) []status.Letter {
	t.Helper()
	var got struct{ Oldest []status.Letter }
	n.ask(t, "/api/v1/deadletters/oldest", &got)
	return got.Oldest
}

// The page shows the oldest dead letters, no more than it asks for, with the beginning of their lines.
func TestThePageShowsTheOldestDeadLetters(t *testing.T) {
	b := newBackend(t)
	b.accept = func(_, document string) string {
		if strings.Contains(document, "good") {
			return "" // most of them: what refuses nearly all is not believed
		}
		return `{"status":400,"error":{"type":"document_parsing_exception","reason":"failed to parse"}}`
	}
	n := newNode(t, b.url, dated)
	n.config(t, b.url)
	var lines strings.Builder
	for i := range 150 {
		lines.WriteString("2026-11-22T16:00:00Z stdout F good\n2026-11-22T16:00:00Z stdout F good\n")
		fmt.Fprintf(&lines, "2026-11-22T16:00:00Z stdout F %03d %s\n", i, strings.Repeat("ä", 1000))
	}
	n.write(t, "pods/shop_web_u1/app/0.log", lines.String())
	n.run(t)
	n.status(t, func(s *status.Status) bool { return s.Letters.Refused == 150 })
	var oldest []status.Letter
	for deadline := time.Now().Add(patience); len(oldest) != 100; time.Sleep(50 * time.Millisecond) { // once they are committed
		if oldest = n.oldest(t); time.Now().After(deadline) {
			t.Fatalf("%d letters", len(oldest))
		}
	}
	for i, l := range oldest {
		if !strings.HasPrefix(l.Line, fmt.Sprintf("%03d ä", i)) || len(l.Line) > 1<<10 || !utf8.ValidString(l.Line) || l.State != "refused" || l.Reason != "failed to parse" ||
			l.Type != "document_parsing_exception" || !strings.HasSuffix(l.Path, "/0.log") || l.Index != "logs-shop-2026.11.22" {
			t.Fatalf("%d: %+v", i, l)
		}
	}
}
