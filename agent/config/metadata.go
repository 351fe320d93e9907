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
	for i, pattern := range m.Annotations {
		at := fmt.Sprintf("metadata.annotations[%d]", i)
		if _, err := path.Match(pattern, ""); err != nil {
			d.reportAt(at, "%s: %s is not a pattern", at, d.marks[at].shown)
		}
	}
}
