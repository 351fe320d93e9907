package wal

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	tidwall "github.com/tidwall/wal"
	"golang.org/x/sys/unix"
)

// disk is what the writer asks of the file system. Tests put one in its place that records, and one that fails.
type disk interface {
	Mkdir(path string) error
	Create(path string) error // an empty file that did not exist
	Open(folder string) (entries, error)
	SyncDir(path string) error
	Truncate(path string, size int64) error
	RemoveAll(path string) error
	Link(old, name string) error
	Settle(path string) error // what is read of the file afterwards is what the disk has
}

// entries is the part of a tidwall log that we use.
type entries interface {
	Write(index uint64, data []byte) error
	Sync() error
	Close() error // syncs too
}

type realDisk struct{}

const (
	dirMode  = 0o700
	fileMode = 0o600
)

func (realDisk) Mkdir(path string) error                { return os.Mkdir(path, dirMode) }
func (realDisk) Truncate(path string, size int64) error { return os.Truncate(path, size) }
func (realDisk) RemoveAll(path string) error            { return os.RemoveAll(path) }
func (realDisk) Link(old, name string) error            { return os.Link(old, name) }

func (realDisk) Create(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fileMode)
	if err != nil {
		return err
	}
	return f.Close()
}

// Open makes a tidwall log of the folder. The empty file in it, named by an Index, makes that the log's first: so the
// log's own indexes are ours. Its segment size is beyond ours, so that it never begins a second file.
func (realDisk) Open(folder string) (entries, error) {
	log, err := tidwall.Open(folder, &tidwall.Options{
		NoSync:      true,
		SegmentSize: 1 << 40,
		AllowEmpty:  true,
		DirPerms:    dirMode,
		FilePerms:   fileMode,
	})
	if err != nil {
		return nil, err // and not entries that hold a nil log
	}
	return forget(log), nil
}

func (realDisk) SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Settle fsyncs the file twice if need be: an fsync that fails once tells of pages that are lost, and the page cache may
// go on showing them. So it is emptied, and what the disk has is read.
func (realDisk) Settle(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	uncache(f)
	return nil
}

// uncache drops the clean pages of f from the page cache, where the file system can.
func uncache(file readable) {
	f, ok := file.(*os.File)
	if !ok {
		return
	}
	_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) // advice: without it, what is cached is read
}

// broken says whether err is the disk's word that something on it can't be read: damage, where other errors may pass.
func broken(err error) bool {
	return errors.Is(err, unix.EIO) || errors.Is(err, unix.EUCLEAN) || errors.Is(err, unix.EBADMSG)
}

// access is how files are found and read. Tests put a bad disk in its place.
type access struct {
	size func(path string) (int64, error)
	open func(path string) (readable, error)
}

// readable is a Segment's file.
type readable interface {
	io.ReaderAt
	io.Closer
}

var realAccess = access{size, func(path string) (readable, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return f, nil
}}

// makeDirs makes dir with all its parents and makes every name on the way durable, also when an earlier start made dir and
// was killed.
func makeDirs(d disk, dir string) error {
	parent := filepath.Dir(dir)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		if parent != dir {
			if err := makeDirs(d, parent); err != nil {
				return err
			}
		}
		if err := d.Mkdir(dir); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		return d.SyncDir(parent)
	} else if err != nil {
		return err
	}
	return nil
}
