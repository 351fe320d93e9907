package tail

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// list finds the folders of all inputs and the names in them.
func (t *Tailer) list() {
	for _, fo := range t.folders {
		fo.entries, fo.live, fo.unlisted, fo.attempt = fo.entries[:0], nil, false, 0
	}
	for _, in := range t.inputs {
		t.renew(in)
		if in.Root != "" {
			t.listPods(in)
		} else {
			t.listPaths(in)
		}
	}
	t.listPins()
	for _, fo := range t.folders {
		slices.SortFunc(fo.entries, func(a, b entry) int {
			return cmp.Or(cmp.Compare(a.attempt, b.attempt), cmp.Compare(age(a), age(b)), cmp.Compare(a.stamp, b.stamp),
				cmp.Compare(a.name, b.name))
		})
	}
}

func (t *Tailer) listPods(in *input) {
	pods, err := t.readDir(in, in.Root)
	if err != nil {
		t.warnOnce(in.Root, "can't list the folder of pod logs", err)
		t.unlist(in)
		return
	}
	t.calm(in.Root)
	for _, pod := range pods.names {
		if !pod.IsDir() || strings.Count(pod.Name(), "_") != 2 {
			continue
		}
		containers, err := t.readDir(in, filepath.Join(in.Root, pod.Name()))
		if err != nil {
			if t.warnUnlessGone(filepath.Join(in.Root, pod.Name()), err) {
				t.unlist(in)
			}
			continue
		}
		for _, c := range containers.names {
			if c.IsDir() {
				dir := filepath.Join(in.Root, pod.Name(), c.Name())
				t.listFolder(t.folderFor(in, dir, pod.Name(), c.Name()), dir, false)
			}
		}
	}
}

// unlist notes that nothing is known of the folders of in.
func (t *Tailer) unlist(in *input) {
	for _, fo := range t.folders {
		fo.unlisted = fo.unlisted || fo.in == in
	}
}

// listFolder adds the container logs in the folder at path, which is fo's own or the one with its pins.
func (t *Tailer) listFolder(fo *folder, path string, pin bool) {
	in := fo.in
	if pin {
		in = nil
	}
	d, err := t.readDir(in, path)
	if err != nil {
		fo.unlisted = t.warnUnlessGone(path, err) || fo.unlisted
		return
	}
	if d.logs == nil {
		d.logs = containerLogs(path, d.names, pin)
	}
	for i := range d.logs {
		e := &d.logs[i]
		if pin && e.key != (key{}) {
			if log := fo.entry(e.key); log != nil {
				e.stat = log.stat // one inode, just looked at
				fo.entries = append(fo.entries, *e)
				continue
			}
		}
		t.addEntry(fo, e)
	}
}

// containerLogs returns those of names that are a container's logs, or pins of them.
func containerLogs(path string, names []os.DirEntry, pin bool) []entry {
	logs := make([]entry, 0, len(names))
	for _, n := range names {
		name := n.Name()
		if pin {
			name = strings.TrimSuffix(name, filepath.Ext(name)) // .<inode>
		}
		if e, ok := containerName(name); ok {
			e.path, e.pin = filepath.Join(path, n.Name()), pin
			logs = append(logs, e)
		}
	}
	return logs
}

// addEntry looks at the file at e.path and adds it to fo's entries.
func (t *Tailer) addEntry(fo *folder, e *entry) {
	st, err := statAt(unix.AT_FDCWD, e.path)
	if err == nil && st.link {
		if t.isRefused(e.path) || t.leadsToPods(fo, e.path) {
			return // the latter is read under its own name
		}
		st, err = statx(unix.AT_FDCWD, e.path, 0)
	}
	switch {
	case errors.Is(err, unix.ELOOP):
		t.warnOnce(e.path, "passing over a link that leads in a circle", err)
	case err != nil:
		fo.unlisted = t.warnUnlessGone(e.path, err) || fo.unlisted
	case !st.regular:
		t.warnOnce(e.path, "passing over what is no regular file", nil)
	default:
		e.stat = st
		fo.entries = append(fo.entries, *e)
		if e.kind == live && !e.pin {
			fo.attempt = max(fo.attempt, e.attempt)
		}
	}
}

// leadsToPods says whether a link that a files input matches leads to a log that a kubernetes input reads, as those in
// /var/log/containers do.
func (t *Tailer) leadsToPods(fo *folder, path string) bool {
	if fo.pod != "" {
		return false
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return false
	}
	for _, in := range t.inputs {
		if in.Root != "" && strings.HasPrefix(target, in.Root+"/") {
			t.warnOnce(path, "passing over a link to a log that is read as a container's", nil)
			return true
		}
	}
	return false
}

// listPaths adds what the patterns of a files input match, and the rotated siblings of those files.
func (t *Tailer) listPaths(in *input) {
	for _, pattern := range in.Paths {
		err := t.glob(in, pattern, func(path string) {
			fo := t.folderFor(in, filepath.Dir(path), "", "")
			if fo.live == nil {
				fo.live = map[string]*input{}
			}
			if name := filepath.Base(path); fo.live[name] == nil { // the first input that wants it has it
				fo.live[name] = in
			}
		})
		if err != nil {
			t.warnOnce(pattern, "can't look for files", err)
		}
	}
	for _, fo := range t.folders {
		if fo.in == in {
			t.listSiblings(fo)
		}
	}
}

func (t *Tailer) listSiblings(fo *folder) {
	d, err := t.readDir(fo.in, fo.dir)
	if err != nil {
		fo.unlisted = t.warnUnlessGone(fo.dir, err) || fo.unlisted
		return
	}
	bases, asked := fo.bases(), map[string]bool{}
	for name := range fo.live {
		asked[name] = true
	}
	for _, n := range d.names {
		name := n.Name()
		e := entry{name: name, path: filepath.Join(fo.dir, name), gz: strings.HasSuffix(name, ".gz"), in: fo.live[name]}
		switch e.of = renamedFrom(name, bases); {
		case e.of != "" && e.in != nil && !bases[name]:
			e.kind = rotated
		case e.in == nil:
			if e.of == "" { // what it was renamed from may be met with it, for the first time
				e.of = renamedFrom(name, asked)
			}
			if e.of == "" {
				continue
			}
			e.kind = sibling
		}
		t.addEntry(fo, &e)
	}
}

// warnUnlessGone tells about an error, and whether it says anything but that there is nothing.
func (t *Tailer) warnUnlessGone(path string, err error) bool {
	if os.IsNotExist(err) {
		return false
	}
	t.warnOnce(path, "can't look at logs", err)
	return true
}
