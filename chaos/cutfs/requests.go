package cutfs

import (
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// The kernel's requests, each as an operation on the volume.

// cancel is closed when nobody waits for the answer any more, such as when the caller was killed.
type cancel = <-chan struct{}

func (s *session) Lookup(gone cancel, in *fuse.InHeader, base string, out *fuse.EntryOut) fuse.Status {
	return s.do(gone, 0, func(v *volume, _ *Rule, n ...*inode) syscall.Errno {
		child, err := v.lookup(n[0], base)
		if err == 0 {
			child.entry(out)
		}
		return err
	}, spot{in.NodeId, base})
}

func (s *session) GetAttr(gone cancel, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	return s.do(gone, 0, func(_ *volume, _ *Rule, n ...*inode) syscall.Errno {
		n[0].attributes(out)
		return 0
	}, spot{node: in.NodeId})
}

func (s *session) SetAttr(gone cancel, in *fuse.SetAttrIn, out *fuse.AttrOut) fuse.Status {
	size, resized := in.GetSize()
	var op Op
	if resized {
		op = Truncate
	}
	return s.do(gone, op, func(v *volume, r *Rule, n ...*inode) syscall.Errno {
		if resized {
			if err := orErr(r, func() syscall.Errno { return v.truncate(n[0], int64(size)) }); err != 0 {
				return err
			}
		}
		n[0].setAttributes(in, v.clock())
		n[0].attributes(out)
		return 0
	}, spot{node: in.NodeId})
}

// orErr is the Rule's error, or what run says.
func orErr(r *Rule, run func() syscall.Errno) syscall.Errno {
	if r.Err != 0 {
		return r.Err
	}
	return run()
}

// make creates a file, folder or symbolic link.
func (s *session) make(gone cancel, at spot, by fuse.Owner, mode uint32, target string, then func(*inode)) fuse.Status {
	return s.do(gone, Create, func(v *volume, r *Rule, n ...*inode) syscall.Errno {
		return orErr(r, func() syscall.Errno {
			a := attr{perm: mode & 0o7777, uid: by.Uid, gid: by.Gid}
			child, err := v.create(n[0], at.base, mode&syscall.S_IFMT, a, target)
			if err == 0 {
				then(child)
			}
			return err
		})
	}, at)
}

func (s *session) Create(gone cancel, in *fuse.CreateIn, base string, out *fuse.CreateOut) fuse.Status {
	return s.make(gone, spot{in.NodeId, base}, in.Owner, in.Mode&0o7777|syscall.S_IFREG, "", func(n *inode) {
		s.open(n, &out.OpenOut)
		n.entry(&out.EntryOut)
	})
}

func (s *session) Mknod(gone cancel, in *fuse.MknodIn, base string, out *fuse.EntryOut) fuse.Status {
	if in.Mode&syscall.S_IFMT != syscall.S_IFREG {
		return fuse.EPERM
	}
	return s.make(gone, spot{in.NodeId, base}, in.Owner, in.Mode, "", func(n *inode) { n.entry(out) })
}

func (s *session) Mkdir(gone cancel, in *fuse.MkdirIn, base string, out *fuse.EntryOut) fuse.Status {
	return s.make(gone, spot{in.NodeId, base}, in.Owner, in.Mode&0o7777|syscall.S_IFDIR, "", func(n *inode) { n.entry(out) })
}

func (s *session) Symlink(gone cancel, in *fuse.InHeader, target, base string, out *fuse.EntryOut) fuse.Status {
	return s.make(gone, spot{in.NodeId, base}, in.Owner, 0o777|syscall.S_IFLNK, target, func(n *inode) { n.entry(out) })
}

func (s *session) Readlink(gone cancel, in *fuse.InHeader) (target []byte, status fuse.Status) {
	status = s.do(gone, 0, func(_ *volume, _ *Rule, n ...*inode) syscall.Errno {
		target = []byte(n[0].target)
		return 0
	}, spot{node: in.NodeId})
	return target, status
}

func (s *session) Link(gone cancel, in *fuse.LinkIn, base string, out *fuse.EntryOut) fuse.Status {
	return s.do(gone, Link, func(v *volume, r *Rule, n ...*inode) syscall.Errno {
		return orErr(r, func() syscall.Errno {
			err := v.link(n[1], n[0], base)
			if err == 0 {
				n[1].entry(out)
			}
			return err
		})
	}, spot{in.NodeId, base}, spot{node: in.Oldnodeid})
}

func (s *session) Unlink(gone cancel, in *fuse.InHeader, base string) fuse.Status {
	return s.do(gone, Remove, func(v *volume, r *Rule, n ...*inode) syscall.Errno {
		return orErr(r, func() syscall.Errno { return v.unlink(n[0], base) })
	}, spot{in.NodeId, base})
}

func (s *session) Rmdir(gone cancel, in *fuse.InHeader, base string) fuse.Status {
	return s.do(gone, Remove, func(v *volume, r *Rule, n ...*inode) syscall.Errno {
		return orErr(r, func() syscall.Errno { return v.rmdir(n[0], base) })
	}, spot{in.NodeId, base})
}

func (s *session) Rename(gone cancel, in *fuse.RenameIn, base, newBase string) fuse.Status {
	return s.do(gone, Rename, func(v *volume, r *Rule, n ...*inode) syscall.Errno {
		return orErr(r, func() syscall.Errno { return v.rename(n[0], base, n[1], newBase, in.Flags) })
	}, spot{in.NodeId, base}, spot{in.Newdir, newBase})
}

func (s *session) Open(gone cancel, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	var op Op
	if in.Flags&syscall.O_TRUNC != 0 {
		op = Truncate
	}
	return s.do(gone, op, func(v *volume, r *Rule, n ...*inode) syscall.Errno {
		if op == Truncate {
			if err := orErr(r, func() syscall.Errno { return v.truncate(n[0], 0) }); err != 0 {
				return err
			}
		}
		s.open(n[0], out)
		return 0
	}, spot{node: in.NodeId})
}

func (s *session) Read(gone cancel, in *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status) {
	count := 0
	status := s.do(gone, Read, func(_ *volume, r *Rule, n ...*inode) syscall.Errno {
		from := int64(in.Offset)
		if r.Err != 0 && from+int64(len(buf)) > r.From && (r.To == 0 || from < r.To) {
			s.fs.wrong++
			return r.Err
		}
		if from < n[0].size() {
			count = copy(buf, n[0].now[from:])
		}
		return 0
	}, spot{node: in.NodeId})
	return fuse.ReadResultData(buf[:count]), status
}

func (s *session) Write(gone cancel, in *fuse.WriteIn, data []byte) (written uint32, status fuse.Status) {
	status = s.do(gone, Write, func(v *volume, r *Rule, n ...*inode) syscall.Errno {
		return orErr(r, func() syscall.Errno {
			if r.Short {
				data = data[:len(data)/2]
			}
			count, err := v.write(n[0], int64(in.Offset), data)
			written = uint32(count)
			return err
		})
	}, spot{node: in.NodeId})
	return written, status
}

func (s *session) Fallocate(gone cancel, in *fuse.FallocateIn) fuse.Status {
	if in.Mode != 0 {
		return fuse.ENOTSUP
	}
	return s.do(gone, Truncate, func(v *volume, r *Rule, n ...*inode) syscall.Errno {
		return orErr(r, func() syscall.Errno {
			if end := int64(in.Offset + in.Length); end > n[0].size() {
				return v.truncate(n[0], end)
			}
			return 0
		})
	}, spot{node: in.NodeId})
}

func (s *session) Fsync(gone cancel, in *fuse.FsyncIn) fuse.Status {
	return s.do(gone, Sync, func(v *volume, r *Rule, n ...*inode) syscall.Errno {
		if r.Err != 0 {
			n[0].fail(v.clock())
			if r.Cold {
				n[0].chill()
				go s.server.InodeNotify(n[0].node, 0, 0) // not before the answer: the kernel waits for that
			}
			return r.Err
		}
		v.sync(n[0])
		return 0
	}, spot{node: in.NodeId})
}

func (s *session) FsyncDir(gone cancel, in *fuse.FsyncIn) fuse.Status {
	return s.do(gone, SyncDir, func(v *volume, r *Rule, n ...*inode) syscall.Errno {
		return orErr(r, func() syscall.Errno {
			v.syncDir(n[0])
			return 0
		})
	}, spot{node: in.NodeId})
}

func (s *session) Flush(gone cancel, _ *fuse.FlushIn) fuse.Status {
	return s.do(gone, 0, func(*volume, *Rule, ...*inode) syscall.Errno { return 0 })
}

func (s *session) Release(_ cancel, in *fuse.ReleaseIn) { s.release(in.Fh) }

func (s *session) ReleaseDir(in *fuse.ReleaseIn) { s.release(in.Fh) }

func (s *session) OpenDir(gone cancel, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	return s.do(gone, 0, func(_ *volume, _ *Rule, n ...*inode) syscall.Errno {
		s.open(n[0], out)
		return 0
	}, spot{node: in.NodeId})
}

func (s *session) ReadDir(gone cancel, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	return s.do(gone, 0, func(v *volume, _ *Rule, n ...*inode) syscall.Errno {
		h := s.handles[in.Fh]
		if h == nil {
			return syscall.EBADF
		}
		if in.Offset == 0 {
			h.list = h.list[:0]
			for _, base := range v.list(n[0]) {
				child := n[0].names[base]
				h.list = append(h.list, fuse.DirEntry{Name: base, Ino: child.number, Mode: child.kind})
			}
		}
		for _, e := range h.list[min(in.Offset, uint64(len(h.list))):] {
			if !out.AddDirEntry(e) {
				break
			}
		}
		return 0
	}, spot{node: in.NodeId})
}

func (s *session) StatFs(gone cancel, in *fuse.InHeader, out *fuse.StatfsOut) fuse.Status {
	return s.do(gone, 0, func(v *volume, _ *Rule, _ ...*inode) syscall.Errno {
		free := uint64(v.space() / blockSize)
		*out = fuse.StatfsOut{
			Blocks: uint64(v.capacity / blockSize), Bfree: free, Bavail: free,
			Files: 1 << 20, Ffree: 1<<20 - uint64(len(v.nodes)),
			Bsize: blockSize, Frsize: blockSize, NameLen: maxName,
		}
		return 0
	}, spot{node: in.NodeId})
}

func (s *session) Statx(gone cancel, in *fuse.StatxIn, out *fuse.StatxOut) fuse.Status {
	return s.do(gone, 0, func(_ *volume, _ *Rule, n ...*inode) syscall.Errno {
		n[0].statx(out)
		return 0
	}, spot{node: in.NodeId})
}

// setAttributes does what chmod, chown and utimes ask for.
func (n *inode) setAttributes(in *fuse.SetAttrIn, now time.Time) {
	a := &n.attr
	if perm, ok := in.GetMode(); ok {
		a.perm = perm
	}
	if uid, ok := in.GetUID(); ok {
		a.uid = uid
	}
	if gid, ok := in.GetGID(); ok {
		a.gid = gid
	}
	if t, ok := in.GetATime(); ok {
		a.atime = t
	}
	if t, ok := in.GetMTime(); ok {
		a.mtime = t
	}
	a.ctime = now
}
