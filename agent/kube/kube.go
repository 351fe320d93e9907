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
// It costs one connection, and a few KB a pod. It needs the right to list and watch pods, and no other.
package kube

import (
	"context"
	"fmt"
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
	"k8s.io/apimachinery/pkg/watch"
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
	Log         *slog.Logger

	Faults func(*wal.File) []string // what is wrong with the annotations of a container's pod, see Rules.Faults; nil: nothing
}

// Bounds of what the API is asked and of what is kept.
const (
	listTimeout  = 30 * time.Second // for a list: a server that hangs must be asked again
	watchTimeout = 15 * time.Minute // for a watch: the server ends it before, after 5 to 10 minutes
	accessEvery  = 30 * time.Second // between two looks for a kubeconfig or a service account that can't be read
	goneFor      = 5 * time.Minute  // how long a deleted pod is remembered: its last lines may be met after it
	maxFaults    = 10               // of annotations in a Report
	maxGone      = 500              // deleted pods that are remembered
)

// Pods is what is known of the pods of a node. Run fills it; all else may be called from any goroutine, at any time.
type Pods struct {
	o      Options
	client *rest.RESTClient // Run's

	mu     sync.RWMutex // guards all below
	pods   map[folder]*pod
	gone   []*pod // deleted, the oldest first; those of them that are still in pods are remembered
	synced bool   // a list came through
	err    error  // of the last request; nil where it was answered
	errAt  time.Time
}

// folder names a pod as its log folder does.
type folder struct{ namespace, name, uid string }

// quiet takes client-go's own log away, which goes past ours: what it would say is told once, by note. It is the process's, so
// it is set before anything of client-go runs.
var quiet = sync.OnceFunc(func() { klog.SetLogger(logr.Discard()) })

// New returns Pods of which nothing is known yet.
func New(o Options) *Pods {
	quiet()
	return &Pods{o: o, pods: map[folder]*pod{}}
}

// Run keeps up with the API until ctx is done. Where the API does not answer it tries again, after a second at first and half a
// minute at most, without an end.
func (p *Pods) Run(ctx context.Context) {
	for ; ctx.Err() == nil; sleep(ctx, accessEvery) {
		var err error
		if p.client, err = newClient(p.o.Kubeconfig); err == nil {
			p.follow(ctx)
		} else {
			p.note(ctx, err)
		}
	}
}

// follow keeps up with the API through p.client.
func (p *Pods) follow(ctx context.Context) {
	_, informer := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: lists{&cache.ListWatch{ListWithContextFunc: p.list, WatchFuncWithContext: p.watch}},
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

// Describe fills in what is known of the container that d is a File of, and says whether its pod is known. The maps that it
// puts there never change.
func (p *Pods) Describe(d *wal.File) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	pod := p.pods[folder{d.Namespace, d.Pod, d.PodUID}]
	if pod == nil {
		return false
	}
	pod.describe(d)
	return true
}

// Report is how things stand.
type Report struct {
	Pods   int       `json:"pods"`   // that are known and not deleted
	Synced bool      `json:"synced"` // all pods of the node were listed since the start
	Error  string    `json:"error"`  // why the API does not answer; "" while it does
	Since  time.Time `json:"since"`  // when it began not to answer
	Faults []string  `json:"faults"` // annotations that are ignored, and why: of some pods
}

// Report returns how things stand.
func (p *Pods) Report() Report {
	p.mu.RLock()
	defer p.mu.RUnlock()
	r := Report{Pods: len(p.pods), Synced: p.synced}
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
	if p.err != nil {
		r.Error, r.Since = p.err.Error(), p.errAt
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

// note remembers whether the API answers, and logs when that changes. What ends because ctx is done says nothing about it.
func (p *Pods) note(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	p.mu.Lock()
	was := p.err
	p.err = err
	if err != nil && was == nil {
		p.errAt = time.Now()
	}
	p.mu.Unlock()
	switch {
	case err != nil && was == nil:
		p.o.Log.Warn("the Kubernetes API does not tell of pods; new logs wait for metadata.wait, and go without labels then, or are not read where metadata.exclude_unknown says so", "error", err)
	case err == nil && was != nil:
		p.o.Log.Info("the Kubernetes API tells of pods again")
	}
}

// lists is how the informer asks: a list first and a watch then, which every API server can.
type lists struct{ *cache.ListWatch }

// IsWatchListSemanticsUnSupported is asked by the informer.
func (lists) IsWatchListSemanticsUnSupported() bool { return true }

func (p *Pods) list(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	bounded, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	list := &items{}
	err := p.read(bounded, &options, &list.ListMeta, func(full *corev1.Pod) error {
		kept, err := p.strip(full)
		if err == nil {
			list.Items = append(list.Items, kept.(*pod))
		}
		return err
	})
	p.note(ctx, err)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	p.synced = true
	p.mu.Unlock()
	return list, nil
}

// read asks for a list of pods and calls each with one after the other.
func (p *Pods) read(ctx context.Context, options *metav1.ListOptions, m *metav1.ListMeta, each func(*corev1.Pod) error) error {
	body, err := p.request(options).SetHeader("Accept", protobuf).Stream(ctx)
	if err == nil {
		defer body.Close()
		*m, err = readList(body, func(object []byte) error {
			full := &corev1.Pod{}
			if err := full.Unmarshal(object); err != nil {
				return err
			}
			return each(full)
		})
	}
	if err != nil {
		return fmt.Errorf("list pods: %w", err)
	}
	return nil
}

func (p *Pods) watch(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	bounded, cancel := context.WithCancel(ctx)
	time.AfterFunc(watchTimeout, cancel) // a server that hangs would hold it for ever
	options.Watch = true
	w, err := p.request(&options).Watch(bounded)
	p.note(ctx, err)
	return w, err
}

func (p *Pods) request(options *metav1.ListOptions) *rest.Request {
	options.FieldSelector = fields.OneTermEqualSelector("spec.nodeName", p.o.Node).String()
	return p.client.Get().Resource("pods").VersionedParams(options, parameters)
}

// chosen says whether documents show the annotation of that name.
func (p *Pods) chosen(name string) bool {
	for _, pattern := range p.o.Annotations {
		if ok, _ := path.Match(pattern, name); ok {
			return true
		}
	}
	return false
}
