// Package e2e runs the built agent from outside, with real parts on both sides of it: container logs that a real kubelet
// rotates and deletes, and a real Elasticsearch. README.md says how.
package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"logboom/chaos/oracle"
)

// TestPodLogsOfARealNodeAreStoredOnce runs pods on a real node, kills the agent with SIGKILL, deletes a pod while it is
// away and lets logs rotate, starts it again, deletes another pod and lets a job end. Then it compares all that the pods
// printed with all that Elasticsearch holds.
func TestPodLogsOfARealNodeAreStoredOnce(t *testing.T) {
	c := openCluster(t, "host")
	url := startElasticsearch(t)
	listen := freeAddr(t)
	a := newAgent(t, configure(hostDir(t, "/var/log", c.namespace), podLogs, url, "%{namespace}-%{pod}", listen))

	a.start()
	for _, w := range workloads {
		c.apply(w)
	}
	steady := c.logs("steady")
	awaitRotation(t, steady)
	logs := c.logs("pinned")
	awaitSecured(t, "http://"+listen, logs)
	a.kill()
	t.Log("agent killed")
	c.run("", "delete", "pod", "pinned")
	awaitRotation(t, steady)
	awaitRotation(t, steady)
	if _, err := os.Stat(logs); !errors.Is(err, os.ErrNotExist) {
		t.Logf("the kubelet has not removed %s yet: pins are not put to the test this time (%v)", logs, err)
	}
	t.Log("two rotations later: agent started again")
	a.start()

	for _, w := range leavers {
		c.apply(w)
	}
	awaitSecured(t, "http://"+listen, c.logs("gone"))
	c.run("", "delete", "pod", "gone")
	for _, w := range slices.Concat(workloads, leavers) {
		awaitCount(t, url, index(c, w), w.messages())
	}
	a.stop(15 * time.Second)
	a.drain(4 * time.Minute)
	if ledger := a.command("ledger", "--json"); strings.Contains(ledger, c.namespace) {
		t.Errorf("the ledger lists losses:\n%s", ledger)
	}
	c.compare(url, slices.Concat(workloads, leavers))
}

// hostDir is a data_dir, which goes when the test ends. Under /var/log it is on the same mount as the logs, so that hard
// links pin them.
func hostDir(t *testing.T, parent, name string) string {
	t.Helper()
	dir := filepath.Join(parent, name)
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// index is where the agent puts a workload's lines. The names of pods that somebody makes for others have a suffix.
func index(c *cluster, w workload) string {
	if w.kind != pod {
		return c.namespace + "-" + w.Name + "-*"
	}
	return c.namespace + "-" + w.Name
}

// awaitRotation returns when there is a rotated file that was not there before.
func awaitRotation(t *testing.T, dir string) {
	t.Helper()
	before := rotated(t, dir)
	for deadline := time.Now().Add(40 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		for _, name := range rotated(t, dir) {
			plain := strings.TrimSuffix(strings.TrimSuffix(name, ".tmp"), ".gz")
			if !slices.ContainsFunc(before, func(b string) bool { return strings.HasPrefix(b, plain) }) {
				return
			}
		}
	}
	t.Fatal("the kubelet rotated nothing in 40 s: set containerLogMaxSize: 1Mi and containerLogMonitorInterval: 3s for this test")
}

// awaitSecured waits until the agent says that it has made lines of a file in dir durable.
func awaitSecured(t *testing.T, agent, dir string) {
	t.Helper()
	await(t, "secured lines of "+dir, func() bool {
		var status struct {
			Files []struct {
				Path    string
				Durable int64
			}
		}
		get(t, agent+"/api/v1/status", &status)
		for _, f := range status.Files {
			if strings.HasPrefix(f.Path, dir+"/") && f.Durable > 0 {
				return true
			}
		}
		return false
	})
}

// awaitCount waits until an index has so many documents. When it takes too long, the comparison will tell more.
func awaitCount(t *testing.T, url, index string, want int64) {
	t.Helper()
	const limit = 5 * time.Minute // two cores that are busy otherwise take that long
	var got int64
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(500 * time.Millisecond) {
		if got = count(t, url, index); got >= want {
			return
		}
	}
	t.Errorf("%s has %d documents after %v, want %d", index, got, limit, want)
}

func get(t *testing.T, url string, v any) {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err == nil {
		err = json.Unmarshal(data, v)
	}
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v %s", url, answer.Status, err, data)
	}
}

// compare holds what every workload printed against what is stored, and says where it comes from.
func (c *cluster) compare(url string, loads []workload) {
	c.t.Helper()
	var all table
	for _, w := range loads {
		all = append(all, row{w, index(c, w)})
	}
	compare(c.t, url, all)
	for _, w := range loads {
		if w.file == "" {
			checkFields(c.t, c, url, w)
		}
	}
}

// table says in which index the lines of which workloads are.
type table []row

type row struct {
	workload
	index string
}

// compare holds what every workload printed against what is stored, and prints the counts.
func compare(t *testing.T, url string, rows table) {
	t.Helper()
	var counts, trouble strings.Builder
	w := tabwriter.NewWriter(&counts, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "pod\tprinted\tstored\tduplicates\tmissing\twrong\tout of order\t")
	for _, load := range rows {
		r, err := oracle.Check(context.Background(), http.DefaultClient, url, load.index, load.manifest(t))
		if err != nil {
			t.Errorf("read back %s: %v", load.Name, err)
			continue
		}
		if load.held != nil {
			t.Logf("%d lines of %s never were on the disk", excuse(r, load.held), load.Name)
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t\n",
			load.Name, r.Written, r.Stored, r.Duplicates, r.Missing, r.Wrong+r.Foreign, r.Disordered)
		if !r.OK() {
			r.Print(&trouble)
		}
	}
	w.Flush()
	t.Logf("\n%s", counts.String())
	if trouble.Len() > 0 {
		t.Errorf("what is stored is not what was printed:\n%s", trouble.String())
	}
}
