package e2e

import (
	"testing"

	"logboom/chaos/e2e/numbered"
)

// TestShortLives has containers whose logs are soon gone: jobs that print and end at once and whose pods are removed, a
// container that crashes again and again, and a static pod that is taken away.
func TestShortLives(t *testing.T) {
	folder := given(t, staticPods)
	c := openCluster(t, "short")
	url := startElasticsearch(t)
	d := c.byManifests(url)
	quick := workload{Plan: numbered.Plan{Name: "job", Count: 400, Stderr: 5}, openEnd: true, kind: job}
	long := workload{Plan: numbered.Plan{Name: "big-job", Count: 20000}, kind: job}
	crash := workload{Plan: numbered.Plan{Name: "crash", Count: 1500, Stderr: 3}, crashes: 3}
	mirrored := workload{Plan: numbered.Plan{Name: "static", Count: 2000, Stderr: 3}, lastWords: 200, kind: static}
	c.apply(crash)
	c.apply(long)
	c.apply(quick)
	remove := c.place(mirrored, folder)
	awaitCount(t, url, index(c, mirrored), mirrored.Count-mirrored.lastWords)
	remove()
	d.finish(url, quick, long, crash, mirrored)
}
