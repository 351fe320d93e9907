package pipeline

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"syscall"

	"logboom/checkpoint"
)

// badDisk decides which writes fail. It is full for a while, or some operations in a row fail; what a failed write or fsync
// leaves in the file is left to chance.
type badDisk struct {
	s       *simulation
	rng     *rand.Rand
	reserve string // RESERVE: while it is there, a full disk has no room for acknowledgements either
	met     int    // operations that failed

	full  bool // nothing more can be written
	tight bool // Intake must not write
	skip  int  // operations that go well before
	fail  int  // that many fail

	synced map[string]int64 // bytes of each Segment's file that an fsync has secured
}

// change makes the disk's weather better or worse.
func (d *badDisk) change() {
	if !d.s.climate.badDisk {
		return
	}
	switch n := d.rng.IntN(6); {
	case d.full || d.tight:
		d.heal()
	case n == 0:
		d.tight = true
	case n == 1:
		d.full = true
	default:
		d.skip, d.fail = d.rng.IntN(8), 1+d.rng.IntN(3)
	}
}

func (d *badDisk) heal() { d.full, d.tight, d.skip, d.fail = false, false, 0, 0 }

// space is what Intake asks before it writes.
func (d *badDisk) space() error {
	d.s.a.shares.measure(d.s.a.log.Stats().Waiting, d.s.maxSize)
	if d.tight || d.s.a.reserve.lacks() {
		return errors.New("too little free space")
	}
	return nil
}

// volume is what RESERVE asks before it is made.
func (d *badDisk) volume() (free, total int64, err error) {
	if d.full {
		return 0, 1 << 40, nil
	}
	return 1 << 40, 1 << 40, nil
}

// fault is the WAL's.
func (d *badDisk) fault(op, path string) error {
	takes := op == "mkdir" || op == "create" || op == "write"
	switch {
	case d.full && takes && d.reserved():
		return d.failed(op, path, syscall.ENOSPC)
	case op == "remove" && d.s.amnesia: // a Segment that stayed while later ones went is a hole to who knows no Acked
	case d.unlucky():
		return d.failed(op, path, syscall.EIO)
	case op == "sync" || op == "close":
		if info, err := os.Stat(path); err == nil {
			d.synced[path] = info.Size()
		}
	}
	return nil
}

// reserved says that the disk is full for a process that has not given RESERVE up.
func (d *badDisk) reserved() bool {
	_, err := os.Stat(d.reserve)
	return err == nil
}

func (d *badDisk) unlucky() bool {
	if d.fail == 0 {
		return false
	}
	if d.skip > 0 {
		d.skip--
		return false
	}
	d.fail--
	return true
}

// failed makes what a failed operation leaves: a piece of a write, or zeros where an fsync dropped pages.
func (d *badDisk) failed(op, path string, errno syscall.Errno) error {
	d.met++
	d.s.faults++
	switch {
	case op == "write" && d.rng.IntN(2) == 0:
		d.scribble(path, -1, make([]byte, 1+d.rng.IntN(200)))
	case (op == "sync" || op == "close") && d.rng.IntN(2) == 0:
		if info, err := os.Stat(path); err == nil && info.Size() > d.synced[path] {
			d.scribble(path, d.synced[path], make([]byte, info.Size()-d.synced[path]))
		}
	}
	return &os.PathError{Op: op, Path: path, Err: errno}
}

// scribble writes p at an offset of the file, -1 for its end.
func (d *badDisk) scribble(path string, at int64, p []byte) {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	d.s.must(err)
	defer f.Close()
	if at < 0 {
		info, err := f.Stat()
		d.s.must(err)
		at = info.Size()
	}
	_, err = f.WriteAt(p, at)
	d.s.must(err)
}

// badStore is a checkpoint on that disk. A commit that fails may have reached the disk all the same.
type badStore struct {
	*checkpoint.Store
	disk *badDisk
}

func (s badStore) Commit(c checkpoint.Change) error {
	d := s.disk
	switch {
	case d.full && d.reserved():
		d.met++
		d.s.faults++
		return fmt.Errorf("commit: %w", syscall.ENOSPC)
	case d.unlucky():
		d.met++
		d.s.faults++
		if d.rng.IntN(2) == 0 {
			if err := s.Store.Commit(c); err != nil {
				return err
			}
		}
		return fmt.Errorf("commit: %w", syscall.EIO)
	}
	return s.Store.Commit(c)
}
