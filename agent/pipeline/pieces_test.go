package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"logboom/agent/tail"
	"logboom/sink"
	"logboom/wal"
)

// verbose makes a File with the longest description that there can be: the kernel bounds a path and the names in it, package
// config the rest, and each of these bytes takes six in JSON.
func verbose(n int) *wal.File {
	name := strings.Repeat("\x01", 255)
	return &wal.File{ID: wal.FileID{byte(n >> 8), byte(n), 1}, Path: strings.Repeat("\x01", 4096), Format: wal.CRI, Node: name,
		Route: strings.Repeat("r", 255) + strings.Repeat("\x01", 8*255), Namespace: name, Pod: name, PodUID: name, Container: name,
		ContainerID: name, Attempt: 1 << 30, Ordinal: 1 << 62, Start: 1 << 62,
		Identity: wal.Identity{Inode: 1 << 63, Birth: -1 << 63, HeadLen: wal.MaxHead}}
}

// A Block whose Files have too much to say of them would be refused, read again, and refused again.
func TestABlockThatIsTooLargeGoesInPieces(t *testing.T) {
	log, _, err := wal.Open(wal.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	var b wal.Block
	const files = 512
	for i := range files {
		b.Records = append(b.Records, wal.Record{File: verbose(i), End: 5})
		b.Text = append(b.Text, fmt.Sprintf("%04d\n", i)...)
	}
	for i := range b.Records {
		b.Records[i].Text = b.Text[5*i:][:5]
	}
	b.Records[255].Chained, b.Records[256].Chained = true, true // where the halves would be cut
	b.Time = time.Now()
	whole := b
	if err := log.Append(&whole); !errors.Is(err, wal.ErrTooLarge) {
		t.Fatalf("it is not too large: %v", err)
	}
	if err := appendAll(log, &b); err != nil {
		t.Fatal(err)
	}
	if err := log.Sync(); err != nil {
		t.Fatal(err)
	}
	if b.Index != log.Durable() {
		t.Errorf("index %d; the last piece is %d", b.Index, log.Durable())
	}
	n, pieces := 0, 0
	for at := wal.Index(0); at < log.Durable(); at = b.Index {
		if err := log.Next(at, &b); err != nil {
			t.Fatal(err)
		}
		pieces++
		for _, r := range b.Records {
			if want := fmt.Sprintf("%04d\n", n); string(r.Text) != want || r.File.ID != verbose(n).ID {
				t.Fatalf("record %d is %q of %s", n, r.Text, r.File.ID)
			}
			n++
		}
		if b.Records[len(b.Records)-1].Chained {
			t.Error("a piece ends inside of a chain")
		}
	}
	if n != files || pieces < 2 {
		t.Errorf("%d records in %d pieces", n, pieces)
	}
}

// wordy is a WAL that takes few descriptions at a time.
type wordy struct {
	*wal.Log
	most  int
	tried int
}

func (w *wordy) Append(b *wal.Block) error {
	if w.tried++; len(b.Records) > w.most {
		return fmt.Errorf("append: %w", wal.ErrTooLarge)
	}
	return w.Log.Append(b)
}

func TestIntakeDoesNotLoopOnABlockThatIsTooLarge(t *testing.T) {
	dir := t.TempDir()
	for i := range 9 {
		c := filepath.Join(dir, "pods", fmt.Sprintf("ns_pod_uid%d", i), "app")
		os.MkdirAll(c, 0o755)
		os.WriteFile(filepath.Join(c, "0.log"), []byte("2026-11-22T16:01:41.1Z stdout F hello\n"), 0o640)
	}
	log, _, err := wal.Open(wal.Options{Dir: filepath.Join(dir, "wal")})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	tailer := tail.New(tail.Options{Inputs: []tail.Input{{Root: filepath.Join(dir, "pods")}}, Node: "n",
		Acked: func() wal.Index { return 0 }, Log: quiet})
	defer tailer.Close()
	w := &wordy{Log: log, most: 2}
	in := &Intake{source: tailer, log: w, space: func() error { return nil }, slog: quiet}
	now := time.Now()
	for range 20 {
		in.Step(now)
		now = now.Add(time.Second)
	}
	var b batch
	for at := wal.Index(0); log.Next(at, b.slot()) == nil; at = b.last() {
		b.add()
	}
	events := 0
	b.Each(func(int, *sink.Event) error { events++; return nil })
	if report := tailer.Report(); events != 9 || report.ReadBytes != 9*38 || in.Blocked() != "" || w.tried > 10 {
		t.Errorf("%d lines in %d attempts, %d bytes read, blocked %q", events, w.tried, report.ReadBytes, in.Blocked())
	}
}

// Dead letters have a Note each, and those of one Batch are many.
func TestManyDeadLettersFitIntoTheStore(t *testing.T) {
	log, _, err := wal.Open(wal.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	f := &wal.File{ID: wal.FileID{1}, Format: wal.Plain, Path: "/x"}
	b := &batch{}
	fill(b.slot(), 1, f, strings.Repeat("a line\n", 5000))
	b.add()
	var refused []sink.Refusal
	for n := range 5000 {
		refused = append(refused, sink.Refusal{N: n, Type: "x", Reason: strings.Repeat("reason", 1000)})
	}
	put := make(chan error)
	go func() { put <- (&deadLetters{log: log}).Put(b, refused) }()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	select {
	case err := <-put:
		if err != nil {
			t.Fatal(err)
		}
	case <-ctx.Done():
		t.Fatal("it loops")
	}
	n := 0
	var back wal.Block
	for at := wal.Index(0); log.Next(at, &back) == nil; at = back.Index {
		n += len(back.Records)
	}
	if n != 5000 {
		t.Errorf("%d dead letters", n)
	}
}
