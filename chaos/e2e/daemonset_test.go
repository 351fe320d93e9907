package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
)

// daemonSet is the agent as a pod of every node. Its name is that of the namespace where it is the only one.
type daemonSet struct {
	c       *cluster
	upgrade func(values string) // of the chart only
}

// configured is the agent's configuration in a pod. The index says which pod a document is from.
func (c *cluster) configured(url string) string {
	c.t.Helper()
	return configure(hostDir(c.t, "/var/log", c.namespace), podLogs, c.forward(url), "%{namespace}-%{pod}", `":9600"`)
}

// byManifests installs deploy/manifests.
func (c *cluster) byManifests(url string) *daemonSet { return c.byKustomization(url, "") }

// byKustomization installs a folder of deploy/manifests as a user does: with a kustomization that has another namespace,
// image and configuration.
func (c *cluster) byKustomization(url, folder string) *daemonSet {
	c.t.Helper()
	here := c.overlay(filepath.Join("../../deploy/manifests", folder), map[string]any{
		"configMapGenerator": []any{map[string]any{"name": "logboom", "behavior": "replace", "files": []string{"logboom.yaml"}}},
		"images":             images("logboom", agentImage),
	}, map[string]string{"logboom.yaml": c.configured(url)})
	c.run("", "apply", "-k", here)
	c.t.Cleanup(func() { c.undo("delete", "-k", here, "--ignore-not-found", "--timeout=120s") })
	return c.installed()
}

// overlay writes a kustomization upon another folder, with the test's namespace, and files beside it.
func (c *cluster) overlay(base string, k map[string]any, files map[string]string) (folder string) {
	c.t.Helper()
	here := c.t.TempDir()
	base, err := filepath.Abs(base)
	if err == nil {
		base, err = filepath.Rel(here, base) // kustomize takes no absolute paths
	}
	if err != nil {
		c.t.Fatal(err)
	}
	k["apiVersion"], k["kind"] = "kustomize.config.k8s.io/v1beta1", "Kustomization"
	k["namespace"], k["resources"] = c.namespace, []string{base}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(here, name), []byte(text), 0o600); err != nil {
			c.t.Fatal(err)
		}
	}
	write("kustomization.yaml", string(asJSON(c.t, k)))
	for name, text := range files {
		write(name, text)
	}
	return here
}

// images is a kustomization's list of images by other names: pairs of old and new.
func images(pairs ...string) (list []any) {
	for i := 0; i < len(pairs); i += 2 {
		name, tag, _ := strings.Cut(pairs[i+1], ":")
		list = append(list, map[string]any{"name": pairs[i], "newName": name, "newTag": tag})
	}
	return list
}

// installed waits until the agent is ready. When the test has failed, the agent's words are shown before it goes.
func (c *cluster) installed() *daemonSet {
	c.t.Helper()
	d := &daemonSet{c: c}
	c.t.Cleanup(func() {
		if c.t.Failed() {
			c.show("describe", "pods", "-l", agentLabel)
			c.show("logs", "-l", agentLabel, "--tail=60")
		}
	})
	d.ready()
	return d
}

const agentLabel = "app.kubernetes.io/name=logboom"

// ready waits until the pods of the newest revision are, and no older ones are left.
func (d *daemonSet) ready() {
	d.c.t.Helper()
	d.c.run("", "rollout", "status", "daemonset", "-l", agentLabel, "--timeout=120s")
}

// agentPod is what a test needs to know of an agent's pod.
type agentPod struct {
	Metadata struct {
		Name, UID         string
		DeletionTimestamp string
	}
	Status struct {
		PodIP             string
		ContainerStatuses []struct {
			RestartCount int
			State        struct{ Running *struct{} }
		}
	}
}

// pods returns those that the API knows, ending ones too.
func (d *daemonSet) pods() []agentPod {
	d.c.t.Helper()
	var list struct{ Items []agentPod }
	if err := json.Unmarshal([]byte(d.c.run("", "get", "pods", "-l", agentLabel, "-o", "json")), &list); err != nil {
		d.c.t.Fatal(err)
	}
	return list.Items
}

// pod returns the only one.
func (d *daemonSet) pod() agentPod {
	d.c.t.Helper()
	pods := d.pods()
	if len(pods) != 1 {
		d.c.t.Fatalf("%d pods of the agent, want one", len(pods))
	}
	return pods[0]
}

// replaced waits until another pod than the one before is ready, and wants that their containers never run together: two
// agents on one buffer. The old pod may still be listed when its container has ended.
func (d *daemonSet) replaced(before string) {
	d.c.t.Helper()
	await(d.c.t, "other agent's pod", func() bool {
		pods, running := d.pods(), 0
		for _, p := range pods {
			for _, s := range p.Status.ContainerStatuses {
				if s.State.Running != nil {
					running++
				}
			}
		}
		if running > 1 {
			d.c.t.Errorf("%d agents run at a time", running)
		}
		return len(pods) == 1 && pods[0].Metadata.UID != before
	})
	d.ready()
	for _, s := range d.pod().Status.ContainerStatuses {
		if s.RestartCount > 0 {
			d.c.t.Errorf("the new agent was started again %d times", s.RestartCount)
		}
	}
}

// url is where the agent listens, seen from its node.
func (d *daemonSet) url() string {
	d.c.t.Helper()
	return "http://" + d.pod().Status.PodIP + ":9600"
}

// command runs another command of the binary in the agent's pod.
func (d *daemonSet) command(args ...string) string {
	d.c.t.Helper()
	args = append(append([]string{"exec", d.pod().Metadata.Name, "--", "/logboom"}, args...), "-c", "/etc/logboom/logboom.yaml")
	return d.c.run("", args...)
}

// finish waits until the backend has all that the workloads print, looks into the ledger, ends the agent, and compares.
func (d *daemonSet) finish(url string, loads ...workload) {
	t := d.c.t
	t.Helper()
	for _, w := range loads {
		awaitCount(t, url, index(d.c, w), w.messages())
	}
	d.end()
	d.c.compare(url, loads)
}

// agentStatus is what these tests look at of /api/v1/status.
type agentStatus struct {
	Intake   struct{ Pins bool }
	Delivery struct {
		BackendUp bool `json:"backend_up"`
	}
	Account struct {
		Known       int64 `json:"known_bytes"`
		Read        int64 `json:"read_bytes"`
		Unread      int64 `json:"unread_bytes"`
		LostUnread  int64 `json:"lost_unread_bytes"`
		Acked       int64 `json:"acked_bytes"`
		Waiting     int64 `json:"waiting_bytes"`
		DeadLetters int64 `json:"dead_letter_bytes"`
		LostRead    int64 `json:"lost_read_bytes"`
		Excluded    int64 `json:"excluded_bytes"`
	}
}

// end looks at the account and the ledger, and ends the agent.
func (d *daemonSet) end() {
	t := d.c.t
	t.Helper()
	d.ready()
	var s agentStatus
	get(t, d.url()+"/api/v1/status", &s)
	if a := s.Account; a.Known != a.Read+a.Unread+a.LostUnread || a.Read != a.Acked+a.Waiting+a.DeadLetters+a.Excluded+a.LostRead || a.DeadLetters > 0 {
		t.Errorf("the account does not add up, or there are dead letters: %+v", a)
	}
	if ledger := d.command("ledger", "--json"); ledger != "" {
		t.Errorf("the ledger lists losses:\n%s", ledger)
	}
	d.c.run("", "delete", "daemonset", "-l", agentLabel, "--timeout=90s")
}
