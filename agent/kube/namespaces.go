package kube

import (
	"context"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"logboom/wal"
)

// Bounds of what is kept of namespaces: a cluster has many, and a node's pods are in few of them, but which is not known beforehand.
const (
	maxNamespaces     = 10_000
	maxNamespaceTexts = 1 << 10 // bytes of the labels of one, names and values
)

// namespaces are the labels of the cluster's namespaces. It is what a Reflector writes to, and keeps nothing else of them.
type namespaces struct {
	source   source
	patterns []string

	mu     sync.RWMutex                 // guards all below
	labels map[string]map[string]string // by name; the maps never change
	over   bool                         // there are more than are kept
}

func newNamespaces(o Options) *namespaces {
	return &namespaces{patterns: o.Namespaces, labels: map[string]map[string]string{}, source: source{resource: "namespaces", log: o.Log,
		lacking: "new logs go without the labels of their namespaces"}}
}

// follow keeps up with the API until ctx is done.
func (n *namespaces) follow(ctx context.Context, client *rest.RESTClient) {
	n.source.client = client
	asks := lists{&cache.ListWatch{ListWithContextFunc: n.list, WatchFuncWithContext: n.source.watch}}
	cache.NewReflectorWithOptions(asks, &corev1.Namespace{}, n, cache.ReflectorOptions{}).RunWithContext(ctx)
}

func (n *namespaces) list(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	listed := 0
	return n.source.list(ctx, &options, func(object []byte) (runtime.Object, error) {
		if listed++; listed > maxNamespaces+1 {
			return nil, nil // the one too many says so
		}
		full := &corev1.Namespace{}
		if err := full.Unmarshal(object); err != nil {
			return nil, err
		}
		return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: full.Name, Labels: n.chosen(full)}}, nil
	})
}

func (n *namespaces) chosen(full *corev1.Namespace) map[string]string {
	return bounded(full.Labels, maxNamespaceTexts, func(name string) bool { return matching(n.patterns, name) })
}

// describe fills in the labels of d's namespace, and says whether there is nothing more to wait for: they are known, or the API
// refuses them, or can't be reached, and a log need not wait for that again and again.
func (n *namespaces) describe(d *wal.File) bool {
	n.mu.RLock()
	labels, known := n.labels[d.Namespace]
	over := n.over
	n.mu.RUnlock()
	d.NamespaceLabels = labels
	if known || over {
		return true
	}
	_, trouble, _ := n.source.state()
	return trouble != ""
}

// trouble says why labels are missing.
func (n *namespaces) trouble() string {
	_, trouble, _ := n.source.state()
	n.mu.RLock()
	defer n.mu.RUnlock()
	if trouble == "" && n.over {
		trouble = fmt.Sprintf("the cluster has more than %d namespaces: of the others no labels are kept", maxNamespaces)
	}
	return trouble
}

// Add is for the Reflector, like those below.
func (n *namespaces) Add(o any) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if full, ok := o.(*corev1.Namespace); ok {
		n.put(full)
	}
	return nil
}

// put keeps the labels of a namespace. The caller holds mu.
func (n *namespaces) put(full *corev1.Namespace) {
	if _, known := n.labels[full.Name]; !known && len(n.labels) >= maxNamespaces {
		n.over = true
		return
	}
	n.labels[full.Name] = n.chosen(full)
}

func (n *namespaces) Update(o any) error { return n.Add(o) }

func (n *namespaces) Delete(o any) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if full, ok := o.(*corev1.Namespace); ok {
		delete(n.labels, full.Name)
	}
	return nil
}

func (n *namespaces) Replace(all []any, _ string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.labels, n.over = make(map[string]map[string]string, min(len(all), maxNamespaces)), false
	for _, o := range all {
		if full, ok := o.(*corev1.Namespace); ok {
			n.put(full)
		}
	}
	return nil
}

func (n *namespaces) Resync() error { return nil }
