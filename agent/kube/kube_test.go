package kube

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"logboom/agent/kube/kubetest"
	"logboom/wal"
)

// start runs Pods against s until the test ends.
func start(t *testing.T, s *kubetest.Server, annotations ...string) *Pods {
	t.Helper()
	return run(t, Options{Kubeconfig: s.Kubeconfig(t), Annotations: annotations})
}

func run(t *testing.T, o Options) *Pods {
	t.Helper()
	o.Node, o.Log = "n1", slog.New(slog.DiscardHandler)
	p := New(o)
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { p.Run(ctx) })
	t.Cleanup(func() { cancel(); done.Wait() })
	return p
}

// until waits for what another goroutine does: the informer waits half a minute between two tries.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(90 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not after 90 s", what)
		}
	}
}

// web is a pod of a Deployment with all that a pod may have.
func web() *corev1.Pod {
	yes := true
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-5d4f8-x2x9z", UID: "u-1",
			Labels:          map[string]string{"app": "web", "pod-template-hash": "5d4f8"},
			Annotations:     map[string]string{"team": "a", "other": "x", "logboom.io/format": "json"},
			OwnerReferences: []metav1.OwnerReference{{Kind: "ReplicaSet", Name: "web-5d4f8", Controller: &yes}},
			ManagedFields:   []metav1.ManagedFieldsEntry{{Manager: strings.Repeat("m", 1000)}}},
		Spec: corev1.PodSpec{NodeName: "n1", Containers: []corev1.Container{{Name: "app", Image: "registry.example/web:1.2"}}},
		Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "app", RestartCount: 2, ContainerID: "containerd://c2",
			LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ContainerID: "containerd://c1"}}}}},
	}
}

// file is the description of a File of web as tail makes it.
func file(attempt int) *wal.File {
	return &wal.File{Namespace: "shop", Pod: "web-5d4f8-x2x9z", PodUID: "u-1", Container: "app", Attempt: attempt}
}

func TestAPodIsDescribedAsTheAPIHasIt(t *testing.T) {
	s := kubetest.New(t, "n1")
	s.Put(web())
	p := start(t, s, "te*")
	got := file(2)
	until(t, "the pod is known", func() bool { return p.Describe(got) })
	want := file(2)
	want.Described, want.Image, want.ContainerID = true, "registry.example/web:1.2", "c2"
	want.Labels = map[string]string{"app": "web", "pod-template-hash": "5d4f8"}
	want.Annotations = map[string]string{"team": "a", "logboom.io/format": "json"}
	want.Owners = map[string]string{"replicaset": "web-5d4f8", "deployment": "web"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	for attempt, id := range []string{"", "c1", "c2", ""} {
		if f := file(attempt); !p.Describe(f) || f.ContainerID != id {
			t.Errorf("run %d has the id %q, want %q", attempt, f.ContainerID, id)
		}
	}
	if s.Accepts != "application/vnd.kubernetes.protobuf" {
		t.Errorf("asked for %q", s.Accepts)
	}
	other := file(0)
	if other.PodUID = "u-2"; p.Describe(other) {
		t.Error("a pod of that name that was there before is described as the one of today")
	}
}

func TestChangesOfPodsAreFollowed(t *testing.T) {
	s := kubetest.New(t, "n1")
	p := start(t, s)
	until(t, "the empty list", func() bool { return p.Report().Synced })
	s.Put(web())
	until(t, "the new pod", func() bool { return p.Describe(file(0)) })
	changed := web()
	changed.Labels = map[string]string{"app": "other"}
	s.Put(changed)
	until(t, "the change", func() bool { f := file(0); return p.Describe(f) && f.Labels["app"] == "other" })
	s.Delete("shop", "web-5d4f8-x2x9z")
	until(t, "the end of the pod", func() bool { return p.Report().Pods == 0 })
	if !p.Describe(file(0)) {
		t.Error("a pod that was just deleted is not known: its last lines would go without labels")
	}
	p.mu.Lock()
	p.sweep(time.Now().Add(goneFor + time.Minute))
	p.mu.Unlock()
	if p.Describe(file(0)) || len(p.pods) > 0 || len(p.gone) > 0 {
		t.Error("a pod that was deleted long ago is still there")
	}
}

func TestAStaticPodIsKnownByItsFolder(t *testing.T) {
	p := &Pods{}
	static := web()
	static.Annotations[mirror] = "hash"
	kept, err := p.strip(static)
	if err != nil || kept.(*pod).folder != (folder{"shop", "web-5d4f8-x2x9z", "hash"}) {
		t.Errorf("got %+v, %v", kept, err)
	}
	if again, err := p.strip(kept); err != nil || again != kept {
		t.Error("what was stripped is stripped again")
	}
}

func TestOwnersAreToldFromNames(t *testing.T) {
	yes := true
	for _, c := range []struct {
		kind, name, hash string
		want             map[string]string
	}{
		{"ReplicaSet", "web-5d4f8", "5d4f8", map[string]string{"replicaset": "web-5d4f8", "deployment": "web"}},
		{"ReplicaSet", "web-5d4f8", "", map[string]string{"replicaset": "web-5d4f8"}},
		{"ReplicaSet", "mine", "5d4f8", map[string]string{"replicaset": "mine"}},
		{"DaemonSet", "agent", "", map[string]string{"daemonset": "agent"}},
		{"StatefulSet", "db", "", map[string]string{"statefulset": "db"}},
		{"Job", "backup-29000000", "", map[string]string{"job": "backup-29000000", "cronjob": "backup"}},
		{"Job", "migrate", "", map[string]string{"job": "migrate"}},
		{"Rollout", "web", "", nil},
		{"", "", "", nil},
	} {
		full := &corev1.Pod{}
		if c.kind != "" {
			full.OwnerReferences = []metav1.OwnerReference{{Kind: c.kind, Name: c.name, Controller: &yes}}
		}
		if c.hash != "" {
			full.Labels = map[string]string{"pod-template-hash": c.hash}
		}
		if d := cmp.Diff(c.want, owners(full)); d != "" {
			t.Errorf("%s %s: -want +got\n%s", c.kind, c.name, d)
		}
	}
}

// Nobody waits for an API that is down: what is known stays known, and when it is back, so is all that is new.
func TestTheAPIMayHangRefuseAndDie(t *testing.T) {
	for name, mode := range map[string]kubetest.Mode{"hangs": kubetest.Hangs, "refuses": kubetest.Forbids, "dies": kubetest.Dies} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := kubetest.New(t, "n1")
			s.Put(web())
			p := start(t, s)
			until(t, "the pod is known", func() bool { return p.Describe(file(0)) })
			s.Set(mode)
			if mode != kubetest.Hangs {
				until(t, "the trouble is told", func() bool { return p.Report().Error != "" })
			}
			begun := time.Now()
			for range 10_000 {
				if !p.Describe(file(0)) {
					t.Fatal("the pod is forgotten")
				}
			}
			if took := time.Since(begun); took > 20*time.Second { // a request that hangs takes longer
				t.Errorf("10,000 looks took %s", took)
			}
			s.Set(kubetest.Answers)
			later := web()
			later.Name, later.UID = "late", types.UID("u-2")
			s.Put(later)
			until(t, "the new pod is known", func() bool {
				return p.Describe(&wal.File{Namespace: "shop", Pod: "late", PodUID: "u-2"})
			})
			until(t, "all is well", func() bool { return p.Report().Error == "" && p.Report().Pods == 2 })
		})
	}
}

func TestTextsOfAPodAreBounded(t *testing.T) {
	p := &Pods{o: Options{Annotations: []string{"*"}}}
	hostile := web()
	for i := range 1000 {
		hostile.Labels[fmt.Sprint("l", i)] = strings.Repeat("x", 63)
		hostile.Annotations[fmt.Sprint("a", i)] = strings.Repeat("y", 250)
	}
	kept, err := p.strip(hostile)
	if err != nil {
		t.Fatal(err)
	}
	for _, texts := range []map[string]string{kept.(*pod).labels, kept.(*pod).annotations} {
		size := 0
		for name, text := range texts {
			size += len(name) + len(text)
		}
		if size > maxTexts || size < maxTexts/2 {
			t.Errorf("%d bytes of texts are kept", size)
		}
	}
}

// What a pod says to logboom is heard, whatever else there is to show.
func TestWhatSpeaksToUsComesFirst(t *testing.T) {
	p := &Pods{o: Options{Annotations: []string{"kubectl.kubernetes.io/*"}}}
	loud := web()
	loud.Annotations["kubectl.kubernetes.io/last-applied-configuration"] = strings.Repeat("y", maxTexts-50)
	loud.Annotations[ours+"exclude"] = "true"
	kept, err := p.strip(loud)
	if err != nil {
		t.Fatal(err)
	}
	if texts := kept.(*pod).annotations; texts[ours+"exclude"] != "true" || texts[ours+"format"] != "json" {
		t.Errorf("%d annotations, and not those that speak to us", len(texts))
	}
}

// The API takes owners and images with names of any length.
func TestNamesOfAPodAreBounded(t *testing.T) {
	p := &Pods{}
	hostile := web()
	hostile.OwnerReferences[0].Name = strings.Repeat("x", 100_000) + "-5d4f8"
	hostile.Spec.Containers[0].Image = strings.Repeat("y", 100_000)
	kept, err := p.strip(hostile)
	if err != nil {
		t.Fatal(err)
	}
	p.pods = map[folder]*pod{kept.(*pod).folder: kept.(*pod)}
	d := file(2)
	if !p.Describe(d) || len(d.Image) > maxName || len(d.Owners) > 0 {
		t.Errorf("%d bytes of an image, %d owners", len(d.Image), len(d.Owners))
	}
}

// The pod of a StatefulSet is another one with the same name.
func TestAPodThatWasReplacedWhileTheAPIWasAwayIsNotKeptForEver(t *testing.T) {
	t.Parallel()
	s := kubetest.New(t, "n1")
	s.Put(web())
	p := start(t, s)
	until(t, "the pod is known", func() bool { return p.Describe(file(0)) })
	s.Set(kubetest.Dies)
	until(t, "the trouble is told", func() bool { return p.Report().Error != "" })
	other := web()
	other.UID = "u-2"
	s.Replace(other)
	s.Set(kubetest.Answers)
	until(t, "the new pod is known", func() bool {
		return p.Describe(&wal.File{Namespace: "shop", Pod: other.Name, PodUID: "u-2"})
	})
	if n := p.Report().Pods; n != 1 {
		t.Errorf("%d pods are known, want 1", n)
	}
	if !p.Describe(file(0)) {
		t.Error("what the old pod wrote last may still be met")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sweep(time.Now().Add(goneFor + time.Second))
	if len(p.pods) != 1 {
		t.Errorf("%d pods are kept, want 1", len(p.pods))
	}
}

// live is the memory that is in use.
func live() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// 250 pods of 40 KB each are kept in less than 4 MB.
func TestMemoryIsBounded(t *testing.T) {
	s := kubetest.New(t, "n1")
	var pods []*corev1.Pod
	for i := range 250 {
		pod := web()
		pod.Name, pod.UID = fmt.Sprint("pod-", i), types.UID(fmt.Sprint("u-", i))
		pod.Annotations["big"] = strings.Repeat("b", 20_000)
		pod.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "E", Value: strings.Repeat("e", 20_000)}}
		for l := range 20 {
			pod.Labels[fmt.Sprint("label-", l)] = strings.Repeat("v", 60)
		}
		pods = append(pods, pod)
	}
	s.Put(pods...)
	before := live()
	p := start(t, s)
	until(t, "all pods are known", func() bool { return p.Report().Pods == 250 })
	var kept int64
	until(t, "no more is kept than is needed of the pods", func() bool { kept = live() - before; return kept <= 4<<20 })
	t.Logf("250 pods of 40 KB: %d KB are kept", kept>>10)
	runtime.KeepAlive(p)
}
