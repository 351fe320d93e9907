// Package deploy has tests only: the chart renders to what a cluster takes, and what a node must be safe from; the plain
// manifests are the chart's; the examples are valid.
package deploy

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"
)

const chartDir = "helm/logboom"

func loadChart(t *testing.T) *chart.Chart {
	t.Helper()
	c, err := loader.Load(chartDir)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// parse makes values of the text of a values file.
func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	values, err := chartutil.ReadValues([]byte(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return values
}

// template does what helm template does, as release logboom in namespace logboom, and returns a text for each template.
func template(t *testing.T, values string) (map[string]string, error) {
	t.Helper()
	return release(t, "logboom", "logboom", values)
}

func release(t *testing.T, name, namespace, values string) (map[string]string, error) {
	t.Helper()
	c := loadChart(t)
	all, err := chartutil.ToRenderValues(c, parse(t, values),
		chartutil.ReleaseOptions{Name: name, Namespace: namespace, Revision: 1, IsInstall: true}, chartutil.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	files, err := engine.Engine{Strict: true}.Render(c, all)
	rendered := map[string]string{}
	for name, text := range files {
		rendered[strings.TrimPrefix(name, "logboom/templates/")] = text
	}
	return rendered, err
}

// render is template for values that are right; it returns the objects, and leaves out templates that made none.
func render(t *testing.T, values string) map[string]string {
	t.Helper()
	files, err := template(t, values)
	if err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(files, func(name, text string) bool {
		return strings.TrimSpace(text) == "" || !strings.HasSuffix(name, ".yaml")
	})
	return files
}

// documents cuts a YAML stream into its documents.
func documents(text string) (all []string) {
	for _, d := range strings.Split("\n"+text, "\n---") {
		if strings.TrimSpace(d) != "" {
			all = append(all, d)
		}
	}
	return all
}

// object decodes into a type of Kubernetes, which must know every key.
func object[T any](t *testing.T, text string) *T {
	t.Helper()
	var o T
	if err := yaml.UnmarshalStrict([]byte(text), &o); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return &o
}

// variants are values that belong together: each is rendered, decoded strictly, and its configuration loaded.
var variants = map[string]string{
	"defaults":     "",
	"unprivileged": "unprivileged: true",
	"node logs":    "nodeLogs: {enabled: true, readAll: true}",
	"uninstall":    "uninstall: true",
	"no metadata":  "config: {metadata: {source: none}}",
	"own volume":   "config: {data_dir: /mnt/buffer}",
	"own secret":   "credentials: {existingSecret: mine}\nserviceAccount: {create: false, name: mine}\nexistingConfigMap: mine",
	"everything": `
image: {repository: registry.example.org/logboom, digest: "sha256:` + strings.Repeat("0a", 32) + `", pullPolicy: Always}
imagePullSecrets: [{name: registry}]
fullnameOverride: logs
config:
  wal: {max_size: 20GiB, min_free: 50GB}
  inputs: [{kubernetes: {exclude: {namespaces: [kube-*], labels: "tier=test"}, multiline: {traces: auto}}}]
  metadata: {annotations: [team], namespace_labels: [team], exclude_unknown: true, wait: 30s}
  sink:
    elasticsearch:
      urls: ["https://es-0:9200", "https://es-1:9200"]
      index: logs-%{namespace}-%{+yyyy.MM.dd}
      tls: {insecure_skip_verify: true}
      headers: {X-Tenant: "${TENANT}"}
  http: {listen: "[${POD_IP}]:9601"}
  redact: [{pattern: "password=(\\S+)", replace: password=***}]
credentials: {data: {api_key: a2V5}}
nodeLogs: {enabled: true, paths: [/var/log/*.log, /var/log/audit/*.log], format: auto}
resources: {requests: {cpu: 100m, memory: 128Mi}, limits: {cpu: "1", memory: 512Mi}}
tolerations: [{key: node-role.kubernetes.io/control-plane, operator: Exists, effect: NoSchedule}]
nodeSelector: {disk: ssd}
affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: type, operator: NotIn, values: [virtual-kubelet]}]}]}}}
priorityClassName: logs
updateStrategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 10%}}
terminationGracePeriodSeconds: 120
podAnnotations: {example.org/team: platform}
podLabels: {team: platform}
seLinuxOptions: {type: spc_t}
env: [{name: TENANT, value: t1}]
envFrom: [{secretRef: {name: more}}]
extraVolumes: [{name: ca, configMap: {name: ca}}]
extraVolumeMounts: [{name: ca, mountPath: /etc/ca, readOnly: true}]
serviceAccount: {annotations: {example.org/role: logs}}
podMonitor: {enabled: true, labels: {release: prometheus}, metricRelabelings: [{action: labeldrop, regex: x}]}
prometheusRule: {enabled: true, labels: {release: prometheus}}
dashboards: {enabled: true, annotations: {grafana_folder: logs}}
networkPolicy: {enabled: true, from: [{namespaceSelector: {}}], egress: [{ports: [{port: 9200}]}, {ports: [{port: 53, protocol: UDP}]}]}
`,
}

func TestHelmLintFindsNothing(t *testing.T) {
	for name, values := range variants {
		t.Run(name, func(t *testing.T) {
			for _, m := range lint.All(chartDir, parse(t, values), "logboom", true).Messages {
				if m.Severity > support.InfoSev {
					t.Error(m)
				}
			}
		})
	}
}

// Every value has an effect: the schema knows it, and it stands in a template.
func TestEveryValueIsUsed(t *testing.T) {
	c := loadChart(t)
	var templates bytes.Buffer
	for _, f := range c.Templates {
		templates.Write(f.Data)
	}
	for _, key := range slices.Sorted(maps.Keys(c.Values)) {
		if !strings.Contains(templates.String(), ".Values."+key) {
			t.Errorf("no template uses .Values.%s", key)
		}
	}
}

func TestTheSchemaRefuses(t *testing.T) {
	for _, values := range []string{
		"tolerations: {}",
		"toleration: []",
		"image: {name: logboom}",
		"image: {pullPolicy: Sometimes}",
		"image: {digest: latest}",
		"updateStrategy: {rollingUpdate: {maxSurge: 1}}", // two agents on one buffer
		"updateStrategy: {type: Recreate}",
		"terminationGracePeriodSeconds: 5",
		"config: {input: []}",
		"config: {inputs: []}",
		"config: {http: {listen: 127.0.0.1:9600}}", // where no probe comes
		`config: {http: {listen: "off"}}`,
		"config: {sink: {elasticsearch: {urls: []}}}",
		"config: {sink: {kafka: {}}}",
		"config: {data_dir: logs}",
		"config: {wal: {max_sise: 1GiB}}", // the agent's own keys and values
		"config: {wal: {on_full: cry}}",
		"config: {inputs: [{kubernetes: {excludes: {}}}]}",
		"nodeLogs: {paths: [messages]}",
		"podAnnotations: {a: 1}",
		"credentials: {apiKey: x}",
		"unprivileged: yes please",
	} {
		if _, err := template(t, values); err == nil || !strings.Contains(err.Error(), "values don't meet the specifications of the schema") {
			t.Errorf("%s: %v", values, err)
		}
	}
	// Not the schema's, as two values are at odds.
	if _, err := template(t, "unprivileged: true\nconfig: {data_dir: /var/log/logboom}"); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("a buffer on a read-only mount: %v", err)
	}
	if _, err := template(t, "unprivileged: true\nnodeLogs: {enabled: true, readAll: true}"); err == nil || !strings.Contains(err.Error(), "readAll") {
		t.Errorf("a capability that the agent does not get: %v", err)
	}
}

// The kubelet kills what it gave too little time.
func TestDeliveryEndsBeforeThePod(t *testing.T) {
	for grace, fits := range map[string]bool{"55s": true, "56s": false, "2m": false, "0m55s": true, "1h": false, "54.5s": true, "55001ms": false, "50000ms500us": true, "0s": true} {
		_, err := template(t, "config: {delivery: {grace: "+grace+"}}")
		if refused := err != nil && strings.Contains(err.Error(), "config.delivery.grace ("+grace+") must be at least 5 seconds less than terminationGracePeriodSeconds (60)"); refused == fits || refused != (err != nil) {
			t.Errorf("%s: %v", grace, err)
		}
	}
	if _, err := template(t, "terminationGracePeriodSeconds: 600\nconfig: {delivery: {grace: 9m}}"); err != nil {
		t.Error(err)
	}
}

// Whatever a release and its namespace are called: all is text, and nobody else's in the cluster.
func TestAReleaseMayHaveAnyName(t *testing.T) {
	long := strings.Repeat("n", 63)
	roles := map[string]bool{}
	for _, r := range []struct{ name, namespace string }{{"123", "logs"}, {"true", "logs"}, {"logboom", long}, {strings.Repeat("r", 53), long}} {
		files, err := release(t, r.name, r.namespace, "terminationGracePeriodSeconds: 3600000\ncredentials: {data: {\"yes\": x, \"1\": yy}}")
		if err != nil {
			t.Fatal(err)
		}
		d := object[appsv1.DaemonSet](t, files["daemonset.yaml"])
		if got := d.Spec.Template.Labels["app.kubernetes.io/instance"]; got != r.name || *d.Spec.Template.Spec.TerminationGracePeriodSeconds != 3600000 {
			t.Errorf("%s: %s", r.name, files["daemonset.yaml"])
		}
		for _, label := range d.Spec.Template.Labels {
			if len(label) > 63 {
				t.Errorf("label %s", label)
			}
		}
		if s := object[corev1.Secret](t, files["secret.yaml"]); string(s.Data["yes"]) != "x" || string(s.Data["1"]) != "yy" {
			t.Errorf("%s: keys %v", r.name, s.Data)
		}
		role := object[rbacv1.ClusterRole](t, documents(files["rbac.yaml"])[0]).Name
		if roles[role] {
			t.Errorf("two releases have the role %s", role)
		}
		roles[role] = true
	}
}
