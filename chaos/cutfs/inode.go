package cutfs

import (
	"path"
	"syscall"
	"time"
)

// inode is a file, folder or symbolic link. What is said of the disk is what a power cut leaves, if nothing that waits
// reached it.
type inode struct {
	node   uint64 // how the kernel calls it: never used twice
	number uint64 // st_ino: like on ext4 the lowest free one, and kept across cuts
	kind   uint32 // syscall.S_IFREG, S_IFDIR or S_IFLNK
	birth  time.Time
	target string // of a symbolic link

	attr     attr // as every process sees it
	diskAttr attr

	file // of a regular file

	names     map[string]*inode // of a folder, as every process sees it
	diskNames map[string]*inode

	parent *inode        // of a folder
	seen   map[name]bool // the names of it that every process sees
	stored int           // the names of it that the disk holds

	opens   int    // open handles
	lookups uint64 // references that the kernel holds
	last    uint64 // the newest change that names it or is made in it
	named   uint64 // of a folder: the change that gave it its name
	gone    bool   // no process can reach it any more
}

// attr is what chmod, chown and utimes change.
type attr struct {
	perm         uint32
	uid, gid     uint32
	atime, mtime time.Time
	ctime        time.Time
}

// name is one directory entry.
type name struct {
	dir  *inode
	base string
}

func (n *inode) isDir() bool { return n.kind == syscall.S_IFDIR }

// links is st_nlink.
func (n *inode) links() int {
	if !n.isDir() {
		return len(n.seen)
	}
	if len(n.seen) == 0 && n.parent != n {
		return 0
	}
	links := 2
	for _, child := range n.names {
		if child.isDir() {
			links++
		}
	}
	return links
}

// size is st_size.
func (n *inode) size() int64 {
	switch n.kind {
	case syscall.S_IFREG:
		return int64(len(n.now))
	case syscall.S_IFDIR:
		return blockSize
	default:
		return int64(len(n.target))
	}
}

// cost is the space it takes from the volume, in bytes.
func (n *inode) cost() int64 {
	if n.kind == syscall.S_IFLNK {
		return 0
	}
	return blocks(n.size()) * blockSize
}

// paths returns every name of n from the mount point on, without a leading slash; the root is "".
func (n *inode) paths() []string {
	if n.isDir() && n.parent == n {
		return []string{""}
	}
	var all []string
	for at := range n.seen {
		for _, dir := range at.dir.paths() {
			all = append(all, path.Join(dir, at.base))
		}
	}
	return all
}
