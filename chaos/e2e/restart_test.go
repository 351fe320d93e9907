package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"logboom/chaos/elasticsearch"
	"logboom/chaos/kubelet"
	"logboom/chaos/manifest"
	"logboom/chaos/oracle"
)

// pods are those of a small node, with everything that the format of container logs allows.
var pods = []kubelet.Pod{
	{Namespace: "shop", Name: "web-1", Containers: []kubelet.Container{
		{Name: "web", Rate: 800, Stderr: 0.1, Long: 0.001, Binary: 0.001},
		{Name: "proxy", Rate: 300},
	}},
	{Namespace: "pay", Name: "worker-1", Containers: []kubelet.Container{{Name: "worker", Rate: 500, Stderr: 0.5, Long: 0.002}}},
	{Namespace: "pay", Name: "flaky-1", Containers: []kubelet.Container{
		{Name: "flaky", Rate: 300, Stderr: 0.3, OpenEnd: true, Exits: []time.Duration{2 * time.Second}},
	}},
	{Namespace: "batch", Name: "cron-1", Containers: []kubelet.Container{{Name: "cron", Rate: 1}}},
}

// TestContainerLogsReachElasticsearch kills first the server and then the agent with SIGKILL while containers log.
func TestContainerLogsReachElasticsearch(t *testing.T) {
	for _, target := range []struct{ name, index, stored string }{
		{"dated indices", "e2e-%{namespace}-%{+yyyy.MM.dd}", "e2e-*"},
		{"data stream", "logs-e2e-default", "logs-e2e-default"},
	} {
		t.Run(target.name, func(t *testing.T) {
			url := startElasticsearch(t)
			root := t.TempDir()
			a := newAgent(t, configure(t.TempDir(), root, url, target.index, freeAddr(t)))
			if target.index == target.stored {
				dataStream(t, url, target.index)
			}

			var list bytes.Buffer
			m := manifest.NewWriter(&list)
			node := kubelet.New(kubelet.Config{
				Root: root, Seed: 1, Pods: pods, Duration: 5 * time.Minute, // breakBoth ends sooner
				Speed: 5, MaxSize: 256 << 10, MaxFiles: 5, Manifest: m,
			})
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			written := make(chan error, 1)
			go func() { written <- node.Run(ctx) }()
			a.start()
			breakBoth(t, a, node, url, target.stored)
			stop()
			if err := <-written; err != nil {
				t.Fatal(err)
			}
			a.stop(15 * time.Second)
			a.drain(4 * time.Minute)
			verify(t, a, node, m, &list, url, target.stored)
		})
	}
}

// breakBoth kills the server, lets lines pile up, starts it again, and does the same to the agent.
func breakBoth(t *testing.T, a *agent, node *kubelet.Node, url, index string) {
	t.Helper()
	moreLines := func() {
		t.Helper()
		from := node.Lines.Load()
		await(t, "lines", func() bool { return node.Lines.Load() > from+3000 })
	}
	moreStored := func() {
		t.Helper()
		from := count(t, url, index)
		await(t, "documents", func() bool { return count(t, url, index) > from })
	}
	moreStored()
	elasticsearch.Kill(t)
	moreLines()
	elasticsearch.Restart(t)
	moreStored()
	a.kill()
	moreLines()
	a.start()
	moreStored()
}

func verify(t *testing.T, a *agent, node *kubelet.Node, m *manifest.Writer, list *bytes.Buffer, url, index string) {
	t.Helper()
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	want, err := manifest.Read(list)
	if err != nil {
		t.Fatal(err)
	}
	r, err := oracle.Check(t.Context(), http.DefaultClient, url, index, want)
	if err != nil {
		t.Fatal(err)
	}
	r.Print(os.Stdout)
	fmt.Printf("  %d rotations, %d restarts of a container\n", node.Rotations.Load(), node.Restarts.Load())
	if !r.OK() {
		t.Error("what is stored is not what was written")
	}
	if ledger := a.command("ledger", "--json"); ledger != "" {
		t.Errorf("the ledger lists losses:\n%s", ledger)
	}
}

// dataStream makes an index template, so that the first document makes a data stream.
func dataStream(t *testing.T, url, name string) {
	t.Helper()
	template := fmt.Sprintf(`{"index_patterns":[%q],"data_stream":{},"priority":200,"template":{
		"settings":{"number_of_replicas":0},"mappings":{"properties":{"@timestamp":{"type":"date_nanos"}}}}}`, name)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url+"/_index_template/"+name, strings.NewReader(template))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("index template: %s", answer.Status)
	}
}

func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no more %s in a minute", what)
		}
	}
}

// count returns the number of documents that a search would find. An index that is just being made has none yet.
func count(t *testing.T, url, index string) int64 {
	t.Helper()
	answer, err := http.Get(url + "/" + index + "/_count?ignore_unavailable=true")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var counted struct{ Count int64 }
	if err := json.NewDecoder(answer.Body).Decode(&counted); err != nil {
		t.Fatal(err)
	}
	return counted.Count
}
