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
	pods, err := in.readDir(in.Root)
	if err != nil {
		t.warnOnce(in.Root, "can't list the folder of pod logs", err)
		t.unlist(in)
		return
	}
	t.calm(in.Root)
	for _, pod := range pods {
		if !pod.IsDir() || strings.Count(pod.Name(), "_") != 2 {
			continue
		}
		containers, err := in.readDir(filepath.Join(in.Root, pod.Name()))
		if err != nil {
			if t.warnUnlessGone(filepath.Join(in.Root, pod.Name()), err) {
				t.unlist(in)
			}
			continue
		}
		for _, c := range containers {
			if c.IsDir() {
				dir := filepath.Join(in.Root, pod.Name(), c.Name())
				t.listFolder(t.folderFor(in, dir, pod.Name(), c.Name()), dir, false)
			}
		}
	}
}

// readDir lists a folder below a root of in.
func (in *input) readDir(path string) ([]os.DirEntry, error) {
	d, err := in.open(path, unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.ReadDir(-1)
}

// unlist notes that nothing is known of the folders of in.
func (t *Tailer) unlist(in *input) {
	for _, fo := range t.folders {
		fo.unlisted = fo.unlisted || fo.in == in
	}
}

// listFolder adds the container logs in dir, which is fo's own folder or the one with its pins.
func (t *Tailer) listFolder(fo *folder, dir string, pin bool) {
	d, names := t.names(fo, dir)
	if d == nil {
		return
	}
	defer d.Close()
	for _, name := range names {
		logName := name
		if pin {
			logName = strings.TrimSuffix(name, filepath.Ext(name)) // .<inode>
		}
		e, ok := containerName(logName)
		if !ok {
			continue
		}
		e.path, e.pin = filepath.Join(dir, name), pin
		t.addEntry(fo, int(d.Fd()), name, e)
	}
}

// names opens and lists dir. It returns nil where it can't.
func (t *Tailer) names(fo *folder, dir string) (*os.File, []string) {
	var d *os.File
	var err error
	if t.pins.holds(dir) {
		d, err = os.Open(dir)
	} else {
		d, err = fo.in.open(dir, unix.O_DIRECTORY)
	}
	if err != nil {
		fo.unlisted = t.warnUnlessGone(dir, err) || fo.unlisted
		return nil, nil
	}
	names, err := d.Readdirnames(-1)
	if err != nil {
		fo.unlisted = t.warnUnlessGone(dir, err) || fo.unlisted
		d.Close()
		return nil, nil
	}
	return d, names
}

// addEntry stats name in the open folder dir and adds it to fo's entries.
func (t *Tailer) addEntry(fo *folder, dir int, name string, e entry) {
	st, err := statAt(dir, name)
	if err == nil && st.link {
		if t.isRefused(e.path) || t.leadsToPods(fo, e.path) {
			return // the latter is read under its own name
		}
		st, err = statx(dir, name, 0)
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
		fo.entries = append(fo.entries, e)
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
	d, names := t.names(fo, fo.dir)
	if d == nil {
		return
	}
	defer d.Close()
	bases := fo.bases()
	for _, name := range names {
		e := entry{name: name, path: filepath.Join(fo.dir, name), gz: strings.HasSuffix(name, ".gz"), in: fo.live[name]}
		switch e.of = renamedFrom(name, bases); {
		case e.of != "" && e.in != nil && !bases[name]:
			e.kind = rotated
		case e.of != "" && e.in == nil:
			e.kind = sibling
		case e.in == nil:
			continue
		}
		t.addEntry(fo, int(d.Fd()), name, e)
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
