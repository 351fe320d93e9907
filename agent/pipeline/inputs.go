package pipeline

import (
	"logboom/agent/config"
	"logboom/agent/parse"
	"logboom/agent/tail"
	"logboom/wal"
)

// inputs puts those of c into the words of package tail.
func inputs(c *config.Config) (all []tail.Input) {
	for _, in := range c.Inputs {
		switch {
		case in.Kubernetes != nil:
			all = append(all, tail.Input{Root: in.Kubernetes.Root, Route: in.Kubernetes.Index,
				FromNow: in.Kubernetes.ReadFrom == config.Now, AllowedRoots: in.Kubernetes.AllowedRoots,
				Multiline: multiline(in.Kubernetes.Multiline), JSON: string(in.Kubernetes.JSON),
				Choose: rules(in.Kubernetes).Choose, ExcludeUnknown: c.Metadata.ExcludeUnknown})
		case in.Files != nil:
			format := wal.Format(in.Files.Format)
			if in.Files.Format == config.Auto {
				format = ""
			}
			all = append(all, tail.Input{Paths: in.Files.Paths, Format: format, Route: in.Files.Index,
				FromNow: in.Files.ReadFrom == config.Now, AllowedRoots: in.Files.AllowedRoots, Multiline: multiline(in.Files.Multiline),
				JSON: string(in.Files.JSON)})
		}
	}
	return all
}

// multiline puts m into the words of a File's description.
func multiline(m *config.Multiline) *wal.Multiline {
	if m == nil {
		return nil
	}
	return &wal.Multiline{Traces: parse.Traces[string(m.Traces)], Start: m.Start, Continue: m.Continue, MaxWait: m.MaxWait}
}
