package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"logboom/chaos/e2e/numbered"
	"logboom/chaos/elasticsearch"
)

// TestUninstallLeavesACleanNode has the chart's value uninstall, while the backend is away: the pod waits with the buffer, delivers
// what is in it and in the pins of deleted logs when the backend is back, and removes both.
func TestUninstallLeavesACleanNode(t *testing.T) {
	c := openCluster(t, "uninstall")
	url := startElasticsearch(t)
	d := c.byChart(url, "")
	loads := []workload{
		{Plan: numbered.Plan{Name: "fast", Count: 20000, Stderr: 10, Long: 500, Binary: 1000}, rate: 2000, lastWords: 200},
		{Plan: numbered.Plan{Name: "slow", Count: 3000, Stderr: 2}, lastWords: 200},
	}
	for _, w := range loads {
		c.apply(w)
		awaitSecured(t, d.url(), c.logs(w.Name))
	}
	elasticsearch.Kill(t)
	awaitStatus(t, d.url(), "word that the backend is down", func(s agentStatus) bool { return !s.Delivery.BackendUp })
	for _, w := range loads { // a pod that goes prints all that is left, and its logs are pins then
		c.run("", "delete", "pod", w.Name)
	}
	before := d.pod().Metadata.UID
	d.upgrade("uninstall: true")
	await(t, "pod that cleans", func() bool { pods := d.pods(); return len(pods) == 1 && pods[0].Metadata.UID != before })
	time.Sleep(10 * time.Second)
	if left := c.belongings(); !slices.Contains(left, "checkpoint.db") || !slices.Contains(left, "wal") {
		t.Errorf("nothing is delivered, and of the buffer there is %q", left)
	}
	elasticsearch.Restart(t)
	d.ready()
	if left := c.belongings(); !slices.Equal(left, []string{"LOCK"}) {
		t.Errorf("the node is clean, but for %q", left)
	}
	for _, w := range loads {
		awaitCount(t, url, index(c, w), w.messages())
	}
	c.compare(url, loads)
}

// belongings are the names in the agent's data_dir.
func (c *cluster) belongings() (names []string) {
	c.t.Helper()
	all, err := os.ReadDir(filepath.Join("/var/log", c.namespace))
	if err != nil {
		c.t.Fatal(err)
	}
	for _, e := range all {
		names = append(names, e.Name())
	}
	return names
}
