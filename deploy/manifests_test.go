package deploy

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write what the tests compare with: make manifests")

// ofHelm are lines that only Helm's own objects have.
var ofHelm = regexp.MustCompile(`(?m)^ *(helm\.sh/chart|app\.kubernetes\.io/managed-by|namespace): .*\n`)

// plain renders what stands in manifests/base and what a user of kustomize fills in: the ConfigMap is made of logboom.yaml,
// with a hash in its name, so there is no checksum.
func plain(t *testing.T, values string) map[string]string {
	t.Helper()
	const made = "# Made of deploy/helm/logboom: make manifests.\n"
	files := map[string]string{}
	for name, text := range render(t, "existingConfigMap: logboom\n"+values) {
		files[name] = made + strings.TrimSpace(ofHelm.ReplaceAllString(text, "")) + "\n"
	}
	conf := object[corev1.ConfigMap](t, render(t, values)["configmap.yaml"]).Data["logboom.yaml"]
	files["logboom.yaml"] = made + strings.TrimSpace(conf) + "\n"
	return files
}

// compare wants files in dir to be the chart's, or makes them so.
func compare(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, want := range files {
		path := filepath.Join(dir, name)
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s is not what the chart makes; run make manifests:\n%s", path, diff)
		}
	}
}

func TestManifestsAreTheChart(t *testing.T) {
	files := plain(t, "")
	compare(t, "manifests/base", files)
	compare(t, "manifests/unprivileged", map[string]string{"logboom.yaml": plain(t, "unprivileged: true")["logboom.yaml"]})
	found, err := filepath.Glob("manifests/base/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range found {
		name := filepath.Base(path)
		if _, ok := files[name]; !ok && name != "kustomization.yaml" && name != "namespace.yaml" {
			t.Errorf("%s is of nothing in the chart", path)
		}
	}
	base, err := os.ReadFile("manifests/base/kustomization.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name := range files {
		if !strings.Contains(string(base), name) {
			t.Errorf("base/kustomization.yaml does not take %s", name)
		}
	}
}

// build does what kubectl kustomize does.
func build(t *testing.T, dir string) resmap.ResMap {
	t.Helper()
	m, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		t.Fatalf("%s: %v", dir, err)
	}
	return m
}

// one finds the only object of its kind and decodes it.
func one[T any](t *testing.T, m resmap.ResMap, kind string) *T {
	t.Helper()
	for _, r := range m.Resources() {
		if r.GetKind() == kind {
			return object[T](t, r.MustYaml())
		}
	}
	t.Fatalf("no %s", kind)
	return nil
}

// The overlay is written by hand, because it says best what differs. It must lead to what the chart makes.
func TestTheUnprivilegedOverlayIsTheChart(t *testing.T) {
	m := build(t, "manifests/unprivileged")
	got := one[appsv1.DaemonSet](t, m, "DaemonSet").Spec.Template.Spec
	want := daemonSet(t, "unprivileged: true").Spec.Template.Spec
	for _, pod := range []*corev1.PodSpec{&got, &want} {
		slices.SortFunc(pod.Volumes, func(a, b corev1.Volume) int { return strings.Compare(a.Name, b.Name) })
		for _, c := range pod.Containers {
			slices.SortFunc(c.VolumeMounts, func(a, b corev1.VolumeMount) int { return strings.Compare(a.Name, b.Name) })
		}
		for _, v := range pod.Volumes {
			if v.ConfigMap != nil {
				v.ConfigMap.Name = "logboom" // a hash follows in manifests
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("manifests/unprivileged/daemonset.yaml (+) differs from the chart (-):\n%s", diff)
	}
}

// kustomizations are the folders that can be applied.
func kustomizations(t *testing.T) (dirs []string) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Name() == "kustomization.yaml" {
			dirs = append(dirs, filepath.Dir(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

// strict decodes as an API server does that knows the object's type, and refuses keys that it doesn't.
func strict(t *testing.T, text string) {
	t.Helper()
	decoder := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	data, err := yaml.YAMLToJSONStrict([]byte(text)) // anchors resolved
	if err == nil {
		_, _, err = decoder.Decode(data, nil, nil)
	}
	if err != nil {
		t.Errorf("%v in\n%s", err, text)
	}
}

func TestEveryManifestIsWhatAClusterTakes(t *testing.T) {
	for name, values := range variants {
		t.Run("chart/"+name, func(t *testing.T) {
			for template, text := range render(t, values) {
				switch template { // two are the Prometheus operator's
				case "podmonitor.yaml":
					object[monitoringv1.PodMonitor](t, text)
				case "prometheusrule.yaml":
					object[monitoringv1.PrometheusRule](t, text)
				default:
					for _, d := range documents(text) {
						strict(t, d)
					}
				}
			}
		})
	}
	dirs := kustomizations(t)
	if len(dirs) < 5 {
		t.Fatalf("only %v", dirs)
	}
	for _, dir := range dirs {
		t.Run(dir, func(t *testing.T) {
			for _, r := range build(t, dir).Resources() {
				strict(t, r.MustYaml())
			}
		})
	}
}

// A kustomization of a user's on top has another configuration and image, and the pods follow.
func TestAUsersKustomizationReplacesTheConfiguration(t *testing.T) {
	const text = "inputs: [{kubernetes: {}}]\nsink: {elasticsearch: {urls: [http://a]}}\n"
	fsys := filesys.MakeFsOnDisk()
	here, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	manifests, err := filepath.Abs("manifests")
	if err == nil {
		manifests, err = filepath.EvalSymlinks(manifests)
	}
	if err == nil {
		manifests, err = filepath.Rel(here, manifests)
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{"logboom.yaml": text, "kustomization.yaml": `
namespace: elsewhere
resources: ["` + manifests + `"]
configMapGenerator: [{name: logboom, behavior: replace, files: [logboom.yaml]}]
images: [{name: logboom, newName: registry.example.org/logs, newTag: v1}]
`} {
		if err := fsys.WriteFile(filepath.Join(here, name), []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	m := build(t, here)
	conf, d := one[corev1.ConfigMap](t, m, "ConfigMap"), one[appsv1.DaemonSet](t, m, "DaemonSet")
	pod := d.Spec.Template.Spec
	if conf.Data["logboom.yaml"] != text || conf.Namespace != "elsewhere" || pod.Containers[0].Image != "registry.example.org/logs:v1" {
		t.Error(conf, pod.Containers[0].Image)
	}
	if i := slices.IndexFunc(pod.Volumes, func(v corev1.Volume) bool { return v.ConfigMap != nil }); pod.Volumes[i].ConfigMap.Name != conf.Name || conf.Name == "logboom" {
		t.Errorf("the pods mount %s, the configuration is %s", pod.Volumes[i].ConfigMap.Name, conf.Name)
	}
	if s := one[rbacv1.ClusterRoleBinding](t, m, "ClusterRoleBinding").Subjects; s[0].Namespace != "elsewhere" {
		t.Errorf("the right to look at pods is for a service account in %s", s[0].Namespace)
	}
}
