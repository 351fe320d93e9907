package pipeline

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// reserve is the file RESERVE: space that is given up when the volume is full, so that acknowledgements can still be
// committed and the Segments they free removed. Without it a full disk could never be emptied by delivering. While it is
// lacking for want of space, Intake writes nothing: it would take what was given up for Delivery. It belongs to Delivery's
// goroutine, once that runs, but for lacks.
type reserve struct {
	path string
	slog *slog.Logger
	size int64                                 // bytes; 0: reserveSize
	look func() (free, total int64, err error) // at the volume; nil: the real one

	tried   time.Time
	looked  time.Time
	lacking atomic.Bool
}

const (
	reserveSize  = 16 << 20 // bytes
	reserveEvery = time.Minute
	smallVolume  = 16 * reserveSize // bytes: a volume of which a RESERVE would be too large a part does without, if it must
)

// make takes the space, where there is twice as much. A file system that can't is no reason not to run.
func (r *reserve) make() {
	r.tried = time.Now()
	size, look := r.size, r.look
	if size == 0 {
		size = reserveSize
	}
	if look == nil {
		look = func() (free, total int64, err error) { return volume(filepath.Dir(r.path)) }
	}
	if info, err := os.Stat(r.path); err == nil && info.Size() == size {
		r.lacking.Store(false)
		return
	}
	free, total, err := look()
	if err != nil {
		return
	}
	if free < 2*size {
		r.lacking.Store(r.lacking.Load() || total > smallVolume)
		return
	}
	f, err := os.OpenFile(r.path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	if err := unix.Fallocate(int(f.Fd()), 0, 0, size); err != nil {
		os.Remove(r.path) // half of it, or a file system that can't: better none
		r.lacking.Store(errors.Is(err, unix.ENOSPC))
		return
	}
	if r.lacking.Swap(false) {
		r.slog.Info("there is space again: made RESERVE")
	}
}

// lacks says that RESERVE is not there for want of space. Any goroutine may ask.
func (r *reserve) lacks() bool { return r != nil && r.lacking.Load() }

// tend makes RESERVE again as soon as there is space.
func (r *reserve) tend(now time.Time) {
	if r.lacks() && now.Sub(r.looked) >= time.Second {
		r.looked = now
		r.make()
	}
}

// spend does write, and where the disk is full once more for each thing that can be given up. Without a reserve nothing is.
func (r *reserve) spend(write func() error) error {
	if r == nil {
		return write()
	}
	err := write()
	if errors.Is(err, unix.ENOSPC) && giveUpDamaged(filepath.Dir(r.path)) {
		r.slog.Warn("the disk is full: gave up the damaged segments that were kept")
		err = write()
	}
	if errors.Is(err, unix.ENOSPC) && os.Remove(r.path) == nil {
		r.slog.Warn("the disk is full: gave up RESERVE; reading stands still until there is space for it again", "bytes", reserveSize)
		r.lacking.Store(true)
		err = write()
	}
	if err == nil && time.Since(r.tried) > reserveEvery {
		r.make()
	}
	return err
}

// DamagedDir is where, below the data directory, Segments with damage are kept for a person to look at.
func DamagedDir(dataDir string) string { return filepath.Join(dataDir, "damaged") }

// giveUpDamaged removes what is kept there, for whoever needs the space, and says whether there was any.
func giveUpDamaged(dataDir string) bool {
	dir := DamagedDir(dataDir)
	if names, err := os.ReadDir(dir); err != nil || len(names) == 0 {
		return false
	}
	return os.RemoveAll(dir) == nil
}
