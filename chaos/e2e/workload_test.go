package e2e

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"logboom/chaos/e2e/numbered"
	"logboom/chaos/manifest"
)

// workload is one pod or job, and all that it prints in its life.
type workload struct {
	numbered.Plan // of one attempt
	rate          float64
	crashes       int    // attempts that crash before the last one
	lastWords     int64  // of the count; printed only when the pod is deleted
	openEnd       bool   // the last line has no newline
	file          string // it logs into this one, not to its outputs
	kind          kind
	labels        map[string]string // beside app.kubernetes.io/name
	annotations   map[string]string

	held map[string]map[int64]bool // what was on the disk by a witness, where that may be less; see watch
}

// kind is what makes a workload's pod.
type kind int

const (
	pod        kind = iota // nobody else
	static                 // the kubelet: place is for these
	job                    // its pod ends by itself, and is removed
	deployment             // by way of a ReplicaSet
)

// workloads cover the ways in which a container's log comes and goes. The sizes are for a kubelet that rotates at 1 MiB.
var workloads = []workload{
	{Plan: numbered.Plan{Name: "steady", Count: 60000, Stderr: 10, Long: 500, Binary: 1000}, rate: 2000},
	{Plan: numbered.Plan{Name: "burst", Count: 40000}},
	{Plan: numbered.Plan{Name: "errors", Count: 9000, Stderr: 1}, rate: 300},
	{Plan: numbered.Plan{Name: "quiet", Count: 15}, rate: 0.5},
	{Plan: numbered.Plan{Name: "crash", Count: 1500, Stderr: 3}, rate: 1000, crashes: 2},
	pinned,
}

// pinned is deleted, and prints its last words, while no agent runs: only a hard link keeps those.
var pinned = workload{Plan: numbered.Plan{Name: "pinned", Count: 2000, Stderr: 4}, lastWords: 300}

// leavers are started while the agent runs again; their files go before it ends.
var leavers = []workload{
	gone,
	{Plan: numbered.Plan{Name: "job", Count: 400, Stderr: 5}, openEnd: true, kind: job},
}

var gone = workload{Plan: numbered.Plan{Name: "gone", Count: 5000, Stderr: 2}, lastWords: 200}

func (w workload) args() []string {
	args := []string{
		"--name", w.Name, "--count", fmt.Sprint(w.Count), "--stderr", fmt.Sprint(w.Stderr), "--long", fmt.Sprint(w.Long),
		"--binary", fmt.Sprint(w.Binary), "--rate", fmt.Sprint(w.rate), "--crashes", fmt.Sprint(w.crashes),
		"--last-words", fmt.Sprint(w.lastWords),
	}
	if w.file != "" {
		args = append(args, "--file", w.file)
	}
	if w.JSON {
		args = append(args, "--json")
	}
	if w.openEnd {
		args = append(args, "--open-end")
	}
	if w.kind == job {
		args = append(args, "--exit")
	}
	return args
}

// messages is the number of lines of all attempts, or of those on the disk.
func (w workload) messages() (n int64) {
	if w.held == nil {
		return int64(w.crashes+1) * w.Count
	}
	for stream, numbers := range w.held {
		if strings.HasPrefix(stream, w.Name+"/") {
			n += int64(len(numbers))
		}
	}
	return n
}

// manifest lists them.
func (w workload) manifest(t *testing.T) manifest.Manifest {
	t.Helper()
	var list bytes.Buffer
	m := manifest.NewWriter(&list)
	for attempt := range w.crashes + 1 {
		p := w.Plan
		p.Name += "/" + strconv.Itoa(attempt)
		if err := p.List(m); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	read, err := manifest.Read(&list)
	if err != nil {
		t.Fatal(err)
	}
	return read
}
