package tail

import (
	"cmp"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

var errNotRegular = errors.New("no regular file")

// openAt opens the log file at path.
func (t *Tailer) openAt(fo *folder, path string, gz bool) (content, stat, error) {
	f, err := t.openFile(fo, path)
	if outOfDescriptors(err) && t.makeRoom() {
		f, err = t.openFile(fo, path)
	}
	if err != nil {
		return nil, stat{}, err
	}
	st, err := statAt(int(f.Fd()), "")
	if err != nil || !st.regular {
		f.Close()
		return nil, stat{}, cmp.Or(err, error(errNotRegular))
	}
	if !gz {
		return plain{f}, st, nil
	}
	z, err := newZipped(f)
	if err != nil {
		f.Close()
		return nil, stat{}, err
	}
	return z, st, nil
}

// openFile opens a pin as it is, all others below a root of their input.
func (t *Tailer) openFile(fo *folder, path string) (*os.File, error) {
	if t.o.Fault != nil {
		if err := t.o.Fault(path); err != nil {
			return nil, &os.PathError{Op: "open", Path: path, Err: err}
		}
	}
	if t.pins.holds(path) {
		return os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	}
	return fo.reader(path).open(path, 0)
}

func outOfDescriptors(err error) bool {
	return errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE)
}

// reopen opens f where it was last seen, if it is closed.
func (t *Tailer) reopen(f *file) error {
	if f.src != nil {
		return nil
	}
	if f.path == "" {
		return os.ErrNotExist
	}
	if t.open >= t.o.MaxOpen && !t.makeRoom() {
		return &os.PathError{Op: "open", Path: f.path, Err: unix.EMFILE}
	}
	src, st, err := t.openAt(f.folder, f.path, f.gz)
	if err != nil {
		return err
	}
	if st.key != f.key {
		src.Close()
		return os.ErrNotExist // renamed since the scan: the next one finds it
	}
	t.hold(f, src)
	return nil
}

func (t *Tailer) hold(f *file, src content) {
	t.close(f)
	rest(src)
	f.src = src
	t.open++
}

// holdNew is hold for a file that was just met. Where no other one can be closed for it, it is closed itself as long as it has a name,
// and opened again when it is its turn: else what has no name would keep all others from being met.
func (t *Tailer) holdNew(f *file, src content) {
	if t.open >= t.o.MaxOpen && !t.makeRoom() && f.folder.entry(f.key) != nil {
		src.Close()
		return
	}
	t.hold(f, src)
}

// makeRoom closes a file that can be opened again, preferably one with a pin: another name alone may be gone by then. It
// returns false if there is none.
func (t *Tailer) makeRoom() bool {
	if t.crowded {
		return false
	}
	const enough = 64 // files to look at for a pin
	var spare *file
	seen := 0
	for _, f := range t.byID { // in no order
		if seen++; spare != nil && (seen > enough || spare.pin != "") {
			break
		}
		if f.src != nil && f != t.reading && (f.pin != "" || spare == nil) && f.named() {
			spare = f
		}
	}
	if t.crowded = spare == nil; !t.crowded {
		t.close(spare)
	}
	return !t.crowded
}

// named says that f can be opened again. The name that the last scan saw may be gone, and its descriptor be all there is.
func (f *file) named() bool {
	if f.path == "" || f.pin != "" {
		return f.path != ""
	}
	st, err := statx(unix.AT_FDCWD, f.path, 0)
	return err == nil && st.key == f.key
}

// maxUnknown is how many files may be open, besides MaxOpen, of which it is not known yet what they are.
func (t *Tailer) maxUnknown() int { return max(16, t.o.MaxOpen/4) }

func (t *Tailer) close(f *file) {
	if f.src != nil {
		f.src.Close()
		f.src = nil
		t.open--
		t.crowded = false
	}
}

// closeQuiet gives descriptors back that pins or names make dispensable.
func (t *Tailer) closeQuiet(now time.Time) {
	for _, f := range t.byID {
		if t.open <= t.o.MaxOpen*3/4 {
			return
		}
		if f.src != nil && f.path != "" && f.readUp() && now.Sub(f.lastGrew) > hotFor {
			t.close(f)
		}
	}
}

// defaultMaxOpen leaves half of the descriptors to everything else, and to files of which it is not known yet what they are.
func defaultMaxOpen() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 512
	}
	return max(8, int(min(limit.Cur/2, 1<<16))-16)
}
