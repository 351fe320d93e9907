package e2e

import (
	"bytes"
	"context"
	"encoding/json"
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
	image     string
}

// podLogs is the folder that the kubelet writes container logs to.
const podLogs = "/var/log/pods"

// openCluster says in plain words what is missing, and makes a namespace that goes when the test ends.
func openCluster(t *testing.T, namespace string) *cluster {
	t.Helper()
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
	c.image = c.presentImage()
	c.run("", "create", "namespace", namespace)
	t.Cleanup(func() {
		// The test's context is done by now, so run can't be used.
		cmd := exec.Command(c.kubectl, "delete", "namespace", namespace, "--timeout=120s")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("delete namespace: %v\n%s", err, out)
		}
	})
	return c
}

// presentImage returns an image that the node has already. Which one doesn't matter: the program comes from a volume.
func (c *cluster) presentImage() string {
	images := strings.Fields(c.run("", "get", "nodes", "-o", `jsonpath={range .items[0].status.images[*]}{.names[0]}{"\n"}{end}`))
	if len(images) == 0 {
		c.t.Fatal("the node has no image yet: start any pod on it first")
	}
	return images[0]
}

// run calls kubectl and returns its standard output.
func (c *cluster) run(stdin string, args ...string) string {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.kubectl, args...)
	if c.namespace != "" {
		cmd.Args = append(cmd.Args, "--namespace", c.namespace)
	}
	cmd.Stdin = strings.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		c.t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return string(out)
}

// apply creates the workload's pod or job. program is the writer's path on this machine.
func (c *cluster) apply(w workload, program string) {
	c.t.Helper()
	pod := map[string]any{
		"terminationGracePeriodSeconds": 30,
		"automountServiceAccountToken":  false,
		"tolerations":                   []any{map[string]any{"operator": "Exists"}},
		"containers": []any{map[string]any{
			"name": "writer", "image": c.image, "imagePullPolicy": "Never",
			"command": append([]string{"/program/" + filepath.Base(program)}, w.args()...),
			"volumeMounts": []any{
				map[string]any{"name": "program", "mountPath": "/program", "readOnly": true},
				map[string]any{"name": "state", "mountPath": "/state"},
			},
		}},
		"volumes": []any{
			map[string]any{"name": "program", "hostPath": map[string]any{"path": filepath.Dir(program)}},
			map[string]any{"name": "state", "emptyDir": map[string]any{}},
		},
	}
	object := map[string]any{
		"apiVersion": "v1", "kind": "Pod", "spec": pod,
		"metadata": map[string]any{"name": w.Name, "labels": map[string]string{"app.kubernetes.io/name": w.Name}},
	}
	if w.job {
		pod["restartPolicy"] = "Never"
		object["apiVersion"], object["kind"] = "batch/v1", "Job"
		object["spec"] = map[string]any{"ttlSecondsAfterFinished": 0, "backoffLimit": 0, "template": map[string]any{"spec": pod}}
	}
	data, err := json.Marshal(object)
	if err != nil {
		c.t.Fatal(err)
	}
	c.run(string(data), "apply", "-f", "-")
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
