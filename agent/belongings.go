package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// belonging is a name, or a kind of names, that agents make in a data directory.
type belonging struct {
	name   func(string) bool
	folder []belonging // what may be in it; nil: it is a file or a socket
}

// belongings are in the order in which they are removed: should that be interrupted, the checkpoint still knows what there was,
// and the next agent lists it as lost. LOCK is not among them: it is never removed.
var belongings = []belonging{
	{called(walDir), segmentFolders},
	{called(deadDir), segmentFolders},
	{called("damaged"), []belonging{{called(walDir), segmentFolders}, {called(deadDir), segmentFolders}}},
	{called(pinsDir), []belonging{{anything, []belonging{{anything, []belonging{{name: anything}}}}}}}, // pod folder, container, log file
	{name: called("agent.sock")},
	{name: called("RESERVE")},
	{name: called("checkpoint.db")},
	{name: called("checkpoint.db.new")},
	{name: func(s string) bool { return strings.HasPrefix(s, "checkpoint.db.corrupt-") }},
	{name: called("FORMAT")},
	{name: called("FORMAT.new")},
}

var segmentFolders = []belonging{{isSegment, []belonging{{name: isSegment}}}}

func called(name string) func(string) bool { return func(s string) bool { return s == name } }
func anything(string) bool                 { return true }
func isSegment(s string) bool              { return len(s) == 20 && strings.Trim(s, "0123456789") == "" }

// found is what stands in a data directory.
type found struct {
	root      *os.Root        // never leads out of it, whatever links there are
	paths     []string        // of ours, a folder behind what is in it
	bytes     int64           // that removing them frees
	strangers []string        // what is not ours; links are not
	pins      int             // log files that pins name
	alone     []lonely        // pins that are the last name of their file
	counted   map[uint64]bool // inodes in bytes: a Segment that is kept aside has two names
}

// lonely is a log file that has no name but its pin any more.
type lonely struct {
	inode uint64
	size  int64
}

func find(dataDir string) (*found, error) {
	root, err := os.OpenRoot(dataDir)
	if err != nil {
		return nil, err
	}
	f := &found{root: root, counted: map[uint64]bool{}}
	if err := f.look(".", belongings); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return f, nil
}

// look adds what is in the folder at path.
func (f *found) look(path string, known []belonging) error {
	names, err := fs.ReadDir(f.root.FS(), path)
	if err != nil {
		return err
	}
	ours := make([]bool, len(names))
	for _, k := range known {
		for i, e := range names {
			if !k.name(e.Name()) || !k.has(e.Type()) || ours[i] {
				continue
			}
			ours[i] = true
			if err := f.add(filepath.Join(path, e.Name()), e, k); err != nil {
				return err
			}
		}
	}
	for i, e := range names {
		if !ours[i] && !(path == "." && e.Name() == "LOCK") {
			f.strangers = append(f.strangers, filepath.Join(path, e.Name()))
		}
	}
	return nil
}

func (b *belonging) has(t fs.FileMode) bool {
	if b.folder != nil {
		return t.IsDir()
	}
	return t.IsRegular() || t&fs.ModeSocket != 0
}

func (f *found) add(path string, e fs.DirEntry, b belonging) error {
	if b.folder != nil {
		if err := f.look(path, b.folder); err != nil {
			return err
		}
		f.paths = append(f.paths, path)
		return nil
	}
	info, err := e.Info()
	if err != nil {
		return err
	}
	f.paths = append(f.paths, path)
	st := info.Sys().(*syscall.Stat_t)
	if strings.HasPrefix(path, pinsDir+"/") {
		f.pins++
		if st.Nlink > 1 { // the file lives on under its other name
			return nil
		}
		f.alone = append(f.alone, lonely{st.Ino, info.Size()})
	}
	if !f.counted[st.Ino] {
		f.bytes += st.Blocks * 512
		f.counted[st.Ino] = true
	}
	return nil
}

// remove removes what is ours. What is in the way stays, and does not keep the rest.
func (f *found) remove() error {
	var errs []error
	for _, path := range f.paths {
		err := f.root.Remove(path)
		if errors.Is(err, syscall.ENOTEMPTY) { // strangers in it: they are told of
			err = nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
