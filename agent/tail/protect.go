package tail

import (
	"errors"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Each root of container logs is protected by pins, or by open descriptors where the kernel makes no hard links from there:
// on another mount, or without the right to.

// sayProtection tells at the start which of the two protects the node.
func (t *Tailer) sayProtection() {
	for _, in := range t.inputs {
		if in.Root == "" || t.o.PinDir == "" {
			continue
		}
		if err := sameMount(in.Root, filepath.Dir(t.o.PinDir)); err != nil {
			t.noLinks(in, err)
		} else {
			t.o.Log.Info("pins protect what rotates away: hard links keep it until it is read, even when the agent is killed", "root", in.Root)
		}
	}
}

// sameMount returns EXDEV where no hard link can be made from one path to the other. A path that isn't there says nothing.
func sameMount(from, to string) error {
	var a, b unix.Statx_t
	err := errors.Join(unix.Statx(unix.AT_FDCWD, from, 0, unix.STATX_MNT_ID, &a), unix.Statx(unix.AT_FDCWD, to, 0, unix.STATX_MNT_ID, &b))
	if err == nil && a.Mask&b.Mask&unix.STATX_MNT_ID != 0 && a.Mnt_id != b.Mnt_id {
		return unix.EXDEV
	}
	return nil
}

// cannotLink says whether an error of link holds for all files of a root.
func cannotLink(err error) bool {
	return errors.Is(err, unix.EXDEV) || errors.Is(err, unix.EROFS) || errors.Is(err, unix.EPERM)
}

// noLinks notes that files of in can't be pinned.
func (t *Tailer) noLinks(in *input, err error) {
	if in.noLinks {
		return
	}
	in.noLinks = true
	t.o.Log.Warn("open descriptors protect what rotates away: they keep it until it is read, but a killed agent lets go of it. "+
		"No hard links can be made from this root to data_dir; put both on one mount", "root", in.Root, "error", err)
}

// canPin says whether files of fo should have pins, and can.
func (t *Tailer) canPin(fo *folder) bool {
	return fo.pod != "" && !fo.excluded && t.o.PinDir != "" && !fo.in.noLinks
}

// pinned says whether pins protect all container logs.
func (t *Tailer) pinned() bool {
	for _, in := range t.inputs {
		if in.Root != "" && in.noLinks {
			return false
		}
	}
	return t.o.PinDir != ""
}
