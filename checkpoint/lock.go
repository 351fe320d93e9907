package checkpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// ErrLocked is wrapped by the error that names who has the data directory.
var ErrLocked = errors.New("data directory is in use")

// lockPoll is how often a taken LOCK is tried again.
const lockPoll = 100 * time.Millisecond

// Lock is the right to use a data directory: a flock on its file LOCK, which ends with the process, however it ends.
// The file is never renamed or removed: a lock on an unlinked file would keep nobody out.
type Lock struct{ f *os.File }

// Holder is what the one who has a LOCK wrote into it.
type Holder struct {
	Host    string    `json:"host"`
	Pod     string    `json:"pod,omitempty"` // from POD_NAME
	PID     int       `json:"pid"`           // as the holder sees it: in its own PID namespace
	Started time.Time `json:"started"`
}

// String says who it is in words.
func (h Holder) String() string {
	if h.PID == 0 {
		return "a process that did not say who it is"
	}
	who := fmt.Sprintf("process %d on %s", h.PID, h.Host)
	if h.Pod != "" {
		who = fmt.Sprintf("process %d of pod %s", h.PID, h.Pod)
	}
	return who + ", since " + h.Started.UTC().Format(time.RFC3339)
}

// TakeLock takes dataDir/LOCK before anything else in dataDir is touched, and makes dataDir (mode 0700) where it is
// missing. While another process has it, which is normal for seconds when pods overlap, it waits up to wait, or until ctx
// is done; then it returns ErrLocked, wrapped, with the holder's name.
func TakeLock(ctx context.Context, dataDir string, wait time.Duration) (*Lock, error) {
	if err := makeDir(dataDir); err != nil {
		return nil, fmt.Errorf("make data directory: %w", err)
	}
	path := filepath.Join(dataDir, "LOCK")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	if err := waitForLock(ctx, f, wait); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			h, _ := readHolder(dataDir) // unreadable: String says so
			return nil, fmt.Errorf("%w: %s is locked by %s", ErrLocked, path, h)
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	l := &Lock{f: f}
	l.sign()
	return l, nil
}

// Release lets go of the LOCK. The file stays.
func (l *Lock) Release() error { return l.f.Close() }

// readHolder returns what the present or the last holder of dataDir's LOCK wrote.
func readHolder(dataDir string) (Holder, error) {
	var h Holder
	text, err := os.ReadFile(filepath.Join(dataDir, "LOCK"))
	if err != nil {
		return h, fmt.Errorf("read lock: %w", err)
	}
	if err := json.Unmarshal(text, &h); err != nil {
		return Holder{}, fmt.Errorf("read lock: %w", err)
	}
	return h, nil
}

// Held says whether somebody has dataDir's LOCK right now, and who. It makes no files.
func Held(dataDir string) (bool, Holder) {
	f, err := os.Open(filepath.Join(dataDir, "LOCK"))
	if err != nil {
		return false, Holder{}
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB); !errors.Is(err, unix.EWOULDBLOCK) {
		return false, Holder{}
	}
	h, _ := readHolder(dataDir) // unreadable: String says so
	return true, h
}

// sign writes who has the LOCK. The flock is the lock and this is a courtesy: on a full disk the file stays empty, and
// the agent must start all the same, to make space.
func (l *Lock) sign() {
	host, _ := os.Hostname()
	text, err := json.Marshal(Holder{Host: host, Pod: os.Getenv("POD_NAME"), PID: os.Getpid(), Started: time.Now().UTC()})
	if err != nil || l.f.Truncate(0) != nil {
		return
	}
	l.f.WriteAt(append(text, '\n'), 0)
}

func waitForLock(ctx context.Context, f *os.File, wait time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, wait, unix.EWOULDBLOCK)
	defer cancel()
	tick := time.NewTicker(lockPoll)
	defer tick.Stop()
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil || !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// makeDir makes dir, and what leads to it, where it is missing, durably.
func makeDir(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	if parent := filepath.Dir(dir); parent != dir {
		if err := makeDir(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return syncDir(filepath.Dir(dir))
}
