// Package kube knows the pods of this node as the Kubernetes API has them: labels, chosen annotations, owners, images, ids.
//
// It promises that nobody waits for the API: Describe looks into memory, whatever the API does. How: one informer lists and
// watches the pods of one node (a field selector, so that the API sends no others), and each pod is stripped to what is used
// before it is kept.
//
//	API --list, watch--> strip --> pods by folder --Describe--> wal.File
//
// A list is read as it comes in, pod by pod, so that no more than one of them is in memory as the API has it.
//
// It costs one connection, and a few KB a pod. It needs the right to list and watch pods; and namespaces, where their labels are asked
// for.
package kube

import (
	"context"
	"log/slog"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"logboom/wal"
)

// Options of New.
type Options struct {
	Kubeconfig  string   // path; "" for the service account of the pod that we run in
	Node        string   // whose pods
	Annotations []string // patterns of the names of those that documents show
	Namespaces  []string // patterns of the names of the labels of namespaces that documents show; none: the API is not asked for any
	Log         *slog.Logger

	Faults func(*wal.File) []string // what is wrong with the annotations of a container's pod, see Rules.Faults; nil: nothing
}

// Bounds of what the API is asked and of what is kept.
const (
	accessEvery = 30 * time.Second // between two looks for a kubeconfig or a service account that can't be read
	goneFor     = 5 * time.Minute  // how long a deleted pod is remembered: its last lines may be met after it
	maxFaults   = 10               // of annotations in a Report
	maxGone     = 500              // deleted pods that are remembered
)

// Pods is what is known of the pods of a node. Run fills it; all else may be called from any goroutine, at any time.
type Pods struct {
	o      Options
	source source
	spaces *namespaces // nil: nobody asked for them

	mu   sync.RWMutex // guards all below
	pods map[folder]*pod
	gone []*pod // deleted, the oldest first; those of them that are still in pods are remembered
}

// folder names a pod as its log folder does.
type folder struct{ namespace, name, uid string }

// quiet takes client-go's own log away, which goes past ours: what it would say is told once, by note. It is the process's, so
// it is set before anything of client-go runs.
var quiet = sync.OnceFunc(func() { klog.SetLogger(logr.Discard()) })

// New returns Pods of which nothing is known yet.
func New(o Options) *Pods {
	quiet()
	p := &Pods{o: o, pods: map[folder]*pod{}}
	p.source = source{resource: "pods", fields: fields.OneTermEqualSelector("spec.nodeName", o.Node), log: o.Log,
		lacking: "new logs wait for metadata.wait, and go without labels then, or are not read where metadata.exclude_unknown says so"}
	if len(o.Namespaces) > 0 {
		p.spaces = newNamespaces(o)
	}
	return p
}

// Run keeps up with the API until ctx is done. Where the API does not answer it tries again, after a second at first and half a
// minute at most, without an end.
func (p *Pods) Run(ctx context.Context) {
	for ; ctx.Err() == nil; sleep(ctx, accessEvery) {
		client, err := newClient(p.o.Kubeconfig)
		if err != nil {
			p.source.note(ctx, err)
			continue
		}
		var follows sync.WaitGroup
		if p.spaces != nil {
			follows.Go(func() { p.spaces.follow(ctx, client) })
		}
		p.follow(ctx, client)
		follows.Wait()
	}
}

// follow keeps up with the pods in the API.
func (p *Pods) follow(ctx context.Context, client *rest.RESTClient) {
	p.source.client = client
	_, informer := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: lists{&cache.ListWatch{ListWithContextFunc: p.list, WatchFuncWithContext: p.source.watch}},
		ObjectType:    &corev1.Pod{},
		Transform:     p.strip,
		Handler: cache.ResourceEventHandlerFuncs{
			AddFunc:    func(o any) { p.put(o.(*pod)) },
			UpdateFunc: p.replace,
			DeleteFunc: p.remove,
		},
	})
	informer.RunWithContext(ctx)
}

// Describe fills in what is known of the container that d is a File of, and says whether all is known that there is to wait for. The
// maps that it puts there never change.
func (p *Pods) Describe(d *wal.File) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	pod := p.pods[folder{d.Namespace, d.Pod, d.PodUID}]
	if pod == nil {
		return false
	}
	pod.describe(d)
	return p.spaces == nil || p.spaces.describe(d)
}

// Report is how things stand.
type Report struct {
	Pods   int       `json:"pods"`   // that are known and not deleted
	Synced bool      `json:"synced"` // all pods of the node were listed since the start
	Error  string    `json:"error"`  // why the API does not answer; "" while it does
	Since  time.Time `json:"since"`  // when it began not to answer
	Faults []string  `json:"faults"` // annotations that are ignored, and why: of some pods

	Namespaces string `json:"namespaces"` // why labels of namespaces are missing; "" where none are, or nobody asked for them
}

// Report returns how things stand.
func (p *Pods) Report() Report {
	p.mu.RLock()
	defer p.mu.RUnlock()
	r := Report{Pods: len(p.pods)}
	r.Synced, r.Error, r.Since = p.source.state()
	if p.spaces != nil {
		r.Namespaces = p.spaces.trouble()
	}
	for _, pod := range p.pods {
		if pod.goneAt.IsZero() && len(r.Faults) < maxFaults {
			r.Faults = append(r.Faults, pod.faults...)
		}
	}
	slices.Sort(r.Faults)
	r.Faults = r.Faults[:min(len(r.Faults), maxFaults)]
	for _, pod := range p.gone {
		if p.pods[pod.folder] == pod {
			r.Pods--
		}
	}
	return r
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func (p *Pods) put(pod *pod) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pods[pod.folder] = pod
	p.sweep(time.Now())
}

// replace puts a pod in the place of what had its name. That may have been another pod, of which nobody told that it was deleted:
// the API was away meanwhile.
func (p *Pods) replace(was, o any) {
	if was.(*pod).folder != o.(*pod).folder {
		p.remove(was)
	}
	p.put(o.(*pod))
}

// remove remembers a deleted pod for some time: what it wrote last may be met after it is gone.
func (p *Pods) remove(o any) {
	if last, ok := o.(cache.DeletedFinalStateUnknown); ok {
		o = last.Obj
	}
	was, ok := o.(*pod)
	if !ok {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if known := p.pods[was.folder]; known != nil {
		known.goneAt = time.Now()
		p.gone = append(p.gone, known)
	}
	p.sweep(time.Now())
}

// sweep forgets pods that were deleted long ago, or one too many.
func (p *Pods) sweep(now time.Time) {
	for len(p.gone) > 0 && (len(p.gone) > maxGone || now.Sub(p.gone[0].goneAt) > goneFor) {
		if old := p.gone[0]; p.pods[old.folder] == old {
			delete(p.pods, old.folder)
		}
		p.gone = p.gone[1:]
	}
}

func (p *Pods) list(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	return p.source.list(ctx, &options, func(object []byte) (runtime.Object, error) {
		full := &corev1.Pod{}
		if err := full.Unmarshal(object); err != nil {
			return nil, err
		}
		kept, err := p.strip(full)
		if err != nil {
			return nil, err
		}
		return kept.(*pod), nil
	})
}

// matching says whether one of the patterns fits the name of a label or an annotation.
func matching(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		ok, _ := path.Match(pattern, name)
		return ok
	})
}
