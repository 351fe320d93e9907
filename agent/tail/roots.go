package tail

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"golang.org/x/sys/unix"
)

// The agent runs as root and reads folders that an application may write to. A link there must not make it read, and ship,
// what the application itself can't. So every file and folder of an input is opened below one of its roots through os.Root,
// which no link and no race leads out of. A link to elsewhere is followed only if it leads into a root again.

// dockerLogs is where the names in the kubelet's folder lead to when docker is the runtime.
const dockerLogs = "/var/lib/docker/containers"

// errOutside says that a path leads out of all roots of its input.
var errOutside = errors.New("it leads out of the folders that this input may read; allowed_roots adds others")

// anchor is a folder below which an input may open files.
type anchor struct {
	path string
	root *os.Root // nil: it isn't there
}

// anchors returns the roots of an Input: its folder or the fixed parts of its patterns, and what the configuration adds.
func anchors(in *Input) []*anchor {
	var paths []string
	if in.Root != "" {
		paths = append(paths, in.Root, dockerLogs)
	}
	for _, pattern := range in.Paths {
		base, _ := doublestar.SplitPattern(pattern)
		paths = append(paths, base)
	}
	var all []*anchor
	for _, path := range append(paths, in.AllowedRoots...) {
		path = filepath.Clean(path)
		if !slices.ContainsFunc(all, func(a *anchor) bool { return a.path == path }) {
			all = append(all, &anchor{path: path})
		}
	}
	return all
}

// renew opens the roots of in anew: a folder may have been made again since the last scan. One that can't be opened for
// another reason than that it is gone stays as it was.
func (t *Tailer) renew(in *input) {
	for _, a := range in.anchors {
		root, err := os.OpenRoot(a.path)
		if err != nil && t.warnUnlessGone(a.path, err) {
			t.unlist(in)
			continue
		}
		a.close()
		a.root = root
	}
}

func (in *input) close() {
	for _, a := range in.anchors {
		a.close()
	}
}

func (a *anchor) close() {
	if a.root != nil {
		a.root.Close()
		a.root = nil
	}
}

// open opens what path leads to, if that lies below a root of in. O_NONBLOCK keeps a FIFO that took the name meanwhile from
// holding up everything.
func (in *input) open(path string, flags int) (*os.File, error) {
	flags |= os.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
	inner := in.outside(path, path)
	if a, name := in.anchorOf(path); a != nil {
		f, err := a.root.OpenFile(name, flags, 0)
		if err == nil {
			return f, nil
		}
		inner = err
	}
	// os.Root follows no absolute link. What this finds is only a name: the root below which it is opened decides.
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	if target == path {
		return nil, inner
	}
	a, name := in.anchorOf(target)
	if a == nil {
		return nil, in.outside(path, target)
	}
	return a.root.OpenFile(name, flags, 0)
}

// outside says why no root leads to path, which is target: that its own root is not there is nobody's fault.
func (in *input) outside(path, target string) error {
	for _, a := range in.anchors {
		if _, ok := below(target, a.path); ok && a.root == nil {
			return &os.PathError{Op: "open", Path: path, Err: unix.ENOENT}
		}
	}
	return fmt.Errorf("open %s, which is %s: %w", path, target, errOutside)
}

// anchorOf returns the root that path lies below, and what to open there. A root may itself be reached through links.
func (in *input) anchorOf(path string) (a *anchor, name string) {
	for _, real := range []bool{false, true} {
		for _, a := range in.anchors {
			if a.root == nil {
				continue
			}
			from := a.path
			if real {
				from, _ = filepath.EvalSymlinks(a.path)
			}
			if name, ok := below(path, from); ok {
				return a, name
			}
		}
	}
	return nil, ""
}

// below returns path relative to dir, if it lies below dir or is it.
func below(path, dir string) (string, bool) {
	if path == dir {
		return ".", true
	}
	return strings.CutPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

// Readable says why a file of an Input can't be read, or nil.
func Readable(in Input, path string) error {
	i := &input{Input: in, anchors: anchors(&in)}
	defer i.close()
	for _, a := range i.anchors {
		a.root, _ = os.OpenRoot(a.path)
	}
	f, err := i.open(path, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Read(make([]byte, 1)); err != nil && err != io.EOF {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}
