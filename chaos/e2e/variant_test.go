package e2e

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"testing"

	"logboom/chaos/e2e/numbered"
)

// TestUnprivileged has the variant that runs as uid 1000 and may only read /var/log. Without pins, its open descriptors
// keep what the kubelet rotates away and deletes.
func TestUnprivileged(t *testing.T) {
	c := openCluster(t, "user")
	url := startElasticsearch(t)
	d := c.byChart(url, fmt.Sprintf("unprivileged: true\nconfig: {data_dir: %q}", hostDir(t, "/var/lib", c.namespace)))
	var s agentStatus
	get(t, d.url()+"/api/v1/status", &s)
	if s.Intake.Pins {
		t.Error("the agent makes pins: this is not the variant")
	}
	fast := workload{Plan: numbered.Plan{Name: "fast", Count: 40000, Stderr: 10, Long: 500, Binary: 1000}, rate: 3000}
	gone := workload{Plan: numbered.Plan{Name: "gone", Count: 3000, Stderr: 2}, lastWords: 200}
	c.apply(fast)
	c.apply(gone)
	awaitSecured(t, d.url(), c.logs("gone"))
	c.run("", "delete", "pod", "gone")
	d.finish(url, fast, gone)
}

// TestNodeLogs has the chart's value nodeLogs: log files of the node itself, beside those of its containers.
func TestNodeLogs(t *testing.T) {
	c := openCluster(t, "node")
	url := startElasticsearch(t)
	path := "/var/log/" + c.namespace + ".log"
	t.Cleanup(func() { os.Remove(path); os.Remove(path + ".1") })
	d := c.byChart(url, fmt.Sprintf("nodeLogs: {enabled: true, paths: [%q]}\nconfig: {sink: {elasticsearch: {index: %q}}}",
		path, c.namespace+"-%{namespace}-%{pod}"))
	daemon := workload{Plan: numbered.Plan{Name: "daemon", Count: 10000, Binary: 1000}, file: path}
	beside := workload{Plan: numbered.Plan{Name: "beside", Count: 2000, Stderr: 4}}
	c.apply(beside)
	logTo(t, path, daemon)
	rows := table{{daemon, c.namespace + "--"}, {beside, c.namespace + "-" + c.namespace + "-beside"}}
	for _, r := range rows {
		awaitCount(t, url, r.index, r.messages())
	}
	d.end()
	compare(t, url, rows)
}

// logTo prints the workload into a file, as a daemon of the node does, and rotates it in the middle.
func logTo(t *testing.T, path string, w workload) {
	t.Helper()
	open := func() (*os.File, *bufio.Writer) {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
		if err != nil {
			t.Fatal(err)
		}
		return f, bufio.NewWriter(f)
	}
	file, out := open()
	plan, n := w.Plan, int64(0)
	plan.Name += "/" + strconv.Itoa(0)
	err := plan.Each(func(_ string, _ int64, _ bool, text []byte) error {
		if n++; n == plan.Count/2 {
			if err := out.Flush(); err != nil {
				return err
			}
			if err := file.Close(); err != nil {
				return err
			}
			if err := os.Rename(path, path+".1"); err != nil {
				return err
			}
			file, out = open()
		}
		_, err := fmt.Fprintf(out, "%s\n", text)
		return err
	})
	if err == nil {
		err = out.Flush()
	}
	if err == nil {
		err = file.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}
