package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"logboom/bench/corpus"
)

// writer appends lines to the files of running containers at a rate, as containerd does: a write for each, with the time of the
// writing before it.
type writer struct {
	files []*os.File
	lines [][]byte // texts, taken in turn

	mu      sync.Mutex // guards all below
	written int64      // lines
	bytes   int64
	pending []mark // lines that are not known to be durable, oldest first
	marking bool
}

// mark is a line: how many bytes stood in all files when it was written, itself included.
type mark struct {
	end int64
	at  time.Time
}

// newWriter makes n log files below root. The texts are those of the corpus.
func newWriter(root string, n int, c *corpus.Corpus) (*writer, error) {
	w := &writer{}
	for _, path := range c.FilePaths() {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		for line := range bytes.Lines(text) {
			if _, rest, found := bytes.Cut(line, []byte{' '}); found { // without the time
				w.lines = append(w.lines, rest)
			}
		}
	}
	for i := range n {
		dir := filepath.Join(root, fmt.Sprintf("live_web-%d_00000000-0000-4000-8000-%012d", i, i), "app")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
		f, err := os.OpenFile(filepath.Join(dir, "0.log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
		if err != nil {
			return nil, err
		}
		w.files = append(w.files, f)
	}
	return w, nil
}

func (w *writer) close() {
	for _, f := range w.files {
		f.Close()
	}
}

// run writes at the rate, in bursts of a few milliseconds, until ctx ends. A writer that the machine holds up catches up.
func (w *writer) run(ctx context.Context, rate float64) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	var b []byte
	began, done := time.Now(), int64(0)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for due := int64(time.Since(began).Seconds() * rate); done < due && ctx.Err() == nil; done++ {
			now := time.Now()
			b = append(now.UTC().AppendFormat(b[:0], time.RFC3339Nano), ' ')
			b = append(b, w.lines[done%int64(len(w.lines))]...)
			if _, err := w.files[done%int64(len(w.files))].Write(b); err != nil {
				return err
			}
			w.wrote(len(b), now)
		}
	}
}

func (w *writer) wrote(size int, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.written++
	w.bytes += int64(size)
	if w.marking {
		w.pending = append(w.pending, mark{w.bytes, at})
	}
}

// mark begins to note the times of lines.
func (w *writer) mark() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.marking = true
}

func (w *writer) counts() (lines, bytes int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.written, w.bytes
}

// durable appends the ages of the lines that are durable when the first so many bytes are.
func (w *writer) durable(bytes int64, now time.Time, ages []time.Duration) []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for ; n < len(w.pending) && w.pending[n].end <= bytes; n++ {
		ages = append(ages, now.Sub(w.pending[n].at))
	}
	w.pending = w.pending[n:]
	return ages
}
