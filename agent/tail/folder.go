package tail

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"logboom/wal"
)

// input is an Input with what it holds open.
type input struct {
	Input
	anchors []*anchor
	noLinks bool // hard links from here to the pins are impossible
}

// folder is one folder with log files: of one container of one pod, or of a files input.
type folder struct {
	in        *input
	dir       string // path
	pod       string // <ns>_<pod>_<uid>; "" outside containers
	container string

	files    []*file
	byKey    map[key]*file     // whose bytes stand behind an inode
	nascent  map[key]*nascent  // files whose first line isn't complete
	passed   map[key]stat      // siblings of a files input that nobody asked for, as they were when looked at
	series   map[int]*series   // by attempt
	live     map[string]*input // of a files input: the names that patterns match
	entries  []entry           // as of this scan
	unlisted bool              // this scan could not list it, or not meet all that it listed
	behind   bool              // no scan since the first one met all that was there
	attempt  int               // the highest that has a live name

	unreadable map[string]string // path to what is wrong
	unread     map[key]*unread   // what can't be read, and has not been met

	waitsSince time.Time // when a file of it first waited until its pod is known; zero: none had to
	settled    bool      // and that was long enough: its files are met with what is known
	waits      bool      // in this scan, new files wait
	excluded   bool      // in this scan, new files are excluded, whatever their pod is
}

// folderFor returns the folder at dir, made when it is new.
func (t *Tailer) folderFor(in *input, dir, pod, container string) *folder {
	id := dir
	if pod != "" {
		id = pod + "/" + container
	}
	fo := t.folders[id]
	if fo == nil {
		fo = &folder{in: in, dir: dir, pod: pod, container: container, byKey: map[key]*file{},
			nascent: map[key]*nascent{}, passed: map[key]stat{}, series: map[int]*series{},
			unreadable: map[string]string{}, unread: map[key]*unread{}}
		t.folders[id] = fo
	}
	if dir != "" {
		fo.dir = dir
	}
	if in != nil {
		fo.in = in
	}
	return fo
}

// containerFile begins the description of a File of a container.
func (fo *folder) containerFile(attempt int) *wal.File {
	parts := strings.SplitN(fo.pod, "_", 3)
	return &wal.File{Namespace: parts[0], Pod: parts[1], PodUID: parts[2], Container: fo.container, Attempt: attempt}
}

// entry returns a name of the inode k that this scan found, or nil.
func (fo *folder) entry(k key) *entry {
	for i := range fo.entries {
		if fo.entries[i].key == k {
			return &fo.entries[i]
		}
	}
	return nil
}

// reader returns the input whose roots hold for path: that whose pattern matches it, or else the folder's.
func (fo *folder) reader(path string) *input {
	if in := fo.live[filepath.Base(path)]; in != nil {
		return in
	}
	return fo.in
}

// add puts f into its folder, and into the series of its Attempt.
func (fo *folder) add(f *file) {
	f.folder = fo
	fo.files = append(fo.files, f)
	if fo.pod == "" {
		return
	}
	f.series = fo.seriesOf(f.desc.Attempt)
	f.series.files = append(f.series.files, f)
	slices.SortFunc(f.series.files, func(a, b *file) int { return cmp.Compare(a.desc.Ordinal, b.desc.Ordinal) })
}

func (fo *folder) seriesOf(attempt int) *series {
	if fo.series[attempt] == nil {
		fo.series[attempt] = &series{}
	}
	return fo.series[attempt]
}

// bases returns the names under which the Files of fo were first met.
func (fo *folder) bases() map[string]bool {
	bases := map[string]bool{}
	for _, f := range fo.files {
		bases[filepath.Base(f.desc.Path)] = true
	}
	return bases
}

// remember makes a file of what an earlier run left behind.
func (t *Tailer) remember(k *Known) {
	d := k.File
	f := &file{desc: d, index: k.Index, size: int64(k.Offset)}
	f.safe = position{off: k.Offset, prefix: k.Prefix}
	f.read, f.known = f.safe, k
	f.counted, f.countedTo = true, k.Offset
	var fo *folder
	if in := t.podInput(d.Path); d.Pod != "" && in != nil {
		pod := fmt.Sprintf("%s_%s_%s", d.Namespace, d.Pod, d.PodUID)
		fo = t.folderFor(in, filepath.Join(in.Root, pod, d.Container), pod, d.Container)
	} else if d.Pod != "" {
		fo = t.folderFor(nil, "", fmt.Sprintf("%s_%s_%s", d.Namespace, d.Pod, d.PodUID), d.Container)
	} else {
		fo = t.folderFor(t.inputOf(d.Path), filepath.Dir(d.Path), "", "")
	}
	fo.add(f)
	t.byID[d.ID] = f
}

// podInput returns the input under whose root path lies, or else the first one that has a root; nil if none has.
func (t *Tailer) podInput(path string) *input {
	var some *input
	for _, in := range t.inputs {
		switch {
		case in.Root == "":
		case strings.HasPrefix(path, in.Root+"/"):
			return in
		case some == nil:
			some = in
		}
	}
	return some
}

// inputOf returns the files input whose patterns match path, or nil.
func (t *Tailer) inputOf(path string) *input {
	for _, in := range t.inputs {
		for _, pattern := range in.Paths {
			if ok, _ := doublestar.PathMatch(pattern, path); ok {
				return in
			}
		}
	}
	return nil
}
