package tail

import (
	"os"

	"golang.org/x/sys/unix"
)

// key tells one inode's life from another's, within one boot of the kernel. The device is no part of it.
type key struct {
	inode uint64
	birth int64 // Unix nanoseconds; 0 where the file system does not say
}

// stat is what tail needs of statx.
type stat struct {
	key     key
	size    int64
	alloc   int64 // bytes on the disk: a sparse file has fewer
	links   int
	mtime   int64 // Unix nanoseconds
	regular bool
	link    bool // a symbolic link
}

const statxMask = unix.STATX_TYPE | unix.STATX_INO | unix.STATX_SIZE | unix.STATX_BLOCKS | unix.STATX_BTIME | unix.STATX_MTIME | unix.STATX_NLINK

// statAt looks at path relative to the open folder dir, or at dir itself when path is "". Links are not followed.
func statAt(dir int, path string) (stat, error) {
	flags := unix.AT_SYMLINK_NOFOLLOW
	if path == "" {
		flags = unix.AT_EMPTY_PATH
	}
	return statx(dir, path, flags)
}

func statx(dir int, path string, flags int) (stat, error) {
	var s unix.Statx_t
	if err := unix.Statx(dir, path, flags, statxMask, &s); err != nil {
		return stat{}, &os.PathError{Op: "statx", Path: path, Err: err}
	}
	st := stat{
		key:     key{inode: s.Ino},
		size:    int64(s.Size),
		alloc:   int64(s.Blocks) * 512,
		links:   int(s.Nlink),
		mtime:   s.Mtime.Sec*1e9 + int64(s.Mtime.Nsec),
		regular: s.Mode&unix.S_IFMT == unix.S_IFREG,
		link:    s.Mode&unix.S_IFMT == unix.S_IFLNK,
	}
	if s.Mask&unix.STATX_BTIME != 0 {
		st.key.birth = s.Btime.Sec*1e9 + int64(s.Btime.Nsec)
	}
	return st, nil
}
