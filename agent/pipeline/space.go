package pipeline

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"logboom/agent/config"
	"logboom/agent/status"
	"logboom/wal"
)

// space says whether Intake may write: the WAL must keep under its limit, and the volume above min_free, because the
// kubelet evicts every pod of a node whose log volume runs full. It is Intake's.
type space struct {
	dir     string
	minFree config.Space
	maxSize int64
	log     *wal.Log
	shares  *shares
	reserve *reserve

	checked time.Time
	err     error // of the last look at the volume
	room    int64 // bytes above min_free, as of then
}

// Why nothing may be written.
var (
	errFull      = errors.New("the WAL is full")
	errMinFree   = errors.New("too little free space")
	errNoReserve = errors.New("the disk is full: what RESERVE gave up is kept for acknowledgements, and reading goes on when there is space for it again")
)

// reason is one of status.BlockReasons.
func reason(err error) string {
	switch {
	case errors.Is(err, errFull), errors.Is(err, wal.ErrFull):
		return status.WALFull
	case errors.Is(err, errMinFree):
		return status.MinFree
	case errors.Is(err, errNoReserve), errors.Is(err, unix.ENOSPC):
		return status.DiskFull
	}
	return status.WriteFailed
}

// headroom is what the WAL may grow by between two looks: a Block of the largest size, and a Segment's summary. It must
// stay small against the smallest WAL, whose head is sealed, and so can be removed, only by the next Append.
const headroom = wal.MaxText + 128<<10

// lookEvery is how often the file system is asked: once for each attempt of an Intake that waits.
const lookEvery = syncEvery / 2

// check returns why nothing may be written now, or nil.
func (s *space) check() error {
	if now := time.Now(); now.Sub(s.checked) >= lookEvery {
		s.checked, s.err = now, s.volume()
	}
	stats := s.log.Stats()
	used := stats.Bytes
	s.shares.measure(stats.Waiting, min(s.maxSize, used+s.room))
	if s.maxSize > 0 && used+headroom > s.maxSize {
		return fmt.Errorf("%w: %d of %d bytes (wal.max_size)", errFull, used, s.maxSize)
	}
	if s.err == nil && s.reserve.lacks() {
		return errNoReserve
	}
	return s.err
}

// volume says whether min_free is left.
func (s *space) volume() error {
	free, total, err := volume(s.dir)
	if err != nil {
		return err
	}
	floor := s.minFree.Of(total)
	if s.room = free - floor; s.room < 0 {
		giveUpDamaged(s.dir)
		return fmt.Errorf("%w for %s: %d bytes, %d must stay free (wal.min_free: %s)", errMinFree, s.dir, free, floor, s.minFree)
	}
	return nil
}

// shortage returns how many bytes are missing to half of min_free, below which pins are given up for space.
func (s *space) shortage() int64 {
	free, total, err := volume(s.dir)
	if err != nil {
		return 0
	}
	return max(0, s.minFree.Of(total)/2-free)
}

// volume counts the free space below dir as unprivileged users may use it, which is how the kubelet counts.
func volume(dir string) (free, total int64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, 0, fmt.Errorf("look at the free space of %s: %w", dir, err)
	}
	return int64(st.Bavail) * st.Bsize, int64(st.Blocks) * st.Bsize, nil
}
