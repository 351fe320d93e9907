package cutfs

import (
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// What the kernel is told of an inode.

// entry answers a look-up, which the kernel counts as a reference.
func (n *inode) entry(out *fuse.EntryOut) {
	n.lookups++
	out.NodeId, out.Generation = n.node, 1
	out.SetEntryTimeout(forever)
	out.SetAttrTimeout(forever)
	n.stat(&out.Attr)
}

func (n *inode) attributes(out *fuse.AttrOut) {
	out.SetTimeout(forever)
	n.stat(&out.Attr)
}

func (n *inode) stat(out *fuse.Attr) {
	*out = fuse.Attr{
		Ino: n.number, Mode: n.kind | n.attr.perm, Nlink: uint32(n.links()),
		Owner:   fuse.Owner{Uid: n.attr.uid, Gid: n.attr.gid},
		Size:    uint64(n.size()),
		Blocks:  uint64(n.cost() / sectorSize),
		Blksize: blockSize,
	}
	out.SetTimes(&n.attr.atime, &n.attr.mtime, &n.attr.ctime)
}

func (n *inode) statx(out *fuse.StatxOut) {
	out.SetTimeout(forever)
	out.Statx = fuse.Statx{
		Mask: unix.STATX_BASIC_STATS | unix.STATX_BTIME,
		Ino:  n.number, Mode: uint16(n.kind | n.attr.perm), Nlink: uint32(n.links()),
		Uid: n.attr.uid, Gid: n.attr.gid,
		Size:    uint64(n.size()),
		Blocks:  uint64(n.cost() / sectorSize),
		Blksize: blockSize,
		Atime:   sxTime(n.attr.atime), Mtime: sxTime(n.attr.mtime), Ctime: sxTime(n.attr.ctime), Btime: sxTime(n.birth),
	}
}

func sxTime(t time.Time) fuse.SxTime {
	return fuse.SxTime{Sec: uint64(t.Unix()), Nsec: uint32(t.Nanosecond())}
}
