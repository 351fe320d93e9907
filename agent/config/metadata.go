package config

import (
	"fmt"
	"os"
	"path"
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
