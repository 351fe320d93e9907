package pipeline

import (
	"os"
	"strings"

	"logboom/agent/config"
	"logboom/agent/kube"
)

// rules are those of an input, with where we run ourselves: the manifest passes that on.
func rules(k *config.Kubernetes) *kube.Rules {
	r := &kube.Rules{Include: selection(&k.Include), Exclude: selection(&k.Exclude), IndexAnnotation: k.IndexAnnotation}
	if !k.OwnLogs {
		r.Own = kube.Pod{Namespace: ownNamespace(), Name: os.Getenv("POD_NAME")}
	}
	return r
}

// ownNamespace is that of the pod that we run in, where the manifest says so, or else its service account.
func ownNamespace() string {
	if name := os.Getenv("POD_NAMESPACE"); name != "" {
		return name
	}
	name, _ := os.ReadFile("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
	return strings.TrimSpace(string(name))
}

func selection(s *config.Selection) kube.Selection {
	return kube.Selection{Namespaces: s.Namespaces, Containers: s.Containers, Labels: s.Labels.Selector}
}
