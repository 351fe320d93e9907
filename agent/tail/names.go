package tail

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// input is an Input with what it holds open.
type input struct {
	Input
	root *os.Root // of Root: a link in it that leads out is refused
}

func (in *input) close() {
	if in.root != nil {
		in.root.Close()
	}
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
	unlisted bool              // this scan could not list it
	attempt  int               // the highest that has a live name

	unreadable map[string]string // path to what is wrong
}

// entry is a name under which a scan found a log file.
type entry struct {
	stat
	name    string
	path    string
	attempt int
	stamp   string // what rotation added to the name
	in      *input // of a files input: whose pattern matches the name
	of      string // of a files input: the known name that a rotation may have made this one of
	kind    kind
	gz      bool
	pin     bool
}

type kind int

const (
	live    kind = iota // a writer may have it open under this name
	rotated             // it was renamed
	sibling             // of a files input: no pattern matches it, but it may be what a known File was renamed to
)

// A log file of a container is <attempt>.log, behind which a rotation puts a time and a compression .gz (kubernetes,
// pkg/kubelet/logs/container_log_manager.go).
var containerLog = regexp.MustCompile(`^(\d{1,9})\.log(\..+)?$`)

// name takes the name of a container's log file apart. It returns false for what is none.
func containerName(name string) (e entry, ok bool) {
	m := containerLog.FindStringSubmatch(name)
	if m == nil || strings.HasSuffix(name, ".tmp") {
		return entry{}, false
	}
	e.name, e.stamp = name, strings.TrimPrefix(m[2], ".")
	e.attempt, _ = strconv.Atoi(m[1])
	if e.stamp != "" {
		e.kind = rotated
	}
	e.stamp, e.gz = strings.CutSuffix(e.stamp, ".gz")
	if e.gz && e.stamp == "gz" {
		e.stamp = ""
	}
	return e, true
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
			unreadable: map[string]string{}}
		t.folders[id] = fo
	}
	if dir != "" {
		fo.in, fo.dir = in, dir
	}
	return fo
}

// list finds the folders of all inputs and the names in them.
func (t *Tailer) list() {
	for _, fo := range t.folders {
		fo.entries, fo.live, fo.unlisted, fo.attempt = fo.entries[:0], nil, false, 0
	}
	for _, in := range t.inputs {
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

// age puts what was rotated before what is live.
func age(e entry) int {
	if e.kind == live {
		return 1
	}
	return 0
}

func (t *Tailer) listPods(in *input) {
	if in.root == nil {
		root, err := os.OpenRoot(in.Root)
		if err != nil {
			t.warnOnce(in.Root, "can't open the folder of pod logs", err)
			t.unlist(in)
			return
		}
		t.calm(in.Root)
		in.root = root
	}
	pods, err := os.ReadDir(in.Root)
	if err != nil {
		t.warnOnce(in.Root, "can't list the folder of pod logs", err)
		in.root.Close()
		in.root = nil
		t.unlist(in)
		return
	}
	for _, pod := range pods {
		if !pod.IsDir() || strings.Count(pod.Name(), "_") != 2 {
			continue
		}
		containers, err := os.ReadDir(filepath.Join(in.Root, pod.Name()))
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
	d, err := os.Open(dir)
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
		if t.leadsToPods(fo, e.path) {
			return // read under its own name
		}
		st, err = statx(dir, name, 0)
	}
	switch {
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
		paths, err := doublestar.FilepathGlob(pattern, doublestar.WithFilesOnly())
		if err != nil {
			t.warnOnce(pattern, "can't look for files", err)
			continue
		}
		for _, path := range paths {
			fo := t.folderFor(in, filepath.Dir(path), "", "")
			if fo.live == nil {
				fo.live = map[string]*input{}
			}
			if name := filepath.Base(path); fo.live[name] == nil { // the first input that wants it has it
				fo.live[name] = in
			}
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

// bases returns the names under which the Files of fo were first met.
func (fo *folder) bases() map[string]bool {
	bases := map[string]bool{}
	for _, f := range fo.files {
		bases[filepath.Base(f.desc.Path)] = true
	}
	return bases
}

// renamedFrom returns the known name that a rotation may have made name of, or "". Rotations append (app.log.1,
// app.log-20261122.gz) or put something in front of the ending (app-2026-11-22.log, app-2026-11-22.1.log.gz).
func renamedFrom(name string, bases map[string]bool) string {
	for i := len(name) - 1; i > 0; i-- {
		if strings.ContainsRune(".-_", rune(name[i])) && bases[name[:i]] {
			return name[:i]
		}
	}
	plain := strings.TrimSuffix(name, ".gz")
	ending := filepath.Ext(plain)
	for i := 1; i < len(plain)-len(ending); i++ {
		if strings.ContainsRune(".-_", rune(plain[i])) && bases[plain[:i]+ending] {
			return plain[:i] + ending
		}
	}
	return ""
}

// remember makes a file of what an earlier run left behind.
func (t *Tailer) remember(k *Known) {
	d := k.File
	f := &file{desc: d, index: k.Index, size: int64(k.Offset)}
	f.safe = position{off: k.Offset, prefix: k.Prefix}
	f.read, f.known = f.safe, k
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

// warnUnlessGone tells about an error, and whether it says anything but that there is nothing.
func (t *Tailer) warnUnlessGone(path string, err error) bool {
	if os.IsNotExist(err) {
		return false
	}
	t.warnOnce(path, "can't look at logs", err)
	return true
}
