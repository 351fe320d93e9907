package tail

import (
	"slices"

	"logboom/wal"
)

// passTorn takes those of strangers away that a power cut left with less than was read of them, where a .gz still has all of it:
// the kubelet had compressed the file before, and only our pin keeps the torn inode. The File is read on from the .gz.
func (t *Tailer) passTorn(fo *folder, strangers []*stranger) []*stranger {
	if t.o.SameBoot {
		return strangers
	}
	var torn []*stranger
	for _, s := range strangers {
		if t.hasWholeCopy(fo, s, strangers) {
			torn = append(torn, s)
		}
	}
	for _, s := range torn {
		s.src.Close()
		fo.passed[s.entry.key] = s.entry.stat
		pin := s.pin
		if s.entry.pin {
			pin = s.entry.path
		}
		if pin != "" {
			if err := t.pins.remove(pin); err != nil {
				t.warnOnce(pin, "can't remove a pin", err)
			}
		}
	}
	return slices.DeleteFunc(strangers, func(s *stranger) bool { return slices.Contains(torn, s) })
}

// hasWholeCopy says that s is on the inode of a File, and one of others has what was read of that and s has not. Where s has
// nothing that was not read, a .gz with damage is as good, if it has the first line.
func (t *Tailer) hasWholeCopy(fo *folder, s *stranger, others []*stranger) bool {
	for _, f := range fo.files {
		if f.known == nil || f.attached || f.lost || !f.onInode(&s.entry) || f.holds(s) {
			continue
		}
		for _, o := range others {
			if !o.entry.gz || !f.mayBe(&o.entry) {
				continue
			}
			if f.holds(o) || f.desc.Format != wal.Plain && s.entry.size <= int64(f.read.off) && startsWith(f.desc.Identity, o.head) {
				return true
			}
		}
	}
	return false
}

// holds says whether all that was read of f stands in s.
func (f *file) holds(s *stranger) bool {
	if !startsWith(f.desc.Identity, s.head) {
		return false
	}
	prefix, reached, err := checksum(s.src, int64(f.desc.Start), int64(f.read.off))
	return err == nil && reached == int64(f.read.off) && prefix == f.read.prefix
}
