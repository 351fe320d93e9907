package scenarios

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"logboom/chaos/kubelet"
	"logboom/chaos/oracle"
	"logboom/chaos/report"
)

// mostSamples bounds a film: when it has so many, every other one goes, and the next come half as often.
const mostSamples = 2000

// film notes what happens on a stage, for a report. All methods may be called on nil, which notes nothing.
type film struct {
	g       *stage
	name    string    // of the report; "" is the test's
	written bool      // the report
	started time.Time // begin
	stop    context.CancelFunc
	done    chan struct{} // closed when no more samples are taken; nil before begin

	mu      sync.Mutex // guards all below
	nodes   []*kubelet.Node
	hands   int64 // bytes that hands wrote
	samples []report.Sample
	faults  []report.Fault
	open    map[string]float64 // faults that last, and since when
}

// newFilm returns the film of a stage, or nil where nobody wants a report. LOGBOOM_REPORT names the folder for them.
func newFilm(g *stage) *film {
	if os.Getenv("LOGBOOM_REPORT") == "" {
		return nil
	}
	return &film{g: g, open: map[string]float64{}}
}

// title names the report otherwise than the test.
func (f *film) title(name string) {
	if f != nil {
		f.name = name
	}
}

// watch counts what a node writes.
func (f *film) watch(n *kubelet.Node) {
	if f != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.nodes = append(f.nodes, n)
	}
}

// wrote counts what a hand wrote.
func (f *film) wrote(bytes int) {
	if f != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.hands += int64(bytes)
	}
}

// begin begins to take samples, until end.
func (f *film) begin() {
	if f == nil {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	f.started, f.stop, f.done = time.Now(), stop, make(chan struct{})
	go func() {
		defer close(f.done)
		agent, backend := brief(f.g.socket()), brief(&http.Transport{DisableKeepAlives: true})
		for every := 100 * time.Millisecond; ; {
			select {
			case <-ctx.Done():
				return
			case <-time.After(every):
			}
			if f.take(agent, backend) {
				every *= 2
			}
		}
	}()
}

// end takes no more samples. It may be called again.
func (f *film) end() {
	if f != nil && f.done != nil {
		f.stop()
		<-f.done
	}
}

// take adds one sample. It returns true when samples were thinned out.
func (f *film) take(agent, backend *http.Client) bool {
	s := report.Sample{At: f.now(), Written: f.g.writer.Lines()}
	bytes := max(f.bytes(), 1)
	if a, ok := f.g.askWith(agent); ok && !a.Intake.LastStep.IsZero() {
		secured := max(0, 1-float64(a.Intake.UnreadBytes)/float64(bytes))
		durable := int64(float64(s.Written) * secured)
		s.Durable = &durable
		s.WAL, s.Lag, s.Pins = &a.WAL.Bytes, &a.Intake.UnreadBytes, &a.Intake.PinBytes
	}
	if n, ok := count(backend, f.g.url); ok {
		s.Delivered = &n
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.samples = append(f.samples, s)
	if len(f.samples) < mostSamples {
		return false
	}
	for i := range mostSamples / 2 {
		f.samples[i] = f.samples[2*i]
	}
	f.samples = f.samples[:mostSamples/2]
	return true
}

// bytes is how many were written.
func (f *film) bytes() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.hands
	for _, node := range f.nodes {
		n += node.Bytes.Load()
	}
	return n
}

func (f *film) now() float64 { return time.Since(f.started).Round(time.Millisecond).Seconds() }

// fault notes that a fault begins, which lasts until over.
func (f *film) fault(what string) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.open[what]; !ok {
		f.open[what] = f.now()
	}
}

// over notes that a fault ends, if it had begun.
func (f *film) over(what string) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if from, ok := f.open[what]; ok {
		f.faults = append(f.faults, report.Fault{What: what, From: from, To: f.now()})
		delete(f.open, what)
	}
}

// moment notes a fault that is over at once.
func (f *film) moment(what string) {
	f.fault(what)
	f.over(what)
}

// report writes what happened, and what was counted; nil: nothing, for the scenario broke off.
func (f *film) report(counts *oracle.Counts) error {
	if f == nil || f.done == nil || f.written {
		return nil
	}
	f.written = true
	f.end()
	for what := range maps.Clone(f.open) {
		f.over(what)
	}
	r := report.Run{Name: cmp.Or(f.name, strings.ReplaceAll(f.g.t.Name(), "/", "-")), Server: f.g.backend.name(), Seed: f.g.seed, Started: f.started,
		Seconds: f.now(), Passed: !f.g.t.Failed(), Faults: f.faults, Samples: f.samples}
	if r.Broken = counts == nil; !r.Broken {
		r.Counts = *counts
	}
	return r.Write(os.Getenv("LOGBOOM_REPORT"))
}

// keep copies what a process said beside the reports: what a failure was is mostly told long before the last words.
func (f *film) keep(log string) {
	if f == nil {
		return
	}
	text, err := os.ReadFile(log)
	if err == nil {
		name := cmp.Or(f.name, strings.ReplaceAll(f.g.t.Name(), "/", "-")) + "-" + filepath.Base(log)
		err = os.WriteFile(filepath.Join(os.Getenv("LOGBOOM_REPORT"), name), text, 0o644)
	}
	if err != nil {
		f.g.t.Error(err)
	}
}
