package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/bmatcuk/doublestar/v4"
	"golang.org/x/sys/unix"

	"logboom/agent/config"
	"logboom/agent/pipeline"
)

// dataDir looks whether files can be made in data_dir, and be made durable there.
func (k *checker) dataDir() {
	dir := k.conf.DataDir
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		parent := existing(dir)
		if err := unix.Access(parent, unix.W_OK|unix.X_OK); err != nil {
			k.fail("data_dir", "%s does not exist, and can't be made in %s: %v. %s", dir, parent, err, advice(err))
			return
		}
		k.ok("data_dir", "%s will be made in %s", dir, parent)
		return
	}
	name, err := trial(dir)
	if err == nil {
		err = os.Remove(name)
	}
	if err != nil {
		k.fail("data_dir", "can't write: %v. %s", err, advice(err))
		return
	}
	k.ok("data_dir", "%s can be written", dir)
}

// trial writes a small durable file to dir and returns its name.
func trial(dir string) (string, error) {
	f, err := os.CreateTemp(dir, ".check-*")
	if err != nil {
		return "", err
	}
	_, err = f.WriteString("logboom check\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

// link makes a hard link to a log file, for a moment, as a pin is one.
func (k *checker) link(root, log string) {
	dir := existing(k.conf.DataDir)
	name := filepath.Join(dir, fmt.Sprintf(".check-pin-%d", os.Getpid()))
	err := os.Link(log, name)
	if err == nil {
		err = os.Remove(name)
	}
	if err != nil {
		k.noPins(root, err)
		return
	}
	k.ok("pins", "hard links from %s to %s work: rotated files are kept until they are read", root, dir)
}

// sameMount says as much as can be said without a log file.
func (k *checker) sameMount(root string) {
	dir := existing(k.conf.DataDir)
	var a, b unix.Statx_t
	err := errors.Join(unix.Statx(unix.AT_FDCWD, root, 0, unix.STATX_MNT_ID, &a), unix.Statx(unix.AT_FDCWD, dir, 0, unix.STATX_MNT_ID, &b))
	if err == nil && a.Mnt_id != b.Mnt_id {
		err = unix.EXDEV
	}
	if err != nil {
		k.noPins(root, err)
		return
	}
	k.ok("pins", "%s and %s are on one mount, as hard links need it", root, dir)
}

func (k *checker) noPins(root string, err error) {
	k.warn("pins", "no hard links from %s to data_dir: %v. Open descriptors protect rotated files instead, until the agent is killed. "+
		"Mount a folder that holds both, such as /var/log", root, err)
}

// space compares what is free with what the configuration asks for.
func (k *checker) space() {
	dir := existing(k.conf.DataDir)
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		k.fail("space", "look at %s: %v", dir, err)
		return
	}
	free, total := config.Bytes(int64(st.Bavail)*st.Bsize), config.Bytes(int64(st.Blocks)*st.Bsize)
	floor, limit := config.Bytes(k.conf.WAL.MinFree.Of(int64(total))), k.conf.WAL.MaxSize
	switch {
	case free < floor:
		k.fail("space", "%s free of %s on the volume of %s, and %s must stay free (wal.min_free: %s), so nothing would be read. Free space, or lower wal.min_free",
			short(free), short(total), dir, short(floor), k.conf.WAL.MinFree)
	case free-floor < limit:
		k.warn("space", "%s free of %s on the volume of %s: the WAL can grow to %s before wal.min_free (%s) stops it, not to wal.max_size (%s)",
			short(free), short(total), dir, short(free-floor), k.conf.WAL.MinFree, limit)
	default:
		k.ok("space", "%s free of %s on the volume of %s; wal.max_size is %s, wal.min_free %s", short(free), short(total), dir, limit, k.conf.WAL.MinFree)
	}
}

// damaged says what could not be read of the WAL and the dead-letter store, and is kept for people to look at.
func (k *checker) damaged() {
	dir := pipeline.DamagedDir(k.conf.DataDir)
	files, size := 0, config.Bytes(0)
	filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		files, size = files+1, size+config.Bytes(info.Size())
		return nil
	})
	if files > 0 { // what hinders looking, dataDir has told
		k.warn("damaged", "Segments that could not be read whole: %d (%s), kept in %s; `logboom ledger` says what they held. "+
			"Look for errors of this disk in the kernel's log, and remove the folder", files, short(size), dir)
	}
}

// short writes a size for people.
func short(b config.Bytes) string {
	if b < config.GiB {
		return fmt.Sprintf("%.1fMiB", float64(b)/float64(config.MiB))
	}
	return fmt.Sprintf("%.1fGiB", float64(b)/float64(config.GiB))
}

// existing returns the nearest folder on the way to dir that is there.
func existing(dir string) string {
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

// globFiles lists the files that a pattern matches, and fails where a folder on the way can't be read.
func globFiles(pattern string) ([]string, error) {
	base, rest := doublestar.SplitPattern(pattern)
	if _, err := os.Stat(base); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var names []string
	err := doublestar.GlobWalk(os.DirFS(base), rest, func(path string, _ fs.DirEntry) error {
		names = append(names, filepath.Join(base, path))
		return nil
	}, doublestar.WithFilesOnly(), doublestar.WithFailOnIOErrors())
	return names, err
}
