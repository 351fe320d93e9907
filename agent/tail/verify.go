package tail

import (
	"bytes"
	"errors"
	"hash/crc32"

	"logboom/wal"
)

// verify says whether the bytes behind e are f's, as far as f has been read. It may move f's position, where the machine
// lost bytes of the log in a power cut that were durable in the WAL. s.failed is set where it can't be told.
func (t *Tailer) verify(f *file, s *stranger) bool {
	e, src := &s.entry, s.src
	defer rest(src)
	if f.excluded() { // nothing is known of its bytes but the first line, which is the same
		return e.gz || e.size >= int64(f.read.off)
	}
	off, sameInode := int64(f.read.off), f.onInode(e)
	if sameInode && e.key.birth != 0 && t.o.SameBoot && f.known != nil && e.size >= off && t.endsWith(f, src, off) {
		return true
	}
	prefix, reached, err := checksum(src, int64(f.desc.Start), off)
	if err == nil && reached == off && prefix == f.read.prefix {
		if z, ok := src.(*zipped); ok {
			s.seen = max(s.seen, z.seen(off))
		}
		return true
	}
	if err != nil && !errors.Is(err, errDamaged) { // of the disk: it says nothing about the file
		s.failed = err
		return false
	}
	if err != nil && e.gz && f.desc.Format != wal.Plain {
		return true // damaged before the Offset: fill tells what that costs
	}
	if err != nil && e.gz && f.attached && !f.gz { // still being written beside the plain file, perhaps
		if s.failed = t.reopen(f); s.failed != nil {
			return false
		}
		own, upTo, err := checksum(f.src, int64(f.desc.Start), reached)
		return err == nil && upTo == reached && own == prefix
	}
	// The first line of a container's log has a time in nanoseconds: on one inode that is proof enough.
	if !sameInode || f.desc.Format == wal.Plain || f.known == nil || err != nil || reached < int64(f.desc.Start) {
		return false
	}
	t.o.Log.Warn("a log file is not what was read of it before a restart: its end was lost in a power cut", "path", e.path,
		"file", f.desc.ID, "read", off, "size", e.size)
	f.safe = position{off: wal.Offset(reached), prefix: prefix}
	if reached == off { // it shrank, and grew again: what is new below the Offset was never read
		f.safe = position{off: f.desc.Start}
	}
	f.read, f.size = f.safe, int64(f.safe.off)
	return true
}

// lostHead says whether s is f with a hole in its first line, as a power cut can leave it. Then f is read again from its
// start: the bytes that are still there have the ids that they had, so what is stored already is not stored twice.
func (t *Tailer) lostHead(f *file, s *stranger) bool {
	if f.known == nil || f.desc.Format == wal.Plain || bytes.IndexByte(s.line, 0) < 0 {
		return false
	}
	t.o.Log.Warn("a log file lost its first line: reading it again from its start", "path", s.entry.path, "file", f.desc.ID)
	d := *f.desc
	d.Identity = identityOf(s.entry.key, s.line)
	f.desc = &d
	f.safe = position{off: d.Start}
	f.read, f.size = f.safe, int64(d.Start)
	return true
}

// endsWith compares the last bytes before off with what is known of them.
func (t *Tailer) endsWith(f *file, src content, off int64) bool {
	n := min(wal.TailLen, off-int64(f.desc.Start))
	buf := make([]byte, n)
	m, err := src.readAt(buf, off-n)
	return err == nil && int64(m) == n && crc32.Checksum(buf, castagnoli) == f.known.Tail
}

// checksum returns the CRC-32C of the content's bytes [start, end), and where it really ended.
func checksum(src content, start, end int64) (sum uint32, reached int64, err error) {
	buf := make([]byte, 64<<10)
	for at := start; at < end; {
		n, err := src.readAt(buf[:min(int64(len(buf)), end-at)], at)
		if err != nil || n == 0 {
			return sum, at, err
		}
		sum = crc32.Update(sum, castagnoli, buf[:n])
		at += int64(n)
	}
	return sum, end, nil
}
