package e2e

import (
	"testing"
	"time"

	"logboom/chaos/e2e/numbered"
	"logboom/chaos/elasticsearch"
)

// steady prints about 240 KB a second for the given time, so that the kubelet rotates it every five seconds or so. That is
// slow enough for what a rotation leaves behind to be there still when an agent has been away for as long as a pod takes to
// be replaced: nobody can ask for lines that are gone by then.
func steady(d time.Duration) workload {
	const rate = 1000
	return workload{Plan: numbered.Plan{Name: "steady", Count: rate * int64(d/time.Second), Stderr: 10, Long: 500, Binary: 1000}, rate: rate}
}

// TestRollingUpdateInMidBurst replaces the agent's pod three times while containers print and the kubelet rotates.
func TestRollingUpdateInMidBurst(t *testing.T) {
	c := openCluster(t, "rollout")
	url := elasticsearch.Start(t)
	d := c.byManifests(url)
	steady := steady(40 * time.Second)
	errors := workload{Plan: numbered.Plan{Name: "errors", Count: 12000, Stderr: 1}, rate: 300}
	burst := workload{Plan: numbered.Plan{Name: "burst", Count: 20000}}
	c.apply(steady)
	c.apply(errors)
	awaitSecured(t, d.url(), c.logs("steady"))
	for i := range 3 {
		before := d.pod().Metadata.UID
		c.run("", "rollout", "restart", "daemonset", "-l", agentLabel)
		if i == 1 {
			c.apply(burst)
		}
		d.replaced(before)
		time.Sleep(3 * time.Second)
	}
	d.finish(url, steady, errors, burst)
}
