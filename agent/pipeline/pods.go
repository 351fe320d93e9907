package pipeline

import (
	"context"
	"sync"
	"time"

	"logboom/agent/config"
	"logboom/agent/kube"
	"logboom/agent/status"
	"logboom/agent/tail"
)

// PodOptions is what package kube needs of c.
func PodOptions(c *config.Config) kube.Options {
	o := kube.Options{Kubeconfig: c.Metadata.Kubeconfig, Node: c.NodeName, Annotations: c.Metadata.Annotations, Namespaces: c.Metadata.Namespaces}
	for _, in := range c.Inputs {
		if in.Kubernetes != nil {
			o.Faults = rules(in.Kubernetes).Faults // of several, the last one tells
		}
	}
	return o
}

// askForPods makes o ask the Kubernetes API about pods, where the configuration says so.
func (a *agent) askForPods(o *tail.Options) {
	if !a.c.Metadata.FromAPI() {
		return
	}
	k := PodOptions(a.c)
	k.Log = a.o.Logger
	a.pods = kube.New(k)
	o.Pods = a.pods
	o.PodWait = func() time.Duration {
		if a.c.Delivery.DrainOnStop && a.ending.Load() != nil { // there is no time left
			return 0
		}
		return a.c.Metadata.Wait
	}
}

// followPods keeps up with the API until the function that it returns is called.
func (a *agent) followPods(ctx context.Context) (stop func()) {
	if a.pods == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // a drain still meets new files
	var follows sync.WaitGroup
	follows.Go(func() { a.pods.Run(ctx) })
	return func() { cancel(); follows.Wait() }
}

// metadata says how the API is doing.
func (a *agent) metadata() status.Metadata {
	if a.pods == nil {
		return status.Metadata{ExcludesUnknown: a.c.Metadata.ExcludeUnknown}
	}
	r := a.pods.Report()
	return status.Metadata{Asked: true, Pods: r.Pods, Synced: r.Synced, Error: r.Error, Since: r.Since, Faults: r.Faults, Namespaces: r.Namespaces,
		ExcludesUnknown: a.c.Metadata.ExcludeUnknown}
}
