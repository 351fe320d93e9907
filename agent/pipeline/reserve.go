package pipeline

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// reserve is the file RESERVE: space that is given up when the volume is full, so that acknowledgements can still be
// committed and the Segments they free removed. Without it a full disk could never be emptied by delivering. It belongs
// to Delivery's goroutine, once that runs.
type reserve struct {
	path  string
	slog  *slog.Logger
	tried time.Time
}

const (
	reserveSize  = 16 << 20 // bytes
	reserveEvery = time.Minute
)

// make takes the space, where there is twice as much. Not having it is no reason not to run.
func (r *reserve) make() {
	r.tried = time.Now()
	if info, err := os.Stat(r.path); err == nil && info.Size() == reserveSize {
		return
	}
	var st unix.Statfs_t
	if err := unix.Statfs(filepath.Dir(r.path), &st); err != nil || int64(st.Bavail)*st.Bsize < 2*reserveSize {
		return
	}
	f, err := os.OpenFile(r.path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	if err := unix.Fallocate(int(f.Fd()), 0, 0, reserveSize); err != nil {
		os.Remove(r.path) // half of it, or a file system that can't: better none
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
		r.slog.Warn("the disk is full: gave up RESERVE", "bytes", reserveSize)
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
