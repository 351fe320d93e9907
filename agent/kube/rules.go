package kube

import (
	"path"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"

	"logboom/wal"
)

// Rules say which containers' logs are read, and which are not: what the configuration says of an input, and what a pod says of
// itself.
type Rules struct {
	Include         Selection // all that it names must fit; the zero value includes everything
	Exclude         Selection // what fits any of it is excluded
	IndexAnnotation string    // pattern of the indices that pods may choose; "" for none

	Own Pod // that we run in: its logs, and those of earlier ones of its name, are excluded; zero: none are
}

// Selection is a choice of containers.
type Selection struct {
	Namespaces []string        // patterns
	Containers []string        // patterns
	Labels     labels.Selector // of pods; nil for none
}

// Pod names one.
type Pod struct{ Namespace, Name string }

// Reasons why a File is excluded.
const (
	excludedOwn       = "own log"
	excludedNamespace = "namespace"
	excludedContainer = "container"
	excludedLabels    = "labels"
)

// Choose decides how d is read: its JSON and Multiline are those of the input, and its pod may say otherwise and name its Route;
// in Excluded stands why it is not read, if it isn't. What needs labels holds for pods that are known.
func (r *Rules) Choose(d *wal.File) {
	r.Faults(d)
	if why := r.excluded(d); why != "" {
		d.Excluded = why
	}
}

func (r *Rules) excluded(d *wal.File) string {
	in, out := &r.Include, &r.Exclude
	switch {
	case r.Own.made(d):
		return excludedOwn
	case len(in.Namespaces) > 0 && !matches(in.Namespaces, d.Namespace), matches(out.Namespaces, d.Namespace):
		return excludedNamespace
	case len(in.Containers) > 0 && !matches(in.Containers, d.Container), matches(out.Containers, d.Container):
		return excludedContainer
	case !d.Described:
	case in.Labels != nil && !in.Labels.Matches(labels.Set(d.Labels)), out.Labels != nil && out.Labels.Matches(labels.Set(d.Labels)):
		return excludedLabels
	}
	return ""
}

// matches says whether one of the patterns fits name. The configuration has checked them.
func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		ok, _ := path.Match(pattern, name)
		return ok
	})
}

// made says whether d is a File of p, or of another pod that was made with the same name but for what stands behind the last dash:
// the agent before an upgrade wrote about the same things.
func (p Pod) made(d *wal.File) bool {
	return p.Name != "" && p.Namespace != "" && d.Namespace == p.Namespace && (d.Pod == p.Name || stem(d.Pod) != "" && stem(d.Pod) == stem(p.Name))
}

func stem(name string) string { return name[:max(0, strings.LastIndexByte(name, '-'))] }
