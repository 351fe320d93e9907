package scenarios

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"logboom/chaos/backend/api"
	"logboom/chaos/backend/store"
	"logboom/chaos/kubelet"
)

// Figures from outside. In make test these are short and only have to count right; make idle, latency and burst take the
// time and the sizes that the figures are about.

// figure says whether a figure is wanted, and not only its test, which runs beside others.
func figure(t *testing.T) (full bool) {
	if full = os.Getenv("LOGBOOM_SPEED") == "full"; !full {
		t.Parallel()
	}
	return full
}

// used is the processor time that the running agent has had.
func (g *stage) used() time.Duration {
	g.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", g.agent.cmd.Process.Pid))
	must(g.t, err)
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	user, err := strconv.ParseInt(fields[11], 10, 64)
	must(g.t, err)
	system, err := strconv.ParseInt(fields[12], 10, 64)
	must(g.t, err)
	return time.Duration(user+system) * 10 * time.Millisecond // USER_HZ is 100 on all of Linux
}

// 500 quiet files: what the agent costs while nothing happens. Bar: under 1 % of a core and 50 MB.
func TestIdle(t *testing.T) {
	full := figure(t)
	g := newStage(t, settings{})
	files, wait := 50, time.Second
	if full {
		files, wait = 500, 30*time.Second
	}
	for i := range files {
		h, dir := g.container(fmt.Sprintf("quiet-%d", i))
		h.write(filepath.Join(dir, "0.log"), 20)
	}
	g.agent.start()
	g.awaitStored(int64(20 * files))
	if full {
		time.Sleep(15 * time.Second) // quiet is what has not grown for a while
	}
	before, begin := g.used(), time.Now()
	time.Sleep(wait)
	share := float64(g.used()-before) / float64(time.Since(begin)) * 100
	t.Logf("%d quiet files for %v: %.2f %% of a core, %.1f MB at the most", files, wait, share, float64(g.peak())/1e6)
	if full && (share >= 1 || g.peak() >= 50e6) {
		t.Error("the bar is under 1 % and 50 MB")
	}
	g.verdict(demand{})
}

// arrivals is a backend that notes how old each Event is when it comes.
type arrivals struct {
	http.Handler
	mu    sync.Mutex // guards all below
	since time.Time  // lines that were written before are first ones
	ages  []time.Duration
	first []time.Duration
}

func (a *arrivals) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "_bulk") {
		now := time.Now()
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = a.note(now, body)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	a.Handler.ServeHTTP(w, r)
}

func (a *arrivals) note(now time.Time, body []byte) error {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for in := bufio.NewScanner(z); in.Scan(); {
		if _, rest, ok := bytes.Cut(in.Bytes(), []byte(`"@timestamp":"`)); ok {
			text, _, _ := bytes.Cut(rest, []byte{'"'})
			at, err := time.Parse(time.RFC3339Nano, string(text))
			if err != nil {
				return err
			}
			if at.Before(a.since) {
				a.first = append(a.first, now.Sub(at))
			} else {
				a.ages = append(a.ages, now.Sub(at))
			}
		}
	}
	return nil
}

// From write to the backend's door, for each line. A line comes there only when it is durable, so that this is an upper
// bound for how long it takes to be so. Bar: 300 ms for 99 of 100 lines, at 10,000 lines/s over 200 files. The files are quiet
// before, and that they grow is seen within a second: lines of that second are told apart.
func TestLatency(t *testing.T) {
	full := figure(t)
	g := newStage(t, settings{})
	docs, err := store.Open(filepath.Join(g.dir, "arrived"), t.Logf)
	must(t, err)
	defer docs.Close()
	door := &arrivals{Handler: api.New(docs)}
	server := httptest.NewServer(door)
	defer server.Close()
	g.url = server.URL
	g.configure(settings{})
	files, rate, length := 20, 500, 2*time.Second
	if full {
		files, rate, length = 200, 10000, 20*time.Second
	}
	hands, logs := make([]*hand, files), make([]*os.File, files)
	for i := range hands {
		h, dir := g.container(fmt.Sprintf("live-%d", i))
		hands[i] = h
		logs[i], err = os.OpenFile(filepath.Join(dir, "0.log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
		must(t, err)
		defer logs[i].Close()
		_, err = logs[i].WriteString(h.text(1))
		must(t, err)
	}
	g.agent.start()
	g.awaitStored(int64(files))
	door.mu.Lock()
	begin, next := time.Now(), 0
	door.ages, door.since = nil, begin.Add(time.Second)
	door.mu.Unlock()
	for time.Since(begin) < length || next < rate*int(length/time.Second) { // the last ones are not of the first second, however late it is
		for due := 1 + int(time.Since(begin).Seconds()*float64(rate)); next < due; next++ {
			_, err := logs[next%files].WriteString(hands[next%files].text(1)) // a write for each line, as containerd does
			must(t, err)
		}
		time.Sleep(2 * time.Millisecond)
	}
	g.awaitStored(int64(files + next))
	door.mu.Lock()
	slices.Sort(door.ages)
	slices.Sort(door.first)
	at := func(share float64) time.Duration {
		return door.ages[int(share*float64(len(door.ages)-1))].Round(time.Millisecond)
	}
	t.Logf("%d lines/s over %d files, from write to the backend: median %v, 99 %% %v, 99.9 %% %v, worst %v; of the first second: median %v, worst %v; %.0f %% of a core, %.1f MB at the most",
		rate, files, at(0.5), at(0.99), at(0.999), at(1),
		door.first[len(door.first)/2].Round(time.Millisecond), door.first[len(door.first)-1].Round(time.Millisecond), float64(g.used())/float64(length)*100, float64(g.peak())/1e6)
	if full && at(0.99) > 300*time.Millisecond {
		t.Error("the bar is 300 ms for 99 of 100 lines")
	}
	door.mu.Unlock()
	g.verdict(demand{})
}

// A burst into one file, while the backend is away: how many bytes a second of a core makes durable. Bar: 150 MB.
func TestBurst(t *testing.T) {
	full := figure(t)
	size := int64(8e6)
	if full {
		size = 300e6
	}
	g := newStage(t, settings{wal: "  max_size: 2GiB"})
	n := g.startNode(kubelet.Config{Seed: 1, MaxSize: 1 << 40, Pods: []kubelet.Pod{
		{Namespace: "shop", Name: "burst", Containers: []kubelet.Container{{Name: "app", Rate: 1e6}}}}})
	await(t, "the burst is written", func() bool { return n.Bytes.Load() >= size })
	n.end()
	size = n.Bytes.Load()
	g.backend.kill()
	g.agent.start()
	begin := time.Now()
	g.awaitStatus("the burst is durable", func(s status) bool { return s.Intake.ReadBytes == size })
	took, used := time.Since(begin), g.used()
	t.Logf("%.0f MB in one file are durable after %.2f s, with %.2f s of a core: %.0f MB a core's second; %.1f MB at the most",
		float64(size)/1e6, took.Seconds(), used.Seconds(), float64(size)/1e6/used.Seconds(), float64(g.peak())/1e6)
	if full && float64(size)/1e6/used.Seconds() < 150 {
		t.Error("the bar is 150 MB a core's second")
	}
	g.startBackend()
	g.verdict(demand{})
}
