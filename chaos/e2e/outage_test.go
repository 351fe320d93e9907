package e2e

import (
	"net/http"
	"testing"
	"time"

	"logboom/chaos/e2e/numbered"
	"logboom/chaos/elasticsearch"
)

// outage is how long a server is away.
const outage = time.Minute

// TestBackendDownAMinute kills Elasticsearch with SIGKILL in mid-burst. The agent stays ready all the while, since it
// secures what is printed; its pod is even replaced meanwhile, with all of that in its buffer.
func TestBackendDownAMinute(t *testing.T) {
	c := openCluster(t, "backend")
	url := startElasticsearch(t)
	d := c.byChart(url, "")
	steady := steady(60 * time.Second)
	gone := workload{Plan: numbered.Plan{Name: "gone", Count: 5000, Stderr: 2}, lastWords: 200}
	c.apply(steady)
	c.apply(gone)
	awaitSecured(t, d.url(), c.logs("gone"))
	elasticsearch.Kill(t)
	back := time.Now().Add(outage)
	awaitStatus(t, d.url(), "word that the backend is down", func(s agentStatus) bool { return !s.Delivery.BackendUp })
	c.run("", "delete", "pod", "gone")
	old := d.pod().Metadata
	c.run("", "delete", "pod", old.Name)
	d.replaced(old.UID)
	for time.Now().Before(back) {
		if code := probe(t, d.url()+"/readyz"); code != http.StatusOK {
			t.Errorf("/readyz answers %d while the backend is down, want 200", code)
		}
		time.Sleep(5 * time.Second)
	}
	waiting := agentStatus{}
	get(t, d.url()+"/api/v1/status", &waiting)
	t.Logf("%d bytes wait in the buffer", waiting.Account.Waiting)
	if waiting.Account.Waiting == 0 {
		t.Error("nothing waits in the buffer after a minute without backend")
	}
	elasticsearch.Restart(t)
	d.finish(url, steady, gone)
}

func awaitStatus(t *testing.T, agent, what string, ok func(agentStatus) bool) {
	t.Helper()
	await(t, what, func() bool {
		var s agentStatus
		get(t, agent+"/api/v1/status", &s)
		return ok(s)
	})
}

// probe asks as the kubelet does.
func probe(t *testing.T, url string) int {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return answer.StatusCode
}

// TestAPIServerDownAMinute stops the API server, which then neither answers nor refuses. A static pod, which needs none, is
// delivered all the same, without labels. What is known of the others is kept, also by an agent that is killed and started
// again meanwhile, and of a pod that comes when the API is back all is known.
func TestAPIServerDownAMinute(t *testing.T) {
	stop, start := given(t, stopAPI), given(t, startAPI)
	folder := given(t, staticPods)
	c := openCluster(t, "api")
	url := startElasticsearch(t)
	d := c.byChart(url, "")
	steady := steady(60 * time.Second)
	crash := workload{Plan: numbered.Plan{Name: "crash", Count: 1500, Stderr: 3}, rate: 100, crashes: 1}
	mirrored := workload{Plan: numbered.Plan{Name: "static", Count: 3000, Stderr: 3}, rate: 100, kind: static}
	late := workload{Plan: numbered.Plan{Name: "late", Count: 500}, rate: 200}
	c.apply(steady)
	c.apply(crash)
	agent, old := d.url(), d.pod()
	awaitSecured(t, agent, c.logs("steady"))
	awaitSecured(t, agent, c.logs("crash"))

	t.Cleanup(func() {
		if err := shell(start); err != nil {
			t.Error(err)
		}
	})
	do(t, stop)
	back := time.Now().Add(outage)
	c.place(mirrored, folder)
	awaitCount(t, url, index(c, steady), count(t, url, index(c, steady))+5000)
	d.kill(old)
	awaitCount(t, url, index(c, steady), count(t, url, index(c, steady))+5000)
	awaitCount(t, url, index(c, mirrored), 500)
	time.Sleep(time.Until(back))
	do(t, start)
	c.apply(late)
	d.finish(url, steady, crash, mirrored, late)

	for _, w := range []workload{steady, crash, late} {
		if n := without(t, url, index(c, w), "kubernetes.labels"); n > 0 {
			t.Errorf("%d documents of %s have no labels", n, w.Name)
		}
	}
	t.Logf("%d documents of the static pod have no labels", without(t, url, index(c, mirrored), "kubernetes.labels"))
}
