package deploy

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/chart"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"logboom/agent/config"
)

// daemonSet renders values to their DaemonSet.
func daemonSet(t *testing.T, values string) *appsv1.DaemonSet {
	t.Helper()
	return object[appsv1.DaemonSet](t, render(t, values)["daemonset.yaml"])
}

// configOf loads the configuration that values render to, as the agent in the pod would.
func configOf(t *testing.T, values string) *config.Config {
	t.Helper()
	m := object[corev1.ConfigMap](t, render(t, values)["configmap.yaml"])
	return load(t, m.Data["logboom.yaml"], daemonSet(t, values).Spec.Template.Spec.Containers[0])
}

// load checks the text of a configuration with the environment of a container. Where that is not known before a pod runs,
// something that looks like it stands in.
func load(t *testing.T, text string, c corev1.Container) *config.Config {
	t.Helper()
	for _, e := range c.Env {
		value := e.Value
		if e.ValueFrom != nil {
			value = "10.0.0.1"
		}
		t.Setenv(e.Name, value)
	}
	conf, err := config.Parse("logboom.yaml", []byte(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return conf
}

func TestEveryRenderedConfigurationIsValid(t *testing.T) {
	for name, values := range variants {
		t.Run(name, func(t *testing.T) {
			if render(t, values)["configmap.yaml"] == "" {
				if !strings.Contains(values, "existingConfigMap") {
					t.Fatal("no configuration")
				}
				return
			}
			configOf(t, values)
		})
	}
}

// What the agent is told in its file and what the pod gives it must fit each other.
func TestPodAndConfigurationFitEachOther(t *testing.T) {
	for name, values := range variants {
		t.Run(name, func(t *testing.T) {
			pod := daemonSet(t, values).Spec.Template.Spec
			c := pod.Containers[0]
			if render(t, values)["configmap.yaml"] == "" {
				return
			}
			conf := configOf(t, values)
			if len(c.Ports) > 0 && !strings.HasSuffix(conf.HTTP.Listen, fmt.Sprintf(":%d", c.Ports[0].ContainerPort)) {
				t.Errorf("the agent listens on %s and the probes go to %d", conf.HTTP.Listen, c.Ports[0].ContainerPort)
			}
			if grace := conf.Delivery.Grace.Seconds(); grace < 5 || grace > float64(*pod.TerminationGracePeriodSeconds)-5 {
				t.Errorf("delivery.grace %vs, SIGKILL after %ds", grace, *pod.TerminationGracePeriodSeconds)
			}
			mount := mountOf(c, conf.DataDir)
			if mount == nil || mount.ReadOnly {
				t.Fatalf("data_dir %s is on no writable mount: %v", conf.DataDir, mount)
			}
			if logs := mountOf(c, "/var/log/pods"); logs == nil {
				t.Error("no logs are mounted")
			} else if conf.DataDir == "/var/log/logboom" && logs.MountPath != mount.MountPath {
				t.Errorf("logs and buffer are on two mounts, %s and %s: no hard link works", logs.MountPath, mount.MountPath)
			}
			for _, v := range pod.Volumes {
				if v.Name == mount.Name && v.HostPath == nil {
					t.Errorf("the buffer is in %v, which goes with the pod", v)
				}
			}
		})
	}
}

// mountOf is the mount that path is on.
func mountOf(c corev1.Container, path string) (found *corev1.VolumeMount) {
	for _, m := range c.VolumeMounts {
		if (path == m.MountPath || strings.HasPrefix(path, m.MountPath+"/")) && (found == nil || len(m.MountPath) > len(found.MountPath)) {
			found = &m
		}
	}
	return found
}

// What a pod of ours may do, in full: whoever gives it more has to come by here.
func TestThePodMayDoNoMoreThanItNeeds(t *testing.T) {
	type rights struct {
		User, Group           int64
		Capabilities, Volumes []string // added; host paths
		ReadOnlyLogs, Token   bool
	}
	for _, test := range []struct {
		variant string
		want    rights
	}{
		{"defaults", rights{Token: true, Volumes: []string{"/var/log"}}},
		{"unprivileged", rights{User: 1000, Token: true, Volumes: []string{"/var/log", "/var/lib/logboom"}, ReadOnlyLogs: true}},
		{"node logs", rights{Token: true, Volumes: []string{"/var/log"}, Capabilities: []string{"DAC_READ_SEARCH"}}},
		{"uninstall", rights{Token: true, Volumes: []string{"/var/log"}}},
		{"no metadata", rights{Volumes: []string{"/var/log"}}},
		{"own volume", rights{Token: true, Volumes: []string{"/var/log", "/mnt/buffer"}}},
		{"own secret", rights{Token: true, Volumes: []string{"/var/log"}}},
		{"everything", rights{Token: true, Volumes: []string{"/var/log"}}},
	} {
		t.Run(test.variant, func(t *testing.T) {
			pod := daemonSet(t, variants[test.variant]).Spec.Template.Spec
			if pod.HostNetwork || pod.HostPID || pod.HostIPC || pod.ShareProcessNamespace != nil {
				t.Error("the pod shares what is the node's")
			}
			for _, c := range append(pod.InitContainers, pod.Containers...) {
				s := c.SecurityContext
				switch {
				case s.Privileged == nil || *s.Privileged,
					s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation,
					s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem,
					s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault,
					!cmp.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"}):
					t.Errorf("%s: %+v", c.Name, s)
				}
			}
			c := pod.Containers[0]
			got := rights{User: *c.SecurityContext.RunAsUser, Group: *c.SecurityContext.RunAsGroup, ReadOnlyLogs: mountOf(c, "/var/log/pods").ReadOnly,
				Token: *pod.AutomountServiceAccountToken}
			for _, add := range c.SecurityContext.Capabilities.Add {
				got.Capabilities = append(got.Capabilities, string(add))
			}
			for _, v := range pod.Volumes {
				if v.HostPath != nil {
					got.Volumes = append(got.Volumes, v.HostPath.Path)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The agent leaves its own pods' logs alone, and must know which those are, also where no service account tells it the namespace.
func TestTheAgentKnowsItsPod(t *testing.T) {
	want := map[string]string{"NODE_NAME": "spec.nodeName", "POD_NAME": "metadata.name", "POD_NAMESPACE": "metadata.namespace", "POD_IP": "status.podIP"}
	for name, values := range variants {
		got := map[string]string{}
		for _, e := range daemonSet(t, values).Spec.Template.Spec.Containers[0].Env {
			if e.ValueFrom != nil {
				got[e.Name] = e.ValueFrom.FieldRef.FieldPath
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestAnUpgradeNeverHasTwoAgentsOnANode(t *testing.T) {
	for name, values := range variants {
		d := daemonSet(t, values)
		if u := d.Spec.UpdateStrategy.RollingUpdate; u == nil || u.MaxSurge == nil || u.MaxSurge.String() != "0" {
			t.Errorf("%s: %v", name, u)
		}
	}
}

// A change of the configuration begins a rollout; a change of anything else than the pods does not.
func TestAChangedConfigurationRollsThePods(t *testing.T) {
	sum := func(values string) string { return daemonSet(t, values).Spec.Template.Annotations["checksum/config"] }
	if a, b := sum(""), sum("config: {log: {level: debug}}"); a == b || a == "" {
		t.Errorf("checksums %q and %q", a, b)
	}
	if a, b := sum(""), sum("podMonitor: {enabled: true}"); a != b {
		t.Error("another object rolls the pods")
	}
}

func TestEachNodeHasItsAgent(t *testing.T) {
	pod := daemonSet(t, "").Spec.Template.Spec
	if diff := cmp.Diff([]corev1.Toleration{{Operator: corev1.TolerationOpExists}}, pod.Tolerations); diff != "" {
		t.Error(diff)
	}
	if pod.PriorityClassName != "system-node-critical" {
		t.Error(pod.PriorityClassName)
	}
	c := pod.Containers[0]
	if c.StartupProbe.HTTPGet.Path != "/healthz" || c.LivenessProbe.HTTPGet.Path != "/healthz" || c.ReadinessProbe.HTTPGet.Path != "/readyz" {
		t.Error("probes", c.StartupProbe, c.LivenessProbe, c.ReadinessProbe)
	}
	if c.Lifecycle != nil {
		t.Error("a hook delays the end, in which nothing is read")
	}
}

// Secrets are files, because the agent reads those again when they change.
func TestCredentialsAreFiles(t *testing.T) {
	values := `
credentials: {data: {api_key: a2V5}}
config: {sink: {elasticsearch: {api_key: "file:/etc/logboom-secrets/api_key"}}}`
	files := render(t, values)
	secret := object[corev1.Secret](t, files["secret.yaml"])
	text := object[corev1.ConfigMap](t, files["configmap.yaml"]).Data["logboom.yaml"]
	if strings.Contains(files["configmap.yaml"]+files["daemonset.yaml"], "a2V5") {
		t.Error("the key stands in the open")
	}
	c := daemonSet(t, values).Spec.Template.Spec.Containers[0]
	mount := mountOf(c, "/etc/logboom-secrets/api_key")
	if mount == nil || !mount.ReadOnly {
		t.Fatalf("no mount: %v", mount)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "api_key"), secret.Data["api_key"], 0o600); err != nil {
		t.Fatal(err)
	}
	conf := load(t, strings.ReplaceAll(text, mount.MountPath, dir), c)
	if conf.Sink.Elasticsearch.APIKey != "a2V5" {
		t.Error("the key is another one")
	}
}

// The pod is ready, and waits, when all is delivered and its buffer removed. Both containers have what the agent has, or they
// would look at another buffer.
func TestUninstallingDeliversBeforeItRemoves(t *testing.T) {
	for _, values := range []string{"", "unprivileged: true", variants["everything"]} {
		agent := daemonSet(t, values).Spec.Template.Spec.Containers[0]
		d := daemonSet(t, values+"\nuninstall: true")
		pod := d.Spec.Template.Spec
		steps := append(slices.Clone(pod.InitContainers), pod.Containers...)
		if len(steps) == 3 && steps[0].Name == "prepare" {
			steps = steps[1:]
		}
		want := [][]string{
			{"clean", "-c", "/etc/logboom/logboom.yaml", "--deliver"},
			{"stream", "/nothing"},
		}
		var got [][]string
		for _, c := range steps {
			got = append(got, c.Args)
			same := agent
			same.Name, same.Args = c.Name, c.Args
			same.Ports, same.StartupProbe, same.LivenessProbe, same.ReadinessProbe = nil, nil, nil, nil
			if diff := cmp.Diff(same, c); diff != "" {
				t.Errorf("%s (+) is not as the agent (-):\n%s", c.Name, diff)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if u := d.Spec.UpdateStrategy.RollingUpdate; u.MaxUnavailable.String() != "100%" {
			t.Error("one node after the other", u)
		}
	}
}

// Alerts hold braces of their own, which Helm must not see.
func TestAlertsAndDashboardAreTakenAsTheyAre(t *testing.T) {
	files := render(t, variants["everything"])
	c := loadChart(t)
	for name, at := range map[string]string{"files/alerts.yaml": "prometheusrule.yaml", "files/dashboard.json": "dashboards.yaml"} {
		i := slices.IndexFunc(c.Files, func(f *chart.File) bool { return f.Name == name })
		for line := range strings.Lines(string(c.Files[i].Data)) {
			if !strings.Contains(files[at], strings.TrimSpace(line)) {
				t.Fatalf("%s of %s is not in\n%s", line, name, files[at])
			}
		}
	}
}

// The one right in the cluster is to look at pods, and at namespaces where somebody asks for their labels; without metadata there is none.
func TestTheAgentMayLookAtPodsOnly(t *testing.T) {
	text := render(t, "")["rbac.yaml"]
	role, binding := object[rbacv1.ClusterRole](t, documents(text)[0]), object[rbacv1.ClusterRoleBinding](t, documents(text)[1])
	want := []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get", "list", "watch"}}}
	if diff := cmp.Diff(want, role.Rules); diff != "" {
		t.Error(diff)
	}
	account := object[corev1.ServiceAccount](t, render(t, "")["serviceaccount.yaml"])
	if s := binding.Subjects; binding.RoleRef.Name != role.Name || len(s) != 1 || s[0].Name != account.Name || s[0].Namespace != "logboom" ||
		daemonSet(t, "").Spec.Template.Spec.ServiceAccountName != account.Name {
		t.Errorf("%+v is not for %s", binding, account.Name)
	}
	asked := object[rbacv1.ClusterRole](t, documents(render(t, "config: {metadata: {namespace_labels: [team]}}")["rbac.yaml"])[0])
	want[0].Resources = []string{"pods", "namespaces"}
	if diff := cmp.Diff(want, asked.Rules); diff != "" {
		t.Error(diff)
	}
	for _, values := range []string{"config: {metadata: {source: none}}", "rbac: {create: false}"} {
		if text := render(t, values)["rbac.yaml"]; text != "" {
			t.Errorf("%s: %s", values, text)
		}
	}
	m := build(t, "manifests") // where kustomize fills in the namespace
	if s := one[rbacv1.ClusterRoleBinding](t, m, "ClusterRoleBinding").Subjects; s[0].Namespace != "logboom" || s[0].Name != one[corev1.ServiceAccount](t, m, "ServiceAccount").Name {
		t.Errorf("manifests: %+v", s)
	}
}
