package cutfs

import (
	"maps"
	"slices"
	"syscall"
	"time"
)

const (
	blockSize  = 4096 // bytes: page of the cache and unit of space
	sectorSize = 512  // bytes: what a disk writes at once
	maxName    = 255  // bytes

	maxChanges = 4096    // of the tree that may wait for the disk; then the older half goes there
	maxDirty   = 4 << 20 // bytes of one file that may wait; then the older half goes there
	maxWrites  = 1 << 16 // of one file that may wait
)

// volume is the file system without FUSE: what every process sees now, and what the disk would hold. The FS's mutex
// guards all of it.
type volume struct {
	mode     Mode
	capacity int64 // bytes
	age      time.Duration
	clock    func() time.Time

	root  *inode
	nodes map[uint64]*inode // by inode.node
	used  int64             // bytes, by inode.cost

	journal   []change // what the disk may or may not hold, oldest first
	seq       uint64   // of the last change
	committed uint64   // the disk holds every change up to it

	lastNode   uint64
	lastNumber uint64
	free       numbers         // below lastNumber
	dead       map[*inode]bool // gone for every process, but their number may still stand on the disk
}

func newVolume(o Options) *volume {
	v := &volume{
		mode: o.Mode, capacity: o.Capacity, age: o.Age, clock: time.Now,
		nodes:      make(map[uint64]*inode),
		lastNumber: 10, // as on ext4, the first file is 11
		dead:       make(map[*inode]bool),
	}
	v.root = v.newInode(syscall.S_IFDIR, attr{perm: 0o755})
	v.root.parent, v.root.number = v.root, 2
	return v
}

func (v *volume) newInode(kind uint32, a attr) *inode {
	now := v.clock()
	a.atime, a.mtime, a.ctime = now, now, now
	v.lastNode++
	n := &inode{node: v.lastNode, kind: kind, birth: now, attr: a, diskAttr: a, seen: make(map[name]bool)}
	if v.root != nil {
		n.number = v.takeNumber()
	}
	if n.isDir() {
		n.names, n.diskNames = make(map[string]*inode), make(map[string]*inode)
	}
	v.nodes[n.node] = n
	v.used += n.cost()
	return n
}

// space returns the free bytes.
func (v *volume) space() int64 { return max(0, v.capacity-v.used) }

func (v *volume) lookup(dir *inode, base string) (*inode, syscall.Errno) {
	switch {
	case !dir.isDir():
		return nil, syscall.ENOTDIR
	case len(base) > maxName:
		return nil, syscall.ENAMETOOLONG
	case dir.names[base] == nil:
		return nil, syscall.ENOENT
	}
	return dir.names[base], 0
}

// vacant says why nothing can be made under this name.
func (v *volume) vacant(dir *inode, base string) syscall.Errno {
	switch _, err := v.lookup(dir, base); {
	case err == 0:
		return syscall.EEXIST
	case err != syscall.ENOENT:
		return err
	case dir.links() == 0:
		return syscall.ENOENT // a removed folder that is still open
	}
	return 0
}

func (v *volume) create(dir *inode, base string, kind uint32, a attr, target string) (*inode, syscall.Errno) {
	if err := v.vacant(dir, base); err != 0 {
		return nil, err
	}
	if kind == syscall.S_IFDIR && v.space() < blockSize {
		return nil, syscall.ENOSPC
	}
	n := v.newInode(kind, a)
	n.target = target
	v.record(change{what: "create " + base, dirs: []*inode{dir}, edits: []edit{{name{dir, base}, n}}})
	return n, 0
}

func (v *volume) link(n, dir *inode, base string) syscall.Errno {
	if err := v.vacant(dir, base); err != 0 {
		return err
	}
	switch {
	case n.isDir():
		return syscall.EPERM
	case len(n.seen) == 0:
		return syscall.ENOENT
	}
	v.record(change{what: "link " + base, dirs: []*inode{dir}, edits: []edit{{name{dir, base}, n}}})
	return 0
}

func (v *volume) unlink(dir *inode, base string) syscall.Errno {
	n, err := v.lookup(dir, base)
	switch {
	case err != 0:
		return err
	case n.isDir():
		return syscall.EISDIR
	}
	v.record(change{what: "unlink " + base, dirs: []*inode{dir}, edits: []edit{{name{dir, base}, nil}}})
	v.reap(n)
	return 0
}

func (v *volume) rmdir(dir *inode, base string) syscall.Errno {
	n, err := v.lookup(dir, base)
	switch {
	case err != 0:
		return err
	case !n.isDir():
		return syscall.ENOTDIR
	case len(n.names) > 0:
		return syscall.ENOTEMPTY
	}
	// Of the removed folder's own order too: else a file could be lost that was moved out of it.
	v.record(change{what: "rmdir " + base, dirs: []*inode{dir, n}, edits: []edit{{name{dir, base}, nil}}})
	v.reap(n)
	return 0
}

const renameNoReplace = 1 // RENAME_NOREPLACE of renameat2

func (v *volume) rename(from *inode, base string, to *inode, newBase string, flags uint32) syscall.Errno {
	n, err := v.lookup(from, base)
	if err != 0 {
		return err
	}
	if flags&^renameNoReplace != 0 {
		return syscall.EINVAL
	}
	c := change{
		what: "rename " + base + " to " + newBase, dirs: []*inode{from},
		edits: []edit{{name{from, base}, nil}, {name{to, newBase}, n}},
	}
	if from != to {
		c.dirs, c.needs = append(c.dirs, to), to.path()
	}
	old, err := v.lookup(to, newBase)
	switch {
	case err == syscall.ENOENT && to.links() > 0:
	case err != 0:
		return err
	case flags != 0:
		return syscall.EEXIST
	case old == n:
		return 0 // two names of one file: POSIX leaves both
	case old.isDir() && !n.isDir():
		return syscall.EISDIR
	case !old.isDir() && n.isDir():
		return syscall.ENOTDIR
	case old.isDir() && len(old.names) > 0:
		return syscall.ENOTEMPTY
	case old.isDir():
		c.dirs = append(c.dirs, old)
	}
	v.record(c)
	if old != nil {
		v.reap(old)
	}
	return 0
}

// write returns how many bytes were written: fewer than asked for when the volume is full.
func (v *volume) write(n *inode, off int64, data []byte) (int, syscall.Errno) {
	size := int64(len(n.now))
	room := (blocks(size) + v.space()/blockSize) * blockSize
	if off+int64(len(data)) > room {
		if off >= room {
			return 0, syscall.ENOSPC
		}
		data = data[:room-off]
	}
	before, now := n.cost(), v.clock()
	n.file.write(now, off, data)
	n.attr.mtime, n.attr.ctime = now, now
	v.used += n.cost() - before
	v.bound(n)
	return len(data), 0
}

func (v *volume) truncate(n *inode, size int64) syscall.Errno {
	if n.kind != syscall.S_IFREG {
		return syscall.EISDIR
	}
	if (blocks(size)-blocks(int64(len(n.now))))*blockSize > v.space() {
		return syscall.ENOSPC
	}
	v.seq++
	n.last = v.seq
	before, now := n.cost(), v.clock()
	n.file.truncate(now, v.seq, size)
	n.attr.mtime, n.attr.ctime = now, now
	v.used += n.cost() - before
	v.bound(n)
	return 0
}

// bound writes the older half of what waits back when it is too much, as the kernel does.
func (v *volume) bound(n *inode) {
	if n.bytes > maxDirty || len(n.dirty) > maxWrites {
		v.flush(n, max(1, len(n.dirty)/2))
	}
}

// flush brings the oldest changes of a file's content to the disk, and with a truncation everything that the journal
// has before it.
func (v *volume) flush(n *inode, count int) {
	if v.mode == Journal {
		var seq uint64
		for _, w := range n.dirty[:count] {
			seq = max(seq, w.seq)
		}
		if seq > v.committed {
			v.commitUntil(seq)
		}
	}
	n.file.flush(count)
}

// sync makes the content, size and attributes of n durable; its names too only where a journal happens to do that.
func (v *volume) sync(n *inode) {
	v.flush(n, len(n.dirty))
	n.diskAttr = n.attr
	if v.mode == Journal {
		v.commitUntil(n.last)
	}
}

// syncDir makes the names in a folder durable.
func (v *volume) syncDir(dir *inode) {
	dir.diskAttr = dir.attr
	if v.mode == Journal {
		v.commitUntil(dir.last)
	} else {
		v.commitDir(dir)
	}
}

// syncAll makes everything durable.
func (v *volume) syncAll() {
	for _, n := range v.sorted() {
		n.file.flush(len(n.dirty))
		n.diskAttr = n.attr
	}
	v.commitUntil(v.seq)
}

// sorted returns all inodes in the order of their making, so that a seed always means the same.
func (v *volume) sorted() []*inode {
	return slices.SortedFunc(maps.Values(v.nodes), func(a, b *inode) int { return int(a.node) - int(b.node) })
}

// list returns the names in a folder in order.
func (v *volume) list(dir *inode) []string { return slices.Sorted(maps.Keys(dir.names)) }
