package tail

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"logboom/wal"
)

// in writes messages to a container of a pod of its own.
func (n *node) in(pod, container, name string, messages ...string) {
	n.t.Helper()
	dir := filepath.Join(n.root, fmt.Sprintf("default_%s_%s", pod, pod), container)
	must(n.t, os.MkdirAll(dir, 0o755))
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	must(n.t, err)
	for _, m := range messages {
		_, err = f.WriteString(n.cri("F", m))
		must(n.t, err)
	}
	must(n.t, f.Close())
}

// bulk returns 1000 lines of 1 KiB.
func bulk() []string {
	lines := make([]string, 1000)
	for i := range lines {
		lines[i] = "noise " + strings.Repeat("x", 1<<10-60)
	}
	return lines
}

// read polls once and returns how many bytes came of each pod.
func (n *node) read() map[string]int {
	n.t.Helper()
	var b wal.Block
	n.now = n.now.Add(time.Millisecond)
	n.tail.Poll(n.now, &b)
	n.take(&b)
	bytes := map[string]int{}
	for _, r := range b.Records {
		bytes[r.File.Pod] += len(r.Text)
	}
	return bytes
}

// A pod that writes faster than anybody reads is never read to its end. The others must not wait for that.
func TestANoisyPodHoldsUpNobody(t *testing.T) {
	n := newNode(t)
	n.pins = ""
	noise := bulk()
	for i := range 5 {
		n.in("noisy", fmt.Sprint("c", i), "0.log", noise...)
	}
	n.start()
	for i := range 50 {
		n.in(fmt.Sprint("quiet", i), "app", "0.log", "hello")
	}
	for turn := range 10 {
		seen := map[string]bool{}
		polls := 0
		for ; len(seen) < 50 && polls < 12; polls++ {
			for i := range 5 {
				n.in("noisy", fmt.Sprint("c", i), "0.log", noise[:60]...) // together, more than a Poll takes
			}
			for pod := range n.read() {
				if pod != "noisy" {
					seen[pod] = true
				}
			}
		}
		if len(seen) < 50 {
			t.Fatalf("turn %d: after %d Blocks, %d of 50 quiet pods had theirs", turn, polls, len(seen))
		}
		n.now = n.now.Add(lookEvery)
		for i := range 50 {
			n.in(fmt.Sprint("quiet", i), "app", "0.log", "hello")
		}
	}
}

// Shares are those of pods: twenty files get no more than one.
func TestManyFilesGetNoMoreThanTheShareOfTheirPod(t *testing.T) {
	n := newNode(t)
	n.pins = ""
	noise := bulk()
	for i := range 20 {
		n.in("many", fmt.Sprint("c", i), "0.log", noise...)
	}
	for range 10 {
		n.in("one", "app", "0.log", noise...)
	}
	n.start()
	got := map[string]int{}
	for range 40 {
		for pod, bytes := range n.read() {
			got[pod] += bytes
		}
	}
	if total := got["one"] + got["many"]; total < 35*wal.TargetText {
		t.Errorf("only %d bytes in 40 Blocks", total)
	}
	if share := float64(got["one"]) / float64(got["one"]+got["many"]); share < 0.4 || share > 0.6 {
		t.Errorf("of two pods, the one with one file got %.0f %% of %v", 100*share, got)
	}
}

// What is nearest to being lost is read first: files without a name, then rotated ones by age, then the others.
func TestTheMostEndangeredIsReadFirst(t *testing.T) {
	n := newNode(t)
	n.pins = ""
	pods := []string{"live", "new", "young", "middle", "old", "nameless"}
	for _, pod := range pods {
		n.in(pod, "app", "0.log", "begin")
	}
	n.start()
	n.poll(0)
	for i, pod := range pods {
		n.in(pod, "app", "0.log", pod)
		path := filepath.Join(n.root, "default_"+pod+"_"+pod, "app", "0.log")
		switch pod {
		case "new", "young", "middle", "old":
			must(t, os.Chtimes(path, n.now, n.now.Add(-time.Duration(i)*time.Minute)))
			must(t, os.Rename(path, path+".20261122-160141"))
		case "nameless":
			must(t, os.Remove(path))
		}
	}
	n.got = nil
	n.poll(time.Second)
	n.want("nameless", "old", "middle", "young", "new", "live")
}
