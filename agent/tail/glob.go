package tail

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"golang.org/x/sys/unix"
)

// glob calls fn for each path that pattern matches and that is no folder; links are not followed to find out.
func (t *Tailer) glob(in *input, pattern string, fn func(path string)) error {
	base, rest := doublestar.SplitPattern(pattern)
	options := []doublestar.GlobOption{doublestar.WithFilesOnly()}
	if strings.Contains(rest, "**") { // links in circles would give a File endless names
		options = append(options, doublestar.WithNoFollow())
	}
	return doublestar.GlobWalk(&tree{t, in, base}, rest, func(name string, _ fs.DirEntry) error {
		fn(filepath.Join(base, name))
		return nil
	}, options...)
}

// tree is what lies below the fixed part of a pattern of in, as doublestar sees it.
type tree struct {
	t    *Tailer
	in   *input
	base string
}

// Open is never called: doublestar lists and stats.
func (tr *tree) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: errors.ErrUnsupported}
}

// ReadDir lists a folder below a root of the input. One that can't be listed leaves unknown what has become of its Files.
func (tr *tree) ReadDir(name string) ([]fs.DirEntry, error) {
	path := filepath.Join(tr.base, name)
	if tr.t.isRefused(path) {
		return nil, errOutside
	}
	d, err := tr.t.readDir(tr.in, path)
	if err != nil {
		if !tr.t.refuse(path, err) && !errors.Is(err, unix.ENOTDIR) && tr.t.warnUnlessGone(path, err) {
			tr.t.unlist(tr.in)
		}
		return nil, err
	}
	return d.names, nil
}

// Stat follows a link where it leads to something: whether that may be read is decided when it is opened.
func (tr *tree) Stat(name string) (fs.FileInfo, error) {
	path := filepath.Join(tr.base, name)
	info, err := os.Stat(path)
	if err != nil {
		return os.Lstat(path)
	}
	return info, err
}
