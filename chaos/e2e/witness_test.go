package e2e

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"logboom/chaos/manifest"
	"logboom/chaos/oracle"
)

// witness keeps all log files of a namespace open from their first moments on, and so knows what was on the disk: a
// container runtime that is killed takes lines with it that it had taken from a container and not yet written. Nobody can
// deliver those. Long lines are not for it.
type witness struct {
	t     *testing.T
	mu    sync.Mutex // guards files
	files []*os.File
}

// watch begins to look, until the test ends.
func (c *cluster) watch() *witness {
	w := &witness{t: c.t}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			w.look(filepath.Join(podLogs, c.namespace+"_*", "writer", "*.log*"))
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	c.t.Cleanup(func() {
		close(stop)
		<-done
		for _, f := range w.files {
			f.Close()
		}
	})
	return w
}

// look opens what is new. A .gz is what the kubelet makes of a file that is open already.
func (w *witness) look(pattern string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	names, _ := filepath.Glob(pattern) // fails only for a bad pattern
	for _, name := range names {
		if filepath.Ext(name) == ".gz" || filepath.Ext(name) == ".tmp" {
			continue
		}
		f, err := os.Open(name)
		if err != nil {
			continue // renamed or gone
		}
		if slices.ContainsFunc(w.files, func(old *os.File) bool { return same(old, f) }) {
			f.Close()
			continue
		}
		w.files = append(w.files, f)
	}
}

func same(a, b *os.File) bool {
	x, err := a.Stat()
	y, err2 := b.Stat()
	return err == nil && err2 == nil && os.SameFile(x, y)
}

// lines returns which messages were on the disk so far, by stream.
func (w *witness) lines() map[string]map[int64]bool {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	all := map[string]map[int64]bool{}
	for _, f := range w.files {
		data, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<40))
		if err != nil {
			w.t.Fatal(err)
		}
		for line := range bytes.Lines(data) {
			_, message, _ := bytes.Cut(line, []byte(" F "))
			stream, n, ok := manifest.ParsePrefix(message)
			if !ok {
				continue
			}
			if all[string(stream)] == nil {
				all[string(stream)] = map[int64]bool{}
			}
			all[string(stream)][n] = true
		}
	}
	return all
}

// excuse takes from a report what is missing because it never was on the disk, and returns how many those are.
func excuse(r *oracle.Report, held map[string]map[int64]bool) (excused int64) {
	for _, m := range r.MissingAt {
		for n := m.From; n <= m.To; n++ {
			if !held[m.Stream][n] {
				excused++
			}
		}
	}
	r.Written -= excused
	r.Missing -= excused
	return excused
}
