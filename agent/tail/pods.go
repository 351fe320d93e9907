package tail

import (
	"slices"
	"time"

	"logboom/wal"
)

// What the Kubernetes API says of a pod is part of the description of its Files, and how they are read and where they go may
// depend on it. So a new file is met only when its pod is known; until then it stays nascent: its bytes are kept by a pin or a
// descriptor, and all other files go on. That is bounded, once for each folder: after Options.PodWait its files are met with what
// their path says, and all that come later at once. So an API that is down delays the first lines of a new container by that
// much, and nothing else.

// Pods tells what the Kubernetes API says of this node's pods. It answers from memory, at once.
type Pods interface {
	// Describe fills in what is known about the container that the File is of, and says whether its pod is known. It changes
	// only what the API tells: Described, ContainerID, Image, Owners, Labels, Annotations and NamespaceLabels.
	Describe(*wal.File) bool
}

// describe fills in what is known of the pod: by the API, or, where that does not tell, by an earlier File of the container.
func (t *Tailer) describe(fo *folder, d *wal.File) bool {
	if t.o.Pods == nil {
		return false
	}
	if t.o.Pods.Describe(d) {
		return true
	}
	for _, f := range slices.Backward(fo.files) {
		if f.desc.Described {
			d.Described, d.Image, d.Owners, d.Labels, d.Annotations = true, f.desc.Image, f.desc.Owners, f.desc.Labels, f.desc.Annotations
			d.NamespaceLabels = f.desc.NamespaceLabels
			return true
		}
	}
	return false
}

// lookForPod finds out, once in a scan, whether new files of fo must wait: all of them or none, for the order in which files
// are met is that in which they were written.
func (t *Tailer) lookForPod(fo *folder, now time.Time) {
	fo.waits, fo.excluded = false, false
	if fo.pod == "" || !fo.hasNews() {
		return
	}
	d := fo.containerFile(0)
	known := t.describe(fo, d)
	if fo.in.Choose != nil {
		fo.in.Choose(d)
	}
	fo.excluded = d.Excluded != ""
	if known || fo.excluded || t.o.Pods == nil || fo.settled || t.flush {
		return
	}
	fo.settled = !fo.waitsSince.IsZero() && now.Sub(fo.waitsSince) >= t.o.PodWait()
	fo.waits = !fo.settled
}

// hasNews says that there is a name in fo of which it isn't known what File it is, or that there was one.
func (fo *folder) hasNews() bool {
	return len(fo.nascent) > 0 || slices.ContainsFunc(fo.entries, func(e entry) bool { return fo.byKey[e.key] == nil })
}

// await leaves new files nascent until their pod is known. Where they are more than can be kept, the wait is over, and the next
// scan meets them with those that wait already.
func (t *Tailer) await(fo *folder, strangers []*stranger, now time.Time) {
	unkept := 0
	for _, s := range strangers {
		if s.pin == "" {
			unkept++
		}
	}
	t.unmet = true
	if fo.settled = t.firstLines+unkept > t.maxUnknown(); fo.settled {
		t.nextScan = now
	}
	for _, s := range strangers {
		if fo.settled && fo.entry(s.entry.key) == nil { // only its descriptor is left
			fo.nascent[s.entry.key] = s.nascent
			t.firstLines++
			continue
		}
		if fo.settled {
			s.src.Close()
			t.noteUnread(fo, &s.entry, errNotKept, now)
			continue
		}
		if fo.waitsSince.IsZero() {
			fo.waitsSince = now
		}
		if !s.waits && t.wasThere(fo, &s.entry) {
			s.old, s.oldSize = true, s.entry.size
		}
		s.waits = true
		t.keepNascent(fo, s.nascent)
	}
}

// stillWaits is await for one that waits already, without looking into it again.
func (t *Tailer) stillWaits(fo *folder, n *nascent, e *entry) bool {
	if n == nil || !n.waits || !t.awaits(fo, n) {
		return false
	}
	if n.entry = *e; n.src != nil {
		t.firstLines++
	}
	t.unmet = true
	return true
}

// learn completes the description of a File of which not all was known when it was met: its next Records carry what is known now.
// How it is read and where it goes stays as it was, and so do labels that were known: changes of those are for new Files.
func (t *Tailer) learn(f *file) {
	if t.o.Pods == nil || f.series == nil || f.excluded() || f.desc.Described && f.desc.ContainerID != "" || f.done() {
		return
	}
	d := *f.desc
	if !t.o.Pods.Describe(&d) {
		return
	}
	if was := f.desc; was.Described {
		if d.ContainerID == was.ContainerID {
			return
		}
		id := d.ContainerID
		d = *was
		d.ContainerID = id
	}
	f.desc = &d
}
