package tail

import (
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Most folders are the same at every scan. What was listed is kept, and believed as long as the folder's times and size say
// that no name came or went: one statx instead of six calls.

const (
	relistEvery = 60 // scans after which a folder is listed anew in any case: a file system may not keep its times well

	// A name that comes right after a folder was listed can leave it with the same time of change, since the kernel's clock
	// for that moves in steps of up to 10 ms. A folder that changed so short a time ago is listed again.
	settleTime = 100 * time.Millisecond
)

// clockStep is how far times of files may lie behind the clock: the kernel takes them from one that moves in steps.
const clockStep = 10 * time.Millisecond

// dir is a folder as it was listed.
type dir struct {
	stat    stat
	names   []fs.DirEntry
	logs    []entry // of a folder of container logs or pins: what of the names is one, as last looked at
	watch   int     // of hints; -1: none
	settled bool    // a change since then shows in stat
	again   int     // the scan that lists it anew
	seen    int     // the last scan that asked for it
}

// readDir returns what the folder at path holds: below a root of in, or of pins when in is nil.
func (t *Tailer) readDir(in *input, path string) (*dir, error) {
	if d := t.dirs[path]; d != nil && t.scans < d.again && (in == nil || d.same(path)) {
		d.seen = t.scans
		return d, nil
	}
	d, err := t.relist(in, path)
	if old := t.dirs[path]; old != nil && (d == nil || d.watch != old.watch) {
		t.hints.unwatch(old.watch)
	}
	if err != nil {
		delete(t.dirs, path)
		return nil, err
	}
	d.again, d.seen = t.scans+relistEvery, t.scans
	t.dirs[path] = d
	return d, nil
}

// same says whether the folder at path is as it was listed.
func (d *dir) same(path string) bool {
	st, err := statx(unix.AT_FDCWD, path, 0)
	return d.settled && err == nil && st == d.stat
}

// relist lists the folder at path. Of a folder with logs, hints are asked for first.
func (t *Tailer) relist(in *input, path string) (*dir, error) {
	f, err := t.openDir(in, path)
	if outOfDescriptors(err) && t.makeRoom() {
		f, err = t.openDir(in, path)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d := &dir{watch: -1}
	if in != nil {
		if d.watch, err = t.hints.watch(f); err != nil {
			t.warnOnce("inotify", noHints, err)
		}
	}
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_REALTIME_COARSE, &now); err != nil { // which is what the kernel takes times of change from
		return nil, os.NewSyscallError("clock_gettime", err)
	}
	if d.stat, err = statAt(int(f.Fd()), ""); err != nil {
		return nil, err
	}
	d.settled = now.Nano()-d.stat.mtime >= int64(settleTime)
	if d.names, err = f.ReadDir(-1); err != nil {
		return nil, err
	}
	return d, nil
}

func (t *Tailer) openDir(in *input, path string) (*os.File, error) {
	if t.o.Fault != nil {
		if err := t.o.Fault(path); err != nil {
			return nil, &os.PathError{Op: "open", Path: path, Err: err}
		}
	}
	if in != nil {
		return in.open(path, unix.O_DIRECTORY)
	}
	return os.Open(path)
}

// sweepDirs forgets folders that this scan did not ask for.
func (t *Tailer) sweepDirs() {
	for path, d := range t.dirs {
		if d.seen < t.scans {
			t.hints.unwatch(d.watch)
			delete(t.dirs, path)
		}
	}
}
