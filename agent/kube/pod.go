package kube

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/cache"

	"logboom/wal"
)

// ours is what the names of annotations begin with that speak to logboom.
const ours = "logboom.io/"

// mirror is the annotation of the pod that stands in the API for a static one. Its value is the uid in the folder's name; the
// uid that the API gave to the mirror pod stands nowhere on the node.
const mirror = "kubernetes.io/config.mirror"

// maxTexts is how much of a pod's labels, and how much of its annotations, is kept: names and values, in bytes. It all stands in
// the description of each of its Files.
const maxTexts = 8 << 10

// maxName bounds the name of an owner and of an image, in bytes: the API takes any, and longer ones name nothing.
const maxName = 512

// pod is what is kept of a pod. It never changes, but for goneAt.
type pod struct {
	metav1.TypeMeta   // none; for runtime.Object
	metav1.ObjectMeta // namespace, name, uid and resource version, for the informer
	folder            folder
	labels            map[string]string
	annotations       map[string]string
	owners            map[string]string
	containers        map[string]container
	faults            []string  // of its annotations
	goneAt            time.Time // when it was deleted; guarded by Pods.mu
}

// DeepCopyObject is for runtime.Object. Nobody changes a pod.
func (p *pod) DeepCopyObject() runtime.Object { return p }

type container struct {
	image string
	ids   map[int]string // by attempt
}

// strip keeps of a pod what is used.
func (p *Pods) strip(o any) (any, error) {
	var full *corev1.Pod
	switch o := o.(type) {
	case *pod, cache.DeletedFinalStateUnknown:
		return o, nil
	case *corev1.Pod:
		full = o
	default:
		return nil, fmt.Errorf("the API sent a %T where a pod was asked for", o)
	}
	kept := &pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: full.Namespace, Name: full.Name, UID: full.UID, ResourceVersion: full.ResourceVersion},
		folder:     folder{full.Namespace, full.Name, string(full.UID)},
		labels:     bounded(full.Labels, maxTexts, func(string) bool { return true }),
		annotations: bounded(full.Annotations, maxTexts, func(name string) bool {
			return strings.HasPrefix(name, ours) || matching(p.o.Annotations, name)
		}),
		owners:     owners(full),
		containers: containers(full),
	}
	if uid := full.Annotations[mirror]; uid != "" {
		kept.folder.uid = uid
	}
	kept.faults = p.faults(kept)
	return kept, nil
}

// faults are what is wrong with a pod's annotations, each fault once.
func (p *Pods) faults(kept *pod) (all []string) {
	if p.o.Faults == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(kept.containers)) {
		d := &wal.File{Namespace: kept.Namespace, Pod: kept.Name, Container: name}
		kept.describe(d)
		all = append(all, p.o.Faults(d)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// bounded returns those of texts that are wanted, in the order of their names, as long as there is room; but what speaks to us comes
// first.
func bounded(texts map[string]string, room int, wanted func(name string) bool) map[string]string {
	kept := map[string]string{}
	names := slices.Sorted(maps.Keys(texts))
	slices.SortStableFunc(names, func(a, b string) int { return strings.Compare(addressed(b), addressed(a)) })
	for _, name := range names {
		if n := len(name) + len(texts[name]); wanted(name) && n <= room {
			kept[name] = texts[name]
			room -= n
		}
	}
	if len(kept) == 0 {
		return nil
	}
	return kept
}

// addressed is what of name says that it speaks to us, "" where it does not.
func addressed(name string) string { return name[:len(name)-len(strings.TrimPrefix(name, ours))] }

// cronJob is the name of a Job that a CronJob made: the minute for which it was due stands behind the CronJob's name.
var cronJob = regexp.MustCompile(`^(.+)-\d{8,10}$`)

// owners returns what made the pod, by kind. A Deployment is known by the name of its ReplicaSet and the label that says what of
// it is a hash: asking for the ReplicaSet would need another right.
func owners(full *corev1.Pod) map[string]string {
	owner := metav1.GetControllerOf(full)
	if owner == nil || len(owner.Name) > maxName {
		return nil
	}
	switch owner.Kind {
	case "DaemonSet", "StatefulSet":
		return map[string]string{strings.ToLower(owner.Kind): owner.Name}
	case "ReplicaSet":
		all := map[string]string{"replicaset": owner.Name}
		hash := full.Labels["pod-template-hash"]
		if name, ok := strings.CutSuffix(owner.Name, "-"+hash); ok && hash != "" && name != "" {
			all["deployment"] = name
		}
		return all
	case "Job":
		all := map[string]string{"job": owner.Name}
		if m := cronJob.FindStringSubmatch(owner.Name); m != nil {
			all["cronjob"] = m[1]
		}
		return all
	}
	return nil
}

// containers returns the containers of a pod, with the ids of those runs that it still tells of.
func containers(full *corev1.Pod) map[string]container {
	all := map[string]container{}
	for _, specs := range [][]corev1.Container{full.Spec.InitContainers, full.Spec.Containers} {
		for i := range specs {
			all[specs[i].Name] = newContainer(specs[i].Image)
		}
	}
	for i := range full.Spec.EphemeralContainers {
		c := &full.Spec.EphemeralContainers[i]
		all[c.Name] = newContainer(c.Image)
	}
	for _, states := range [][]corev1.ContainerStatus{full.Status.InitContainerStatuses, full.Status.ContainerStatuses, full.Status.EphemeralContainerStatuses} {
		for i := range states {
			s := &states[i]
			c, known := all[s.Name]
			if !known {
				continue
			}
			attempt := int(s.RestartCount)
			if last := s.LastTerminationState.Terminated; last != nil && attempt > 0 {
				c.name(attempt-1, last.ContainerID)
			}
			c.name(attempt, s.ContainerID)
		}
	}
	return all
}

func newContainer(image string) container {
	if len(image) > maxName {
		image = ""
	}
	return container{image: image, ids: map[int]string{}}
}

// name notes the id of one run. The API has the runtime before it: containerd://4f1a...
func (c *container) name(attempt int, id string) {
	if _, bare, ok := strings.Cut(id, "://"); ok && bare != "" {
		c.ids[attempt] = bare
	}
}

// describe fills in what p says about the container that d is a File of.
func (p *pod) describe(d *wal.File) {
	c := p.containers[d.Container]
	d.Described = true
	d.Labels, d.Annotations, d.Owners = p.labels, p.annotations, p.owners
	d.Image = c.image
	if id := c.ids[d.Attempt]; id != "" {
		d.ContainerID = id
	}
}
