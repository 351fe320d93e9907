package config

import (
	"fmt"
	"os"
	"path"
	"slices"
	"time"
)

// FromAPI says whether the Kubernetes API is asked about pods.
func (m *Metadata) FromAPI() bool {
	return m.Source == SourceAPI || m.Source == SourceAuto && (m.Kubeconfig != "" || os.Getenv("KUBERNETES_SERVICE_HOST") != "")
}

func (d *decoder) checkMetadata(m *Metadata) {
	d.absolute("metadata.kubeconfig", m.Kubeconfig)
	within(d, "metadata.wait", m.Wait, 0, 5*time.Minute)
	if m.ExcludeUnknown && m.Source == SourceNone {
		d.reportAt("metadata.exclude_unknown", "metadata.exclude_unknown: with metadata.source none all pods are unknown, and nothing would be read")
	}
	d.checkPatterns("metadata.annotations", m.Annotations)
	d.checkPatterns("metadata.namespace_labels", m.Namespaces)
	if len(m.Namespaces) > 0 && m.Source == SourceNone {
		d.reportAt("metadata.namespace_labels", "metadata.namespace_labels: with metadata.source none nothing is known of namespaces")
	}
}

// checkRoutes looks whether the annotations that index patterns are about are asked for.
func (d *decoder) checkRoutes(c *Config) {
	d.checkRoute("sink.elasticsearch.index", c.Sink.Elasticsearch.Index, &c.Metadata)
	for i, in := range c.Inputs {
		if in.Kubernetes != nil {
			d.checkRoute(fmt.Sprintf("inputs[%d].kubernetes.index", i), in.Kubernetes.Index, &c.Metadata)
		}
	}
}

func (d *decoder) checkRoute(at, pattern string, m *Metadata) {
	for _, part := range placeholder.FindAllString(pattern, -1) {
		of := indexOfPod.FindStringSubmatch(part)
		if of == nil || of[1] != "annotation" || slices.ContainsFunc(m.Annotations, func(pattern string) bool {
			ok, _ := path.Match(pattern, of[2])
			return ok
		}) {
			continue
		}
		d.reportAt(at, "%s: metadata.annotations does not have %s, so the part would never be known", at, of[2])
	}
}

func (d *decoder) checkSelection(at string, s *Selection, c *Config) {
	d.checkPatterns(at+".namespaces", s.Namespaces)
	d.checkPatterns(at+".containers", s.Containers)
	if s.Labels.Selector != nil && c.Metadata.Source == SourceNone {
		d.reportAt(at+".labels", "%s.labels: with metadata.source none nothing is known of labels", at)
	}
}

func (d *decoder) checkPatterns(list string, patterns []string) {
	for i, pattern := range patterns {
		at := fmt.Sprintf("%s[%d]", list, i)
		if _, err := path.Match(pattern, ""); err != nil {
			d.reportAt(at, "%s: %s is not a pattern", at, d.marks[at].shown)
		}
	}
}
