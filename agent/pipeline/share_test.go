package pipeline

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"logboom/agent/config"
	"logboom/agent/status"
	"logboom/agent/tail"
	"logboom/checkpoint"
	"logboom/sink"
	"logboom/wal"
)

// shareNode is an Intake over real files and a WAL of 4 MiB, and a Delivery whose backend is away until it is called.
type shareNode struct {
	t      *testing.T
	dir    string
	now    time.Time
	rng    *rand.Rand
	log    *wal.Log
	tail   *tail.Tailer
	store  *checkpoint.Store
	shares *shares
	in     *Intake
	d      *Delivery
	events map[string]int // stored, by pod
}

const shareWAL = 4 << 20

func newShareNode(t *testing.T, dir string, most float64) *shareNode {
	n := &shareNode{t: t, dir: dir, now: time.Now(), rng: rand.New(rand.NewPCG(1, 1)), events: map[string]int{}}
	var err error
	if n.store, err = checkpoint.Open(filepath.Join(dir, "checkpoint.db")); err != nil {
		t.Fatal(err)
	}
	state, err := n.store.State()
	if err != nil {
		t.Fatal(err)
	}
	var recovery *wal.Recovery
	n.log, recovery, err = wal.Open(wal.Options{Dir: filepath.Join(dir, "wal"), SegmentSize: 256 << 10, MaxSize: shareWAL, Acked: state.Acked, Floor: state.Durable})
	if err != nil {
		t.Fatal(err)
	}
	n.shares = newShares(most)
	n.shares.begin(recovery, state)

	n.tail = tail.New(tail.Options{Inputs: []tail.Input{{Root: filepath.Join(dir, "pods")}}, Node: "n", Known: known(state, recovery), SameBoot: true,
		Ledger: n.store, Acked: func() wal.Index { return n.d.Acked() }, Waits: n.shares.waits, Log: quiet})
	sp := &space{dir: dir, minFree: config.Space{}, maxSize: shareWAL, log: n.log, shares: n.shares}
	n.in = &Intake{source: n.tail, log: n.log, space: sp.check, shares: n.shares, slog: quiet}
	n.d = (&Delivery{log: n.log, sink: n, store: n.store, dead: &deadLetters{}, slog: quiet, batchText: 1 << 20, shares: n.shares,
		room: &n.in.room}).begin(state.Acked, 1)
	return n
}

func (n *shareNode) close() {
	n.tail.Close()
	n.log.Close()
	n.store.Close()
}

// write appends lines that hardly shrink.
func (n *shareNode) write(pod string, lines int) {
	folder := filepath.Join(n.dir, "pods", "ns_"+pod+"_"+pod, "app")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		n.t.Fatal(err)
	}
	var text strings.Builder
	for range lines {
		noise := make([]byte, 500)
		for i := range noise {
			noise[i] = ' ' + byte(n.rng.IntN(95))
		}
		fmt.Fprintf(&text, "2026-11-22T16:01:41.1Z stdout F %s %s\n", pod, noise)
	}
	f, err := os.OpenFile(filepath.Join(folder, "0.log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	if err == nil {
		_, err = f.WriteString(text.String())
		f.Close()
	}
	if err != nil {
		n.t.Fatal(err)
	}
}

func (n *shareNode) read(seconds int) {
	for range 20 * seconds {
		n.in.Step(n.now)
		n.now = n.now.Add(50 * time.Millisecond)
	}
}

func (n *shareNode) Send(_ context.Context, events sink.Events) (r sink.Result, err error) {
	events.Each(func(_ int, e *sink.Event) error { n.events[e.File.Pod]++; r.Stored++; return nil })
	return r, nil
}

// deliver has the backend answer.
func (n *shareNode) deliver(seconds int) {
	for range seconds {
		n.read(1)
		for range 10 {
			n.d.Step(n.now)
			if len(n.d.work) > 0 {
				b := <-n.d.work
				b.result, b.err = n.Send(context.Background(), b)
				n.d.done <- b
			}
		}
	}
}

// TestANoisyPodLeavesTheWALToTheOthers while the backend is away, and gets everything delivered when it is back.
func TestANoisyPodLeavesTheWALToTheOthers(t *testing.T) {
	dir := t.TempDir()
	n := newShareNode(t, dir, 1./3)
	n.write("noisy", 16<<10) // 8 MiB
	n.read(5)
	alone := n.log.Stats().Bytes
	if alone < shareWAL*2/5 || alone > shareWAL*3/5 {
		t.Errorf("a pod that is alone has %d bytes of the WAL's %d", alone, shareWAL)
	}
	if n.shares.waiting() != 1 || n.in.Blocked() != "" {
		t.Errorf("%d pods wait, blocked %q", n.shares.waiting(), n.in.Blocked())
	}
	for _, f := range n.tail.Report().Files {
		if f.State != "waits" {
			t.Errorf("the status says %+v", f)
		}
	}
	for again := range 3 { // the second time in an agent that was started anew
		if again == 1 {
			before := n.shares.pods["noisy"]
			n.close()
			if n = newShareNode(t, dir, 1./3); n.shares.pods["noisy"] != before {
				t.Errorf("the noisy pod had %d bytes, has %d for the next agent", before, n.shares.pods["noisy"])
			}
		}
		for i := range 5 {
			n.write(fmt.Sprintf("quiet%d", i), 20)
		}
		n.read(3)
		for _, f := range n.tail.Report().Files {
			if strings.Contains(f.Path, "quiet") && f.Lag > 0 {
				t.Errorf("%s has %d bytes that are not in the WAL", f.Path, f.Lag)
			}
		}
	}
	if grown := n.log.Stats().Bytes - alone; grown > 512<<10 {
		t.Errorf("the noisy pod got on: %d bytes more", grown)
	}
	n.deliver(60)
	for pod, want := range map[string]int{"noisy": 16 << 10, "quiet0": 60, "quiet4": 60} {
		if n.events[pod] != want {
			t.Errorf("%s: %d lines delivered, want %d", pod, n.events[pod], want)
		}
	}
	if s := n.shares; len(s.files) > 0 || len(s.pods) > 0 || s.total != 0 {
		t.Errorf("nothing waits, and there are shares: %+v", s)
	}
	n.close()
}

func TestAShareOfAllIsNoLimit(t *testing.T) {
	n := newShareNode(t, t.TempDir(), 1)
	defer n.close()
	n.write("noisy", 16<<10)
	n.read(5)
	if used := n.log.Stats().Bytes; used+headroom <= shareWAL || n.in.standing().reason != status.WALFull {
		t.Errorf("%d bytes of %d, blocked %+v", used, shareWAL, n.in.standing())
	}
}
