package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"logboom/chaos/e2e/numbered"
)

// steady prints about 240 KB a second for the given time, so that the kubelet rotates it every five seconds or so. That is
// slow enough for what a rotation leaves behind to be there still when an agent has been away for as long as a pod takes to
// be replaced: nobody can ask for lines that are gone by then.
func steady(d time.Duration) workload {
	const rate = 1000
	return workload{Plan: numbered.Plan{Name: "steady", Count: rate * int64(d/time.Second), Stderr: 10, Long: 500, Binary: 1000}, rate: rate}
}

// TestRollingUpdateInMidBurst has helm upgrade replace the agent's pod three times while containers print and the kubelet
// rotates.
func TestRollingUpdateInMidBurst(t *testing.T) {
	c := openCluster(t, "rollout")
	url := startElasticsearch(t)
	d := c.byChart(url, "")
	steady := steady(40 * time.Second)
	errors := workload{Plan: numbered.Plan{Name: "errors", Count: 12000, Stderr: 1}, rate: 300}
	burst := workload{Plan: numbered.Plan{Name: "burst", Count: 20000}}
	c.apply(steady)
	c.apply(errors)
	awaitSecured(t, d.url(), c.logs("steady"))
	for i := range 3 {
		before := d.pod().Metadata.UID
		d.upgrade(fmt.Sprintf("podAnnotations: {round: %q}", fmt.Sprint(i)))
		if i == 1 {
			c.apply(burst)
		}
		d.replaced(before)
		time.Sleep(3 * time.Second)
	}
	d.finish(url, steady, errors, burst)
}

// TestPodsDeletedByForce takes away the agent's pod, and loggers before, while and after it is replaced. The last words of
// one come while no agent looks: a pin keeps them.
func TestPodsDeletedByForce(t *testing.T) {
	c := openCluster(t, "force")
	url := startElasticsearch(t)
	d := c.byManifests(url)
	steady := steady(30 * time.Second)
	c.apply(steady)
	leaving := func(name string) workload {
		return workload{Plan: numbered.Plan{Name: name, Count: 3000, Stderr: 4}, lastWords: 200}
	}
	before, meanwhile, after := leaving("before"), leaving("meanwhile"), leaving("after")
	for _, w := range []workload{before, meanwhile, after} {
		c.apply(w)
		awaitSecured(t, d.url(), c.logs(w.Name))
	}
	force := func(pod string) { c.run("", "delete", "pod", pod, "--force", "--grace-period=0") }
	force("before")
	old := d.pod().Metadata
	force(old.Name)
	force("meanwhile")
	d.replaced(old.UID)
	force("after")
	d.finish(url, steady, before, meanwhile, after)
}

// TestQuotaPressure has three containers print far more than the kubelet keeps: it rotates at each tick, and deletes what it
// rotated two ticks before.
func TestQuotaPressure(t *testing.T) {
	c := openCluster(t, "quota")
	url := startElasticsearch(t)
	d := c.byChart(url, "")
	loads := []workload{
		{Plan: numbered.Plan{Name: "fast", Count: 60000, Stderr: 10, Long: 500, Binary: 1000}, rate: 3000},
		{Plan: numbered.Plan{Name: "errors", Count: 40000, Stderr: 1}, rate: 3000},
		{Plan: numbered.Plan{Name: "burst", Count: 40000}},
		{Plan: numbered.Plan{Name: "quiet", Count: 15}, rate: 0.5},
	}
	for _, w := range loads {
		c.apply(w)
	}
	logs := c.logs("fast")
	first := rotated(t, logs)
	await(t, "rotations by which the first rotated file goes", func() bool {
		if len(first) == 0 {
			first = rotated(t, logs)
			return false
		}
		return !slices.Contains(rotated(t, logs), first[0])
	})
	d.finish(url, loads...)
}

// TestContainerdIsKilled has the runtime, which writes the log files, die by SIGKILL twice. It takes some lines with it
// that it had not written yet; all that were on the disk are delivered.
func TestContainerdIsKilled(t *testing.T) {
	kill := given(t, killContainerd)
	c := openCluster(t, "runtime")
	url := startElasticsearch(t)
	d := c.byManifests(url)
	seen := c.watch()
	steady := workload{Plan: numbered.Plan{Name: "steady", Count: 25000, Stderr: 10}, rate: 1000}
	crash := workload{Plan: numbered.Plan{Name: "crash", Count: 1500, Stderr: 3}, rate: 300, crashes: 2}
	late := workload{Plan: numbered.Plan{Name: "late", Count: 2000}}
	c.apply(steady)
	c.apply(crash)
	awaitSecured(t, d.url(), c.logs("steady"))
	do(t, kill)
	c.apply(late)
	awaitSecured(t, d.url(), c.logs("late"))
	do(t, kill)
	last := map[string]int64{"steady/0/out": 22499, "steady/0/err": 2499, "crash/2/out": 999, "crash/2/err": 499, "late/0/out": 1999}
	var held map[string]map[int64]bool
	await(t, "ends of what containers print", func() bool {
		held = seen.lines()
		for stream, n := range last {
			if !held[stream][n] {
				return false
			}
		}
		return true
	})
	loads := []workload{steady, crash, late}
	for i := range loads {
		loads[i].held = held
	}
	d.finish(url, loads...)
}
