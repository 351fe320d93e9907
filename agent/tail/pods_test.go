package tail

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"logboom/wal"
)

const podWait = 10 * time.Second

// told is what an API told of pods: by name, a container's description.
type told map[string]*wal.File

func (p told) Describe(d *wal.File) bool {
	known := p[d.Pod]
	if known == nil {
		return false
	}
	d.Described, d.Labels, d.Image, d.NamespaceLabels = true, known.Labels, known.Image, known.NamespaceLabels
	if known.ContainerID != "" {
		d.ContainerID = known.ContainerID
	}
	return true
}

func app(value string) *wal.File {
	return &wal.File{Labels: map[string]string{"app": value}, NamespaceLabels: map[string]string{"team": value}, Image: "i", ContainerID: "c"}
}

// labels are those of the Events so far, "" where nothing was known of the pod.
func (n *node) labels() (all []string) {
	for _, e := range n.events {
		if all = append(all, e.File.Labels["app"]); e.File.NamespaceLabels["team"] != e.File.Labels["app"] {
			n.t.Errorf("the namespace has %v, the pod %v", e.File.NamespaceLabels, e.File.Labels)
		}
	}
	return all
}

func (n *node) wantLabels(want ...string) {
	n.t.Helper()
	if got := n.labels(); !slices.Equal(got, want) {
		n.t.Errorf("labels %q, want %q", got, want)
	}
}

func TestANewFileWaitsForItsPodAndLosesNothing(t *testing.T) {
	for _, pins := range []bool{true, false} {
		n := newNode(t)
		pods := told{"other": app("other")}
		n.pods = pods
		if !pins {
			n.pins = ""
		}
		other := filepath.Join(n.root, "default_other_u2", "app")
		must(t, os.MkdirAll(other, 0o755))
		must(t, os.WriteFile(filepath.Join(other, "0.log"), []byte(n.cri("F", "other")), 0o640))
		n.lines("0.log", "a")
		n.start()
		n.poll(0)
		n.want("other") // which waits for nobody
		if n.tail.AtEnd() {
			t.Error("a file that waits counts as read")
		}
		n.rename("0.log", "0.log.20261122-160141")
		n.lines("0.log.20261122-160141", "b")
		n.lines("0.log", "c")
		n.poll(2 * time.Second)
		n.zip("0.log.20261122-160141")
		n.poll(2 * time.Second)
		n.remove("0.log.20261122-160141.gz")
		n.remove("0.log")
		n.poll(2 * time.Second)
		n.want("other")
		pods["web-1"] = app("web")
		n.poll(time.Second)
		n.poll(quietFor)
		n.poll(quietFor)
		n.want("other", "a", "b", "c")
		n.wantLabels("other", "web", "web", "web")
		if len(n.losses) > 0 {
			t.Errorf("lost: %+v", n.losses)
		}
	}
}

func TestAPodThatStaysUnknownHoldsItsFilesUpOnce(t *testing.T) {
	n := newNode(t)
	pods := told{}
	n.pods = pods
	n.lines("0.log", "a")
	n.start()
	n.poll(0)
	n.poll(podWait - time.Second)
	n.want()
	n.poll(time.Second)
	n.want("a")
	n.rename("0.log", "0.log.20261122-160141")
	n.lines("0.log", "b")
	n.lines("1.log", "c")
	n.poll(time.Second)
	n.want("a", "b", "c")
	before := n.events[2].File
	pods["web-1"] = app("web")
	n.poll(time.Second) // a scan
	n.lines("1.log", "d")
	n.poll(time.Second)
	n.wantLabels("", "", "", "web")
	if after := n.events[3].File; after.ID != before.ID || after.Route != before.Route || after.ContainerID != "c" || after.Ordinal != before.Ordinal {
		t.Errorf("what is learnt of a File makes another one of it: %+v, %+v", before, after)
	}
}

func TestARestartKeepsWhatIsKnownOfAPod(t *testing.T) {
	n := newNode(t)
	n.pods = told{"web-1": app("web")}
	n.lines("0.log", "a")
	n.start()
	n.poll(0)
	n.pods = told{} // the API is down
	n.lines("0.log", "b")
	n.restart()
	n.rename("0.log", "0.log.20261122-160141")
	n.lines("0.log", "c")
	n.lines("1.log", "d")
	n.poll(0)
	n.want("a", "b", "c", "d")
	n.wantLabels("web", "web", "web", "web")
	if id := n.events[3].File.ContainerID; id != "" {
		t.Errorf("another run of the container has the id %q", id)
	}
}

func TestChangesOfLabelsHoldForNewFiles(t *testing.T) {
	n := newNode(t)
	first := app("old")
	first.ContainerID = "" // a pod's status comes later than its container
	pods := told{"web-1": first}
	n.pods = pods
	n.lines("0.log", "a")
	n.start()
	n.poll(0)
	pods["web-1"] = app("new")
	n.poll(time.Second)
	n.lines("0.log", "b")
	n.poll(time.Second)
	n.rename("0.log", "0.log.20261122-160141")
	n.lines("0.log", "c")
	n.poll(time.Second)
	n.wantLabels("old", "old", "new")
	if n.events[0].File.ContainerID != "" || n.events[1].File.ContainerID != "c" {
		t.Error("the id of a container that comes late is not added")
	}
}

func TestWhatAFirstStartPassesOverDoesNotDependOnTheAPI(t *testing.T) {
	n := newNode(t)
	pods := told{}
	n.pods = pods
	n.inputs[0].FromNow = true
	n.lines("0.log", "old")
	n.start()
	n.poll(0)
	n.lines("0.log", "new")
	n.lines("1.log", "newer")
	n.poll(2 * time.Second)
	pods["web-1"] = app("web")
	n.poll(time.Second)
	n.want("new", "newer")
}

// A folder of more files than there may be descriptors for, and no pins.
func TestFilesThatNothingKeepsDoNotWait(t *testing.T) {
	n := newNode(t)
	n.pods = told{}
	n.pins = ""
	var want []string
	n.start()
	n.tail.o.MaxOpen = 4 // and 16 that nothing is known of
	for i := range 40 {
		name := string(rune('a' + i))
		n.lines("0.log.20261122-1601"+string(rune('0'+i/10))+string(rune('0'+i%10)), name)
		want = append(want, name)
	}
	for range 4 {
		n.poll(20 * time.Millisecond)
	}
	n.want(want...)
}

// Those that have no name any more are only kept by their descriptors.
func TestTooManyFilesThatWaitAreNoReasonToLetGoOfThoseThatVanished(t *testing.T) {
	n := newNode(t)
	n.pods, n.pins = told{}, ""
	n.start()
	n.tail.o.MaxOpen = 64 // 16 of them that nothing is known of
	var names []string
	add := func(count int) {
		for range count {
			i := len(names)
			names = append(names, "0.log.20261122-1601"+string(rune('0'+i/10))+string(rune('0'+i%10)))
			n.lines(names[i], string(rune('a'+i)))
		}
	}
	add(12)
	n.poll(0)
	n.want()
	for _, name := range names {
		n.remove(name)
	}
	add(10)
	for range 4 {
		n.poll(time.Second)
	}
	n.poll(quietFor)
	if got := len(n.events); got != 22 {
		t.Errorf("%d of 22 lines, and %d losses", got, len(n.losses))
	}
}

func TestFilesThatVanishWhileTheyWaitKeepTheirOrder(t *testing.T) {
	n := newNode(t)
	pods := told{}
	n.pods, n.pins = pods, ""
	var names, want []string
	for i := range 8 {
		names, want = append(names, "0.log.20261122-16010"+string(rune('0'+i))), append(want, string(rune('a'+i)))
		n.lines(names[i], want[i])
	}
	n.start()
	n.poll(0)
	for _, name := range names {
		n.remove(name)
	}
	n.poll(time.Second)
	n.want()
	pods["web-1"] = app("web")
	n.poll(time.Second)
	n.poll(quietFor)
	n.want(want...)
}
