package cutfs

import (
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// session answers the kernel from one mount until the power goes; from then on every answer is EIO. The volume outlives
// it.
//
// The kernel may keep names, attributes and pages for long: only it changes them, until a cut, and then it is told to
// forget all.
type session struct {
	fuse.RawFileSystem // ENOSYS for the rest

	fs        *FS
	server    *fuse.Server
	served    chan struct{} // closed when the kernel has let go
	forgotten chan struct{} // closed when the kernel was told to forget

	// Guarded by fs.mu.
	dead    bool
	last    uint64 // handle
	handles map[uint64]*handle
}

// handle is an open file or folder.
type handle struct {
	n    *inode
	list []fuse.DirEntry // of a folder, as at the beginning of this reading
}

const forever = time.Hour // for the kernel's caches

func (s *session) String() string { return "cutfs" }

// spot is what a request is about: an inode, or a name in a folder.
type spot struct {
	node uint64
	base string // "": the inode itself
}

// operation does the work of a request on the inodes of its spots. r says what goes wrong; it is empty if nothing does.
type operation func(v *volume, r *Rule, n ...*inode) syscall.Errno

// do runs an operation if the power is on and no Rule says otherwise. The FS's mutex is held meanwhile.
func (s *session) do(gone cancel, op Op, run operation, spots ...spot) fuse.Status {
	s.fs.mu.Lock()
	defer s.fs.mu.Unlock()
	if s.dead {
		return fuse.EIO
	}
	nodes := make([]*inode, len(spots))
	for i, at := range spots {
		if nodes[i] = s.fs.vol.nodes[at.node]; nodes[i] == nil {
			return fuse.Status(syscall.ESTALE)
		}
	}
	if op&Change != 0 {
		s.fs.changes++
	}
	r := s.fs.match(op, nodes, spots)
	if op != Read && (r.Err != 0 || r.Short) {
		s.fs.wrong++
	}
	if r.Delay > 0 {
		s.fs.mu.Unlock()
		left := wait(gone, r.Delay)
		s.fs.mu.Lock()
		if left {
			return fuse.EINTR
		}
	}
	if r.Cut && !s.dead {
		s.fs.cut(r.Seed)
	}
	if s.dead {
		return fuse.EIO
	}
	return fuse.Status(run(s.fs.vol, r, nodes...))
}

// wait waits, and says whether the caller has left meanwhile.
func wait(gone cancel, d time.Duration) bool {
	select {
	case <-gone:
		return true
	case <-time.After(d):
		return false
	}
}

// open makes a handle.
func (s *session) open(n *inode, out *fuse.OpenOut) {
	s.last++
	s.handles[s.last] = &handle{n: n}
	n.opens++
	out.Fh, out.OpenFlags = s.last, fuse.FOPEN_KEEP_CACHE|fuse.FOPEN_NOFLUSH
}

func (s *session) release(fh uint64) {
	s.fs.mu.Lock()
	defer s.fs.mu.Unlock()
	if h := s.handles[fh]; h != nil && !s.dead {
		h.n.opens--
		s.fs.vol.reap(h.n)
	}
	delete(s.handles, fh)
}

func (s *session) Forget(node, lookups uint64) {
	s.fs.mu.Lock()
	defer s.fs.mu.Unlock()
	if n := s.fs.vol.nodes[node]; n != nil && !s.dead {
		n.lookups -= min(n.lookups, lookups)
		s.fs.vol.reap(n)
	}
}

// forget makes the kernel drop the pages and attributes that it keeps, so that what it is asked next comes here and fails.
// It may keep the names: they lead to nothing.
func (s *session) forget(nodes []*inode) {
	defer close(s.forgotten)
	for _, n := range nodes {
		s.server.InodeNotify(n.node, 0, 0)
	}
}
