package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"logboom/agent/kube/kubetest"
	"logboom/agent/status"
)

// inCluster makes a node whose Kubernetes API is s; pods go on from there. It waits for an API that answers as long as that may
// take on a busy machine.
func inCluster(t *testing.T, b *backend, s *kubetest.Server) node {
	t.Helper()
	return newNode(t, b.url, "wal: {min_free: 1MiB}\nnode_name: n1\nmetadata: {source: api, wait: 1m, kubeconfig: "+s.Kubeconfig(t)+"}\n")
}

// web is the pod whose log newNode writes.
func web(labels, annotations map[string]string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: "u1", Labels: labels, Annotations: annotations},
		Spec: corev1.PodSpec{NodeName: "n1", Containers: []corev1.Container{{Name: "app", Image: "web:1"}}}}
}

// drain runs the agent until all is delivered, and returns what the backend has.
func (n node) drain(t *testing.T, b *backend) string {
	t.Helper()
	if code, out, text := logboom(t, t.Context(), "run", "-c", n.file, "--exit-when-drained"); code != 0 {
		t.Fatalf("code %d\n%s%s", code, out, text)
	}
	return strings.Join(b.stored(), "\n")
}

func TestDocumentsSayWhatTheAPITells(t *testing.T) {
	b, s := newBackend(t), kubetest.New(t, "n1")
	s.Put(web(map[string]string{"app": "w"}, nil))
	n := inCluster(t, b, s)
	if _, out, _ := logboom(t, t.Context(), "check", "-c", n.file); !strings.Contains(out, "ok    metadata: the Kubernetes API tells of 1 pods on node n1\n") {
		t.Error(out)
	}
	got := n.drain(t, b)
	for _, want := range []string{`"labels":{"app":"w"}`, `"image":{"name":"web:1"}`, `"message":"hello"`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}

// Whether the API tells of namespaces or refuses, logs are read; and people are told.
func TestDocumentsHaveTheLabelsOfNamespaces(t *testing.T) {
	for name, forbidden := range map[string]bool{"allowed": false, "forbidden": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, s := newBackend(t), kubetest.New(t, "n1")
			s.Put(web(map[string]string{"app": "w"}, nil))
			s.PutNamespace("shop", map[string]string{"example.com/team": "a", "other": "x"})
			if forbidden {
				s.Set(kubetest.ForbidsNamespaces)
			}
			n := inCluster(t, b, s)
			n.edit(t, "source: api", "source: api, namespace_labels: [example.com/*]")
			const advice = "Give our service account get, list and watch of namespaces by a ClusterRole"
			if _, out, _ := logboom(t, t.Context(), "check", "-c", n.file); strings.Contains(out, advice) != forbidden || !strings.Contains(out, "tells of 1 pods") {
				t.Error(out)
			}
			got := n.drain(t, b)
			if strings.Contains(got, `"namespace_labels":{"example_com/team":"a"}`) == forbidden || strings.Contains(got, "namespace_labels") == forbidden ||
				!strings.Contains(got, `"labels":{"app":"w"}`) {
				t.Errorf("stored: %s", got)
			}
			if forbidden {
				n.run(t)
				n.status(t, func(s *status.Status) bool {
					return strings.Contains(fmt.Sprint(s.Problems), "documents lack labels of their namespaces") && s.Metadata.Error == ""
				})
			}
		})
	}
}

func TestCheckTellsThatLabelsNeedTheAPI(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	n := newNode(t, nowhere, "wal: {min_free: 1MiB}")
	n.edit(t, "kubernetes: {", "kubernetes: {exclude: {labels: app=quiet}, ")
	if _, out, _ := logboom(t, t.Context(), "check", "-c", n.file); !strings.Contains(out, "warn  metadata: inputs[0] chooses by labels, and the Kubernetes API is not asked for any") {
		t.Error(out)
	}
}

// besides adds a file of no pod, which is read in any case.
func (n node) besides(t *testing.T) {
	t.Helper()
	n.write(t, "app.log", "hello\n")
	n.edit(t, "inputs: [", "inputs: [{files: {paths: ["+n.dir+"/app.log]}}, ")
}

// What is not read must not be called secured.
func TestExcludeUnknownIsToldWhileTheAPIIsAway(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	n := newNode(t, nowhere, "wal: {min_free: 1MiB}\nmetadata: {exclude_unknown: true}\n")
	if _, out, _ := logboom(t, t.Context(), "check", "-c", n.file); !strings.Contains(out, "warn  metadata: metadata.exclude_unknown is set") {
		t.Error(out)
	}
	n.besides(t)
	n.run(t)
	n.status(t, func(s *status.Status) bool {
		return strings.Contains(fmt.Sprint(s.Problems), "not asked about pods") && s.Account.Excluded > 0
	})
}

func TestExcludeUnknownIsToldWhileTheAPIRefuses(t *testing.T) {
	b, s := newBackend(t), kubetest.New(t, "n1")
	s.Set(kubetest.Forbids)
	n := inCluster(t, b, s)
	n.edit(t, "source: api, wait: 1m", "source: api, wait: 500ms, exclude_unknown: true")
	if _, out, _ := logboom(t, t.Context(), "check", "-c", n.file); !strings.Contains(out, "logs of new pods are not read") {
		t.Error(out)
	}
	n.besides(t)
	n.run(t)
	n.status(t, func(s *status.Status) bool {
		return strings.Contains(fmt.Sprint(s.Problems), "logs of new pods are not read")
	})
}

// Whatever the API does, all is delivered after metadata.wait.
func TestAnAPIThatDoesNotAnswerHoldsNothingUpForLong(t *testing.T) {
	for name, c := range map[string]struct {
		mode kubetest.Mode
		says string
	}{
		"hangs":   {kubetest.Hangs, "warn  metadata: list pods: "},
		"refuses": {kubetest.Forbids, "Give our service account get, list and watch of pods"},
		"dies":    {kubetest.Dies, "warn  metadata: list pods: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, s := newBackend(t), kubetest.New(t, "n1")
			s.Set(c.mode)
			n := inCluster(t, b, s)
			n.edit(t, "wait: 1m", "wait: 500ms")
			begun := time.Now()
			if got := n.drain(t, b); !strings.Contains(got, `"message":"hello"`) || strings.Contains(got, "labels") {
				t.Errorf("stored: %s", got)
			}
			if took := time.Since(begun); took < 500*time.Millisecond || took > patience {
				t.Errorf("it took %s", took)
			}
			if _, out, _ := logboom(t, t.Context(), "check", "-c", n.file); !strings.Contains(out, c.says) {
				t.Errorf("check says\n%s", out)
			}
		})
	}
}

// What nobody wants is counted, also after a restart, and the account adds up.
func TestExcludedBytesStandInTheAccount(t *testing.T) {
	t.Setenv("POD_NAMESPACE", "logs")
	t.Setenv("POD_NAME", "logboom-x2x9z")
	b, s := newBackend(t), kubetest.New(t, "n1")
	job := web(nil, nil)
	job.Name, job.UID = "job", "u4"
	s.Put(web(map[string]string{"app": "quiet"}, nil), job)
	n := inCluster(t, b, s)
	line := "2026-11-22T16:00:00.000000000Z stdout F %s\n"
	n.write(t, "pods/logs_logboom-abcde_u2/agent/0.log", fmt.Sprintf(line, "its own"))
	n.write(t, "pods/kube-system_proxy_u3/proxy/0.log", fmt.Sprintf(line, "of a namespace"))
	n.write(t, "pods/shop_job_u4/app/0.log", fmt.Sprintf(line, "read"))
	n.edit(t, "kubernetes: {", "kubernetes: {exclude: {namespaces: [kube-*], labels: app=quiet}, ")
	if got := n.drain(t, b); !strings.Contains(got, `"message":"read"`) || len(b.stored()) != 1 {
		t.Errorf("stored: %s", got)
	}
	bytes := int64(len(line+line+line) - 3*len("%s") + len("hello"+"its own"+"of a namespace"))
	n.run(t)
	st := n.status(t, func(s *status.Status) bool { return len(s.Files) == 4 })
	a := st.Account
	if a.Excluded != bytes || a.Read != a.Acked+a.Excluded || a.Known != a.Read || a.Acked != int64(len(line)-2+len("read")) {
		t.Errorf("%+v; want %d excluded bytes", a, bytes)
	}
	if pins, _ := filepath.Glob(filepath.Join(n.dir, "data", "pins", "*")); len(pins) > 1 {
		t.Errorf("pins of %s", pins)
	}
}

// edit replaces a piece of the configuration.
func (n node) edit(t *testing.T, old, now string) {
	t.Helper()
	text, err := os.ReadFile(n.file)
	if err != nil || strings.Count(string(text), old) != 1 {
		t.Fatalf("%v: %q in\n%s", err, old, text)
	}
	n.write(t, "logboom.yaml", strings.Replace(string(text), old, now, 1))
}

func TestAPodHasItsSayAboutItsLogs(t *testing.T) {
	b, s := newBackend(t), kubetest.New(t, "n1")
	s.Put(web(map[string]string{"team": "A"}, map[string]string{"logboom.io/format": "json", "logboom.io/index": "team-a",
		"logboom.io/multiline": "start:^\\{|^h", "logboom.io/exclude": "sidecar, other"}))
	shy := web(nil, map[string]string{"logboom.io/multiline": "start:(", "logboom.io/index": "secret"})
	shy.Name, shy.UID = "shy", "u2"
	s.Put(shy)
	n := inCluster(t, b, s)
	n.edit(t, "kubernetes: {", "kubernetes: {index_annotation: team-*, index: 'logs-%{label.team:others}', ")
	line := "2026-11-22T16:00:00.000000000Z stdout F %s\n"
	n.write(t, "pods/shop_web_u1/app/1.log", fmt.Sprintf(line, `{"user":"u7"}`)+fmt.Sprintf(line, "goes on"))
	n.write(t, "pods/shop_web_u1/sidecar/0.log", fmt.Sprintf(line, "unwanted"))
	n.write(t, "pods/shop_shy_u2/app/0.log", fmt.Sprintf(line, "read as usual"))
	got := n.drain(t, b)
	for _, want := range []string{`{"_index":"team-a"`, `"message":"{\"user\":\"u7\"}\ngoes on"`, `"message":"hello"`, `{"_index":"logs-others"`, `"message":"read as usual"`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	if strings.Contains(got, "unwanted") || len(b.stored()) != 3 {
		t.Errorf("stored:\n%s", got)
	}
	n.run(t)
	st := n.status(t, func(s *status.Status) bool { return len(s.Metadata.Faults) == 2 })
	told := fmt.Sprint(st.Problems)
	for _, want := range []string{"logboom.io/multiline of pod shop/shy is ignored", "logboom.io/index of pod shop/shy is ignored"} {
		if !strings.Contains(told, want) || strings.Contains(told, "secret") {
			t.Errorf("problems: %s", told)
		}
	}
}
