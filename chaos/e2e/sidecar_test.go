package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"logboom/chaos/e2e/numbered"
)

// TestForwardingSidecar runs deploy/examples/forwarding-sidecar where the Pod Security level restricted is enforced. When
// the pod is gone, its last words are stored: with it went its buffer.
func TestForwardingSidecar(t *testing.T) {
	c := openCluster(t, "forward")
	url := startElasticsearch(t)
	c.run("", "label", "namespace", c.namespace, "pod-security.kubernetes.io/enforce=restricted")
	shop := workload{Plan: numbered.Plan{Name: "shop", Count: 20000, Long: 500, Binary: 1000}, rate: 2000, lastWords: 2000, file: "/logs/shop.log"}
	delivered := c.namespace + "-shop"
	remove := c.example("forwarding-sidecar", "shop", shop, func(config string) string {
		config = strings.Replace(config, "http://elasticsearch:9200", c.forward(url), 1)
		return strings.Replace(config, "logs-shop-default", delivered, 1)
	})
	awaitCount(t, url, delivered, shop.Count-shop.lastWords)
	remove()
	compare(t, url, table{{shop, delivered}})
	if pod := document(t, url, delivered, "*").field("kubernetes.pod.name"); !strings.HasPrefix(pod, "shop-") {
		t.Errorf("a document says that it is of pod %q", pod)
	}
}

// TestStreamingSidecar runs deploy/examples/streaming-sidecar on a node with the agent.
func TestStreamingSidecar(t *testing.T) {
	c := openCluster(t, "stream")
	url := startElasticsearch(t)
	d := c.byChart(url, "")
	cart := workload{Plan: numbered.Plan{Name: "cart", Count: 20000, Long: 500, Binary: 1000}, rate: 2000, lastWords: 2000, file: "/logs/access.log", kind: deployment}
	remove := c.example("streaming-sidecar", "cart", cart, nil)
	awaitCount(t, url, index(c, cart), cart.Count-cart.lastWords)
	remove()
	d.finish(url, cart)
}

// example applies one of deploy/examples with the workload as its application. Its configuration, if it has one, is edited.
// remove returns when its pod is gone.
func (c *cluster) example(name, app string, w workload, edit func(config string) string) (remove func()) {
	c.t.Helper()
	source := filepath.Join("../../deploy/examples", name)
	k := map[string]any{"images": images("logboom", agentImage, "busybox", writerImage)}
	files := map[string]string{}
	if edit != nil {
		config, err := os.ReadFile(filepath.Join(source, "logboom.yaml"))
		if err != nil {
			c.t.Fatal(err)
		}
		files["logboom.yaml"] = edit(string(config))
		k["configMapGenerator"] = []any{map[string]any{"name": app + "-logboom", "behavior": "replace", "files": []string{"logboom.yaml"}}}
	}
	args := asJSON(c.t, w.args())
	container := "/spec/template/spec/containers/0"
	k["patches"] = []any{map[string]any{"target": map[string]string{"kind": "Deployment"}, "patch": fmt.Sprintf(
		`[{"op": "remove", "path": "%s/command"}, {"op": "add", "path": "%s/args", "value": %s}, {"op": "add", "path": "%s/imagePullPolicy", "value": "Never"}]`,
		container, container, args, container)}}
	here := c.overlay(source, k, files)
	c.run("", "apply", "-k", here)
	gone := func() {
		c.run("", "delete", "-k", here, "--ignore-not-found")
		c.run("", "wait", "--for=delete", "pod", "-l", "app.kubernetes.io/name="+app, "--timeout=90s")
	}
	return gone
}
