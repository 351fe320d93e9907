package tail

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// pins keeps hard links to container logs, so that the kubelet's rotation and removal don't take bytes that nobody has
// read: pins/<pod folder>/<container>/<file name>.<inode>. Pins that an earlier run left are entries like others.
type pins struct {
	dir   string
	dirty map[string]bool // folders with new names
	dirs  map[string]*dir // the Tailer's: nobody else changes folders of pins, so these are listed again only when we did
}

// add links the open log file into the folder of pins. The link is made from the descriptor, so it is to the inode that
// was looked at, whatever its names are by now.
func (p *pins) add(fo *folder, f *os.File, e entry) (string, error) {
	return p.link(fo, fmt.Sprintf("/proc/self/fd/%d", f.Fd()), unix.AT_SYMLINK_FOLLOW, e)
}

// link makes the pin of e, from one of its names.
func (p *pins) link(fo *folder, from string, flags int, e entry) (string, error) {
	dir := filepath.Join(p.dir, fo.pod, fo.container)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make a folder for pins: %w", err)
	}
	path := filepath.Join(dir, fmt.Sprintf("%s.%d", e.name, e.key.inode))
	err := unix.Linkat(unix.AT_FDCWD, from, unix.AT_FDCWD, path, flags)
	if errors.Is(err, unix.ENOENT) { // unlinked meanwhile: the descriptor has to do
		return "", nil
	}
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return "", &os.LinkError{Op: "link", Old: e.path, New: path, Err: err}
	}
	if p.dirty == nil {
		p.dirty = map[string]bool{}
	}
	// Every folder on the way is named by the one above it, up to the one that names the folder of pins.
	for d, top := dir, filepath.Dir(p.dir); len(d) >= len(top); d = filepath.Dir(d) {
		p.dirty[d] = true
		delete(p.dirs, d)
	}
	return path, nil
}

// holds says whether path is a pin.
func (p *pins) holds(path string) bool {
	return p.dir != "" && strings.HasPrefix(path, p.dir+string(filepath.Separator))
}

// sync makes the pins of this scan survive a power cut.
func (p *pins) sync() error {
	for dir := range p.dirty {
		if err := syncDir(dir); err != nil && !os.IsNotExist(err) {
			return err
		}
		delete(p.dirty, dir)
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// remove lets go of a pin, and of its folders when they are empty.
func (p *pins) remove(path string) error {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return err
	}
	for d, empty := filepath.Dir(path), true; len(d) >= len(p.dir); d = filepath.Dir(d) {
		delete(p.dirs, d)
		empty = empty && d != p.dir && os.Remove(d) == nil
	}
	return nil
}

// listPins adds the pins to the entries of their folders.
func (t *Tailer) listPins() {
	if t.o.PinDir == "" {
		return
	}
	in := t.podInput("")
	pods, err := t.readDir(nil, t.o.PinDir)
	if in == nil || err != nil && !t.warnUnlessGone(t.o.PinDir, err) {
		return // none yet
	}
	if err != nil {
		t.unlistPins()
		return
	}
	for _, pod := range pods.names {
		containers, err := t.readDir(nil, filepath.Join(t.o.PinDir, pod.Name()))
		if err != nil {
			if t.warnUnlessGone(filepath.Join(t.o.PinDir, pod.Name()), err) {
				t.unlistPins()
			}
			continue
		}
		for _, c := range containers.names {
			fo := t.folders[pod.Name()+"/"+c.Name()]
			if fo == nil || fo.in == nil {
				fo = t.folderFor(in, filepath.Join(in.Root, pod.Name(), c.Name()), pod.Name(), c.Name())
			}
			t.listFolder(fo, filepath.Join(t.o.PinDir, pod.Name(), c.Name()), true)
		}
	}
}

// unlistPins notes that a File may have a pin that was not seen.
func (t *Tailer) unlistPins() {
	for _, fo := range t.folders {
		fo.unlisted = fo.unlisted || fo.pod != ""
	}
}
