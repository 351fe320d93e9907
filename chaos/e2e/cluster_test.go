package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// cluster is the Kubernetes that KUBECONFIG leads to, seen through kubectl, and a namespace of ours in it.
type cluster struct {
	t         *testing.T
	kubectl   string
	namespace string
}

// podLogs is the folder that the kubelet writes container logs to.
const podLogs = "/var/log/pods"

// openCluster says in plain words what is missing, and makes a namespace of that name, and the process, that goes when the
// test ends.
func openCluster(t *testing.T, name string) *cluster {
	t.Helper()
	if os.Getenv("LOGBOOM_E2E") != "1" {
		t.Skip("needs a Kubernetes node on this machine; make e2e runs it")
	}
	namespace := fmt.Sprintf("logboom-e2e-%d-%s", os.Getpid(), name)
	if os.Getenv("KUBECONFIG") == "" {
		t.Fatal("KUBECONFIG is not set: this test needs a Kubernetes node that runs on this machine, so that " + podLogs +
			" is the node's own. Set KUBECONFIG and run it again as root.")
	}
	if os.Geteuid() != 0 {
		t.Fatal("this test must run as root: " + podLogs + " belongs to root")
	}
	c := &cluster{t: t, kubectl: os.Getenv("KUBECTL"), namespace: namespace}
	if c.kubectl == "" {
		path, err := exec.LookPath("kubectl")
		if err != nil {
			t.Fatal("kubectl is not in PATH: install it, or set KUBECTL to it")
		}
		c.kubectl = path
	}
	loadImages(t)
	c.run("", "create", "namespace", namespace)
	t.Cleanup(func() { c.undo("delete", "namespace", namespace, "--ignore-not-found", "--timeout=120s") })
	return c
}

// show prints what kubectl says, for a test that has failed.
func (c *cluster) show(args ...string) {
	out, err := exec.Command(c.kubectl, append(args, "--namespace", c.namespace)...).CombinedOutput()
	c.t.Logf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
}

// undo is run for cleaning up: the test's context is done by then, and what fails must not stop the rest.
func (c *cluster) undo(args ...string) {
	if err := told(exec.Command(c.kubectl, args...)); err != nil {
		c.t.Error(err)
	}
}

// run calls kubectl and returns its standard output.
func (c *cluster) run(stdin string, args ...string) string {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.kubectl, append([]string{"--namespace", c.namespace}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		c.t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return string(out)
}

// apply creates the workload's pod or job.
func (c *cluster) apply(w workload) {
	c.t.Helper()
	c.run(string(asJSON(c.t, c.object(w))), "apply", "-f", "-")
}

// place has the kubelet run the workload as a static pod, which takes no API server, until remove is called, or the test
// ends.
func (c *cluster) place(w workload, folder string) (remove func()) {
	c.t.Helper()
	path := filepath.Join(folder, c.namespace+"-"+w.Name+".yaml") // JSON is YAML
	remove = func() {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			c.t.Error(err)
		}
	}
	c.t.Cleanup(remove)
	if err := os.WriteFile(path, asJSON(c.t, c.object(w)), 0o600); err != nil {
		c.t.Fatal(err)
	}
	return remove
}

func (c *cluster) object(w workload) map[string]any {
	spec := map[string]any{
		"terminationGracePeriodSeconds": 30,
		"automountServiceAccountToken":  false,
		"tolerations":                   []any{map[string]any{"operator": "Exists"}},
		"containers": []any{map[string]any{
			"name": "writer", "image": writerImage, "imagePullPolicy": "Never", "args": w.args(),
			"volumeMounts": []any{map[string]any{"name": "state", "mountPath": "/state"}},
		}},
		"volumes": []any{map[string]any{"name": "state", "emptyDir": map[string]any{}}},
	}
	labels := map[string]string{"app.kubernetes.io/name": w.Name}
	maps.Copy(labels, w.labels)
	about := map[string]any{"labels": labels, "annotations": w.annotations}
	object := map[string]any{"apiVersion": "v1", "kind": "Pod", "spec": spec}
	switch w.kind {
	case job:
		spec["restartPolicy"] = "Never"
		object["apiVersion"], object["kind"] = "batch/v1", "Job"
		object["spec"] = map[string]any{"ttlSecondsAfterFinished": 0, "backoffLimit": 0, "template": map[string]any{"metadata": about, "spec": spec}}
	case deployment:
		object["apiVersion"], object["kind"] = "apps/v1", "Deployment"
		object["spec"] = map[string]any{"selector": map[string]any{"matchLabels": labels},
			"template": map[string]any{"metadata": about, "spec": spec}}
	}
	object["metadata"] = map[string]any{"name": w.Name, "namespace": c.namespace, "labels": labels, "annotations": w.annotations}
	return object
}

// logs returns the folder of a pod's writer on this machine, and waits until it is there.
func (c *cluster) logs(pod string) string {
	c.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		found, err := filepath.Glob(filepath.Join(podLogs, c.namespace+"_"+pod+"_*", "writer"))
		if err != nil {
			c.t.Fatal(err)
		}
		if len(found) == 1 {
			return found[0]
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("no logs of pod %s in %s after a minute: is the node on this machine?\n%s",
				pod, podLogs, c.run("", "get", "pods", "-o", "wide"))
		}
	}
}

// rotated returns the names of the rotated files in a writer's folder.
func rotated(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*.log.*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}
