package tail

import (
	"regexp"
	"strconv"
	"strings"

	"logboom/wal"
)

// route fills in the parts of an index pattern that are known of the File for good.
func route(pattern string, d *wal.File) string {
	if !strings.Contains(pattern, "%{") {
		return pattern
	}
	pattern = strings.NewReplacer("%{namespace}", d.Namespace, "%{pod}", d.Pod, "%{container}", d.Container,
		"%{attempt}", strconv.Itoa(d.Attempt)).Replace(pattern)
	return ofPod.ReplaceAllStringFunc(pattern, func(part string) string {
		m := ofPod.FindStringSubmatch(part)
		texts := d.Labels
		if m[1] == "annotation" {
			texts = d.Annotations
		}
		for _, name := range []string{texts[m[2]], m[3]} {
			if name = indexPart(name); name != "" {
				return name
			}
		}
		return noPart
	})
}

// ofPod is %{label.KEY} or %{annotation.KEY}, or with :NAME at its end for a pod without it.
var ofPod = regexp.MustCompile(`%\{(label|annotation)\.([^}:]+)(?::([^}]*))?\}`)

// noPart stands where neither the pod nor the pattern has a name.
const noPart = "none"

// maxPart is how much of a label or an annotation is part of an index's name, in bytes: a value of a label has no more.
const maxPart = 63

var noIndex = regexp.MustCompile(`[^a-z0-9._-]+`)

// indexPart makes what a pod says a part of a name that a backend takes.
func indexPart(text string) string {
	text = noIndex.ReplaceAllString(strings.ToLower(text), "-")
	text = strings.TrimLeft(text, "-_.")
	return strings.TrimRight(text[:min(len(text), maxPart)], "-_.")
}
