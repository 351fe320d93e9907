package tail

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// The kernel tells of new names in the folders that were listed. That is a hint and no more: it makes the next scan come
// soon, so that a file is seen, and pinned, that lives for less than a second. The scan finds out what there is. Where the
// kernel gives no hints, or loses some, files are found once a second as if there were none.
//
// Growth is not told: that would be a call for each write on the node.

const (
	hintEvery = 100 * time.Millisecond // between two looks at the queue

	// A hinted scan waits for this many times as long as the last one had the processor: new names all the time cost a sixth of a core.
	hintPause    = 5
	minHintPause = 20 * time.Millisecond
)

// noHints is what is told once when there are none, or too few.
const noHints = "new files are found once a second: the kernel gives no hints (fs.inotify.max_user_instances and max_user_watches)"

// hints is an inotify queue; its fd is -1 where there is none.
type hints struct{ fd int }

// openHints is for the first scan.
func (t *Tailer) openHints() {
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		t.warnOnce("inotify", noHints, os.NewSyscallError("inotify_init1", err))
		return
	}
	t.hints.fd = fd
}

func (h *hints) close() {
	if h.fd >= 0 {
		unix.Close(h.fd)
		h.fd = -1
	}
}

// watch asks for hints about the open folder. It comes before listing it: then no name falls in between. wd is -1 without.
func (h *hints) watch(folder *os.File) (wd int, err error) {
	if h.fd < 0 {
		return -1, nil
	}
	wd, err = unix.InotifyAddWatch(h.fd, fmt.Sprintf("/proc/self/fd/%d", folder.Fd()), unix.IN_CREATE|unix.IN_MOVED_TO)
	if err != nil {
		return -1, os.NewSyscallError("inotify_add_watch", err)
	}
	return wd, nil
}

// unwatch may be called for a folder that is gone: the kernel has forgotten it then.
func (h *hints) unwatch(wd int) {
	if h.fd >= 0 && wd >= 0 {
		unix.InotifyRmWatch(h.fd, uint32(wd))
	}
}

// any empties the queue and says whether there was something. What it was matters as little as whether the queue ran over.
func (h *hints) any() bool {
	var buf [4096]byte
	for some := false; ; some = true {
		if n, err := unix.Read(h.fd, buf[:]); n <= 0 && !errors.Is(err, unix.EINTR) {
			return some
		}
	}
}

// hinted says whether a hint asks for a scan now.
func (t *Tailer) hinted(now time.Time) bool {
	if t.hints.fd < 0 {
		return false
	}
	t.newNames = t.hints.any() || t.newNames
	return t.newNames && !now.Before(t.nextHinted)
}

// timeScan begins to measure a scan; what it returns ends that, and says when a hint may ask for the next one. It is the time
// on the processor that counts: a slow disk is a reason to look more often, not less.
func (t *Tailer) timeScan(now time.Time) func() {
	runtime.LockOSThread()
	began := threadTime()
	return func() {
		took := threadTime() - began
		runtime.UnlockOSThread()
		t.nextHinted = now.Add(max(minHintPause, hintPause*took))
		t.newNames = t.newNames || t.expects(now)
	}
}

func threadTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		panic("BUG: no clock for a thread: " + err.Error())
	}
	return time.Duration(ts.Nano())
}

// expects says that a file was made just before and gets its first line soon: it is looked at again like a new name.
func (t *Tailer) expects(now time.Time) bool {
	for _, fo := range t.folders {
		for _, n := range fo.nascent {
			if n.entry.kind == live && now.Sub(n.met) < hotFor {
				return true
			}
		}
	}
	return false
}

// nextHint is when to scan, or to look at the queue again.
func (t *Tailer) nextHint(now time.Time) time.Time {
	next := now.Add(hintEvery)
	if t.newNames {
		next = t.nextHinted
	}
	if t.hints.fd < 0 || next.After(t.nextScan) {
		return t.nextScan
	}
	return next
}
