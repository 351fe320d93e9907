// Package store keeps the documents of the embedded backend, so that a SIGKILL or a power cut loses nothing that was
// acknowledged.
//
// It promises: when Apply has returned, its documents are on the disk; a document is there whole or not at all; an id
// is stored once.
//
// How: each index is one append-only file of checksummed records (record.go draws the bytes), with one fsync that all
// callers waiting at that time share. Opening reads every record again and cuts off a tail that was not written whole.
//
//	DIR/LOCK            flock: one process at a time
//	DIR/<index>.docs    the records of an index
//
// It costs about 50 bytes of memory a document: 128 bits of its id's SHA-256 and its place in the file. Replaced and
// deleted documents keep their bytes on the disk.
package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// ErrLocked is returned by Open when another process, perhaps one that is just ending, has the folder.
var ErrLocked = errors.New("another process has it")

const suffix = ".docs"

// MaxName is the longest name of an index, in bytes, that still makes a file name.
const MaxName = 255 - len(suffix)

// Store is a folder of indices. It is safe for concurrent use.
type Store struct {
	dir  string
	lock *os.File

	mu      sync.Mutex // guards indices
	indices map[string]*Index
}

// Open opens or makes the store in dir and tells logf about every torn tail that it cut off.
func Open(dir string, logf func(format string, args ...any)) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(dir, "LOCK"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("lock %s: %w", dir, ErrLocked)
	}
	s := &Store{dir: dir, lock: lock, indices: map[string]*Index{}}
	if err := s.openAll(logf); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Store) openAll(logf func(format string, args ...any)) error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name, ours := strings.CutSuffix(e.Name(), suffix)
		if !ours {
			continue
		}
		x, torn, err := openIndex(name, s.path(name))
		if err != nil {
			return err
		}
		if torn > 0 {
			logf("index %s: cut off %d bytes that were not written whole", name, torn)
		}
		s.indices[name] = x
	}
	return syncDir(s.dir)
}

// Close ends the use of the store.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.indices {
		x.file.Close()
	}
	return s.lock.Close()
}

// Index returns the index of that name, or nil.
func (s *Store) Index(name string) *Index {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.indices[name]
}

// Make returns the index of that name and makes it when there is none. The name must be one that ValidName takes.
func (s *Store) Make(name string) (x *Index, made bool, err error) {
	if err := ValidName(name); err != nil {
		return nil, false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := s.indices[name]; x != nil {
		return x, false, nil
	}
	x, _, err = openIndex(name, s.path(name))
	if err != nil {
		return nil, false, err
	}
	if err := syncDir(s.dir); err != nil {
		return nil, false, err
	}
	s.indices[name] = x
	return x, true, nil
}

// Remove deletes the index of that name with all its documents.
func (s *Store) Remove(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.indices[name]
	if x == nil {
		return nil
	}
	delete(s.indices, name)
	x.file.Close()
	if err := os.Remove(s.path(name)); err != nil {
		return err
	}
	return syncDir(s.dir)
}

// Names returns the names of all indices in order.
func (s *Store) Names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := make([]string, 0, len(s.indices))
	for name := range s.indices {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (s *Store) path(name string) string { return filepath.Join(s.dir, name+suffix) }

// ValidName returns an error in Elasticsearch's words when no index may have that name.
func ValidName(name string) error {
	switch {
	case name == "" || name == "." || name == "..":
		return fmt.Errorf("must not be empty, '.' or '..'")
	case len(name) > MaxName:
		return fmt.Errorf("index name is too long, (%d > %d)", len(name), MaxName)
	case strings.ContainsAny(name, "\\/*?\"<>| ,#:") || strings.IndexByte(name, 0) >= 0:
		return fmt.Errorf("must not contain the following characters [ , \", *, \\, <, |, ,, >, /, ?, #, :]")
	case strings.ContainsAny(name[:1], "-_+"):
		return fmt.Errorf("must not start with '_', '-', or '+'")
	case strings.ToLower(name) != name:
		return fmt.Errorf("must be lowercase")
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
