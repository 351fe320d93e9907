package tail

import (
	"bytes"
	"slices"
	"time"

	"logboom/wal"
)

// A copytruncate copies a log, and cuts it then. While that lasts, the copy is shorter than what was read of the log, so the
// checksum of that tells nothing of it, and a new File would be all of it once more. So a plain file that begins as a log does
// waits as long as it is written to, a minute at most: there are logs that say the same again and again. When the log is cut, the copy may still lack what was read last: nothing of it is new then.

// copyFor is how long a file may wait because it may be a copy.
const copyFor = time.Minute

// copying says that s is, at a glance, the beginning of a File that was read further, or of one that is only met now.
func (t *Tailer) copying(fo *folder, s *stranger, others []*stranger, now time.Time) bool {
	e := &s.entry
	young := now.Sub(time.Unix(0, e.key.birth)) < copyFor
	if fo.pod != "" || e.gz || e.kind == live || e.quiet(now) || !young || !madeByRotation(e.name, e.of) {
		return false
	}
	for _, f := range fo.files {
		further := e.size < int64(f.read.off)
		if !further && !f.met.Equal(now) || !f.attached || f.gz || f.lost || !f.mayBe(e) {
			continue
		}
		err := t.reopen(f)
		if outOfDescriptors(err) {
			return true // it can't be told yet
		}
		if err == nil && s.begins(f.src) {
			if further {
				f.copy = e.key
			}
			return true
		}
	}
	return slices.ContainsFunc(others, func(o *stranger) bool {
		return o.entry.kind == live && !o.entry.gz && o.entry.name == e.of && s.begins(o.src)
	})
}

// shortCopy says that e is a copy of a File that was cut, and has nothing that was not read of that.
func (fo *folder) shortCopy(e *entry) bool {
	return slices.ContainsFunc(fo.files, func(f *file) bool { return f.cut && !f.attached && f.copy == e.key && e.size < int64(f.read.off) })
}

// begins says whether the first and the last bytes of s stand at the same places in c.
func (s *stranger) begins(c content) bool {
	n := min(s.entry.size, wal.MaxHead)
	for _, off := range []int64{0, s.entry.size - n} {
		own, other := make([]byte, n), make([]byte, n)
		if m, err := s.src.readAt(own, off); err != nil || int64(m) < n {
			return false
		}
		if m, err := c.readAt(other, off); err != nil || int64(m) < n || !bytes.Equal(own, other) {
			return false
		}
	}
	return true
}
