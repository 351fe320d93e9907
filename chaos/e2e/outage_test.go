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
	url := elasticsearch.Start(t)
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

// agentStatus is what these tests look at of /api/v1/status.
type agentStatus struct {
	Intake   struct{ Pins bool }
	Delivery struct {
		BackendUp bool `json:"backend_up"`
	}
	Account struct {
		Waiting int64 `json:"waiting_bytes"`
	}
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

// TestAPIServerDownAMinute stops the API server, which then neither answers nor refuses. What is known of running pods is
// kept, new attempts and a static pod, which need no API server, are delivered as well as any, and so is what an agent
// reads that is killed meanwhile.
func TestAPIServerDownAMinute(t *testing.T) {
	stop, start := given(t, stopAPI), given(t, startAPI)
	folder := given(t, staticPods)
	c := openCluster(t, "api")
	url := elasticsearch.Start(t)
	d := c.byChart(url, "")
	steady := steady(60 * time.Second)
	crash := workload{Plan: numbered.Plan{Name: "crash", Count: 1500, Stderr: 3}, rate: 100, crashes: 1}
	mirrored := workload{Plan: numbered.Plan{Name: "static", Count: 3000, Stderr: 3}, rate: 100, kind: static}
	c.apply(steady)
	c.apply(crash)
	agent, old := d.url(), d.pod()
	awaitSecured(t, agent, c.logs("steady"))

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
	d.finish(url, steady, crash, mirrored)
}
