package e2e

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"logboom/chaos/e2e/numbered"
)

// TestPodMetadata looks at what documents say of their pods, by what makes these: labels, those of the namespace, and image on each
// document, and the owner's name.
func TestPodMetadata(t *testing.T) {
	folder := given(t, staticPods)
	c := openCluster(t, "meta")
	server := startElasticsearch(t)
	d := c.byChart(server, "config: {metadata: {annotations: [team], namespace_labels: [kubernetes.io/metadata.name]}}")
	plain := func(name string, k kind) workload {
		return workload{Plan: numbered.Plan{Name: name, Count: 1000, Stderr: 4}, rate: 200, kind: k, annotations: map[string]string{"team": "red"}}
	}
	alone, web, batch, mirrored := plain("alone", pod), plain("web", deployment), plain("batch", job), plain("mirrored", static)
	for _, w := range []workload{alone, web, batch} {
		c.apply(w)
	}
	c.place(mirrored, folder)
	for _, w := range []workload{alone, web, batch, mirrored} {
		awaitCount(t, server, index(c, w), w.messages())
		for field, want := range map[string]string{
			"kubernetes.labels.app_kubernetes_io/name": w.Name,
			"kubernetes.annotations.team":              "red",

			"kubernetes.namespace_labels.kubernetes_io/metadata_name": c.namespace,

			"container.image.name": writerImage,
		} {
			if doc := document(t, server, index(c, w), "*"); doc.field(field) != want {
				t.Errorf("%s of a document of %s is %q, want %q", field, w.Name, doc.field(field), want)
			}
		}
		if n := without(t, server, index(c, w), "kubernetes.labels"); n > 0 {
			t.Errorf("%d documents of %s have no labels", n, w.Name)
		}
		// The kubelet tells the API of a container some moments after its first lines.
		if n := without(t, server, index(c, w), "container.id"); n == w.messages() {
			t.Errorf("no document of %s says which container it is from", w.Name)
		}
	}
	if name := document(t, server, index(c, web), "*").field("kubernetes.deployment.name"); name != "web" {
		t.Errorf("the Deployment is %q, want web", name)
	}
	if name := document(t, server, index(c, batch), "*").field("kubernetes.job.name"); name != "batch" {
		t.Errorf("the Job is %q, want batch", name)
	}
	d.finish(server, alone, web, batch, mirrored)
}

// TestExcludedPodsAreCounted has a pod that nobody wants, by its label, beside another one. The agent's own logs are not
// read either.
func TestExcludedPodsAreCounted(t *testing.T) {
	c := openCluster(t, "exclude")
	server := startElasticsearch(t)
	d := c.byChart(server, fmt.Sprintf("config: {inputs: [{kubernetes: {root: %s, exclude: {labels: secret=yes}}}]}", podLogs))
	hidden := workload{Plan: numbered.Plan{Name: "hidden", Count: 3000}, labels: map[string]string{"secret": "yes"}}
	wanted := workload{Plan: numbered.Plan{Name: "wanted", Count: 3000}}
	c.apply(hidden)
	c.apply(wanted)
	awaitCount(t, server, index(c, wanted), wanted.messages())
	log := filepath.Join(c.logs("hidden"), "0.log")
	awaitStatus(t, d.url(), "bytes of the excluded pod in the account", func(s agentStatus) bool {
		info, err := os.Stat(log)
		return err == nil && info.Size() > hidden.Count*100 && s.Account.Excluded >= info.Size()
	})
	for _, index := range []string{index(c, hidden), c.namespace + "-logboom-*"} {
		if n := count(t, server, index); n > 0 {
			t.Errorf("%d documents are in %s, want none", n, index)
		}
	}
	d.finish(server, wanted)
}

// TestPodsHaveASay has annotations of pods decide about their own logs: none, ten lines an event, another index, fields of JSON.
func TestPodsHaveASay(t *testing.T) {
	c := openCluster(t, "say")
	server := startElasticsearch(t)
	chosen := c.namespace + "-chosen"
	d := c.byChart(server, fmt.Sprintf("config: {inputs: [{kubernetes: {root: %s, index_annotation: %q}}]}", podLogs, chosen))
	saying := func(name, what, value string) workload {
		return workload{Plan: numbered.Plan{Name: name, Count: 1000}, annotations: map[string]string{"logboom.io/" + what: value}}
	}
	hidden, lines, elsewhere := saying("hidden", "exclude", "true"), saying("lines", "multiline", `start:^seq=\S+0\s`), saying("elsewhere", "index", chosen)
	fields := saying("fields", "format", "json")
	fields.JSON = true
	for _, w := range []workload{hidden, lines, elsewhere, fields} {
		c.apply(w)
	}
	awaitCount(t, server, chosen, elsewhere.messages())
	awaitCount(t, server, index(c, lines), lines.messages()/10)
	awaitCount(t, server, index(c, fields), fields.messages())
	awaitStatus(t, d.url(), "bytes of the excluded pod in the account", func(s agentStatus) bool { return s.Account.Excluded > hidden.Count*100 })
	d.end()
	compare(t, server, table{{elsewhere, chosen}})
	if n := count(t, server, index(c, hidden)); n > 0 {
		t.Errorf("%d documents are of a pod that wants none", n)
	}
	if n := count(t, server, index(c, fields)); n != fields.messages() || without(t, server, index(c, fields), "json.text") > 0 {
		t.Errorf("%d events of JSON objects, want %d; or not all have fields", n, fields.messages())
	}
	if text := document(t, server, index(c, fields), "*").field("json.text"); !strings.HasPrefix(text, "seq=fields/") || !strings.HasSuffix(text, ";end") {
		t.Errorf("a member of an object is %q", text)
	}
	event := document(t, server, index(c, lines), "*").field("message")
	if n := count(t, server, index(c, lines)); n != lines.messages()/10 || strings.Count(event, ";end") != 10 {
		t.Errorf("%d events of ten lines, want %d; one is %q", n, lines.messages()/10, event)
	}
}

// without counts the documents that lack a field.
func without(t *testing.T, server, index, field string) int64 {
	t.Helper()
	var counted struct{ Count int64 }
	get(t, server+"/"+index+"/_count?q="+url.QueryEscape("NOT _exists_:"+strings.ReplaceAll(field, "/", `\/`)), &counted)
	return counted.Count
}
