// Package checkpoint remembers what is delivered: Acked, the Offset of every File, and the ledger of what was lost. It is
// the only user of bbolt, and one file, checkpoint.db, is all of it.
//
// It promises that a Commit is all or nothing and durable when it returns, and that a file which can't be trusted is
// noticed at Open, by a clean ErrCorrupt, whatever was done to it. A checkpoint may be lost: WAL and pins rebuild it, and
// reading again is always safe. A checkpoint that is wrong would lose logs in silence, so Open trusts nothing:
//
//	lock   one process at a time; a second one gets ErrInUse after a second instead of hanging
//	verify every page is read (with pread, so a bad sector is an error and no SIGBUS), and the tree, its bounds, its
//	       order and the free list are checked, because bbolt follows a wrong page number into loops, into other memory
//	       or into pages that are in use
//	settle the meta pages are written again and fsynced, and so is the folder: after a SIGKILL or a failed fsync the page
//	       cache may be ahead of the disk
//	seal   a sum over all rows must agree with the rows: bbolt has no checksum on its data pages
//
// All calls of bbolt run under a guard that turns its panics, and faults under its mmap, into ErrCorrupt. After any
// failed Commit the file is closed, and opened again in the same careful way before it is used again. One damaged meta
// page (of two) costs the last Commit, which is as if a power cut had come just before it.
//
// Costs, with 5000 Files (store_test.go measures them; of 22 November 2026): a Commit of 200 Offsets writes 0.5 MB and takes two fdatasyncs (1.4 ms on an idle SSD), since
// FileIDs lie all over the tree; the file has 8 MB, and Open reads and checks it in 60 ms. FORMAT.md draws the bytes.
package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"logboom/wal"
)

// What callers branch on. All come wrapped, with the path and the reason.
var (
	ErrCorrupt = errors.New("checkpoint is damaged")                     // SetAside, then Open a new one
	ErrTooNew  = errors.New("checkpoint was written by a newer release") // nothing helps but that release
	ErrInUse   = errors.New("checkpoint is in use by another process")
	ErrClosed  = errors.New("checkpoint is closed")
)

// inUseWait is how long Open waits for another process to let go of the file.
const inUseWait = time.Second

// pageSize is the same on every machine, whatever its kernel's page size, so that a disk may move.
const pageSize = 4096

// Store is an open checkpoint. It is safe for concurrent use.
type Store struct {
	path     string
	bootID   func() (string, error)
	readOnly bool

	mu      sync.Mutex // guards the rest, and lets one transaction run at a time
	db      *bolt.DB   // nil after a failed transaction: opened again by the next call
	file    *os.File   // db's descriptor
	closed  bool
	written map[wal.FileID]*wal.File // descriptions known to be in the file: saves encoding them again to compare
}

// Open opens the checkpoint at path, or makes a new one (mode 0600) where there is no file. It returns ErrCorrupt,
// ErrTooNew or ErrInUse, wrapped; any other error is the file system's.
func Open(path string) (*Store, error) { return openWith(path, currentBootID) }

// OpenAway is Open for a process that reads no log files, on this machine or on another one. Its Commits leave the boot that
// is noted as it is: an agent that comes back must learn that its files went through a power cut since it read them.
func OpenAway(path string) (*Store, error) {
	return openWith(path, func() (string, error) { return "", nil })
}

func openWith(path string, bootID func() (string, error)) (*Store, error) {
	s := &Store{path: path, bootID: bootID}
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		if err := create(path); err != nil {
			return nil, fmt.Errorf("create checkpoint: %w", err)
		}
	}
	if err := s.open(); err != nil {
		return nil, err
	}
	return s, nil
}

// Close lets go of the file. What was committed is durable already.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.db == nil {
		return nil
	}
	err := guard("close checkpoint", s.db.Close)
	s.db, s.file = nil, nil
	return err
}

// open does the four steps of the package comment. s.mu is held, or s is not shared yet.
func (s *Store) open() error {
	f, err := os.OpenFile(s.path, s.flags(), 0)
	if errors.Is(err, unix.EISDIR) {
		return fmt.Errorf("open checkpoint %s: %w: it is a directory", s.path, ErrCorrupt)
	}
	if err != nil {
		return fmt.Errorf("open checkpoint: %w", err)
	}
	var db *bolt.DB
	err = guard("open checkpoint "+s.path, func() error {
		if err := lockFile(f, s.lockMode(), inUseWait); err != nil {
			return err
		}
		if err := verify(f); err != nil {
			return err
		}
		if err := s.settle(f); err != nil {
			return err
		}
		o := options(f)
		o.ReadOnly = s.readOnly
		if db, err = bolt.Open(s.path, 0o600, o); err != nil {
			return err
		}
		return db.View(checkRows)
	})
	if err != nil {
		drop(db, f, err)
		return err
	}
	s.db, s.file, s.written = db, f, make(map[wal.FileID]*wal.File)
	return nil
}

// options are bbolt's. The free list is synced: without it bbolt rebuilds the list at Open in a goroutine of its own,
// whose panics about a damaged page nobody can recover. Every fsync stays on. file is already open and locked.
func options(file *os.File) *bolt.Options {
	return &bolt.Options{
		Timeout:      inUseWait,
		PageSize:     pageSize,
		FreelistType: bolt.FreelistArrayType, // keeps to low pages; the file has few of them
		NoStatistics: true,
		OpenFile:     func(string, int, os.FileMode) (*os.File, error) { return file, nil },
	}
}

// create makes an empty checkpoint at path. It is complete before it has that name, so a crash leaves none or a whole one;
// open makes the name durable.
func create(path string) error {
	fresh := path + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	f, err := os.OpenFile(fresh, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	db, err := bolt.Open(fresh, 0o600, options(f))
	if err != nil {
		return err
	}
	if err := errors.Join(db.Update(createRows), syncFile(f), db.Close()); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}

// transact runs fn on an open database under the guard. After an error of the file's, not of the caller's, the database
// is given up, so that the next call begins with what is really on the disk.
func (s *Store) transact(doing string, fn func(*bolt.DB) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("%s: %w", doing, ErrClosed)
	}
	if s.db == nil {
		if err := s.open(); err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
	}
	err := guard(doing, func() error { return fn(s.db) })
	var b bug
	if errors.As(err, &b) {
		panic("BUG: " + string(b))
	}
	if err != nil {
		drop(s.db, s.file, err)
		s.db, s.file = nil, nil
	}
	return err
}

// drop closes a database that err came from. After a panic bbolt's own locks may be held for ever, so it is not asked;
// its map of the file then stays, and would keep the file lock too, were that not given up first.
func drop(db *bolt.DB, f *os.File, err error) {
	if db != nil && !errors.Is(err, ErrCorrupt) {
		guard("close checkpoint", db.Close)
	}
	unix.Flock(int(f.Fd()), unix.LOCK_UN)
	f.Close()
}

// bug is a caller's error, found inside a transaction: rolled back first, then thrown.
type bug string

func (b bug) Error() string { return string(b) }

// guard runs fn. What bbolt throws at a damaged file comes back as ErrCorrupt: its panics, and with SetPanicOnFault the
// SIGBUS of a bad sector or of a file cut short under its mmap.
func guard(doing string, fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s: %w: %v", doing, ErrCorrupt, r)
		}
	}()
	if err := fn(); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// lockFile takes the flock that bbolt takes too, within wait.
func lockFile(f *os.File, mode int, wait time.Duration) error {
	for deadline := time.Now().Add(wait); ; time.Sleep(20 * time.Millisecond) {
		err := unix.Flock(int(f.Fd()), mode|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return err
		}
		if time.Now().After(deadline) {
			return ErrInUse
		}
	}
}

// BootID names the running kernel's boot; "" where the kernel does not say.
func (s *Store) BootID() string {
	id, _ := s.bootID()
	return id
}

// currentBootID names the running kernel's boot: it tells "the file shrank under us" from "a power cut took its tail".
func currentBootID() (string, error) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(id)), err
}

// syncFile is os.File.Sync but in tests, which see to it that nothing is left out and that a failure counts.
var syncFile = (*os.File).Sync

// syncDir makes the names in a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(syncFile(d), d.Close())
}
