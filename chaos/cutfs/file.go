package cutfs

import (
	"time"
)

// file is the content of a regular file twice: as every reader sees it, and as the disk holds it.
type file struct {
	now   []byte
	disk  []byte
	dirty []write // what leads from disk to now, oldest first
	bytes int64   // of data in dirty

	// lost holds the pages that a failed fsync gave up: clean in the cache, never written. A later write into such a
	// page makes the whole page dirty again.
	lost map[int64]bool
}

// write is one change of a file that the disk may or may not hold yet.
type write struct {
	at   time.Time
	seq  uint64 // place among the changes of the whole volume; of truncations only
	off  int64  // of data, or the new size
	data []byte // nil: a truncation
}

func (w *write) truncation() bool { return w.data == nil }

// end is the size that a file of size bytes has after w.
func (w *write) end(size int64) int64 {
	if w.truncation() {
		return w.off
	}
	return max(size, w.off+int64(len(w.data)))
}

// shrinks reports whether w cuts a file of size bytes. Only then is a truncation a barrier: what was written after it
// goes to other sectors of the disk, which belong to the file only once the truncation holds.
func (w *write) shrinks(size int64) bool { return w.truncation() && w.off < size }

func (f *file) write(at time.Time, off int64, data []byte) {
	end := off + int64(len(data))
	f.now = resize(f.now, max(int64(len(f.now)), end))
	copy(f.now[off:], data)
	off, end = f.widen(off, end)
	f.dirty = append(f.dirty, write{at: at, off: off, data: append(make([]byte, 0, end-off), f.now[off:end]...)})
	f.bytes += end - off
}

// widen stretches [off, end) over the lost pages that it touches.
func (f *file) widen(off, end int64) (int64, int64) {
	if len(f.lost) == 0 || off == end {
		return off, end
	}
	for page := off / blockSize; page <= (end-1)/blockSize; page++ {
		if f.lost[page] {
			delete(f.lost, page)
			off = min(off, page*blockSize)
			end = max(end, min((page+1)*blockSize, int64(len(f.now))))
		}
	}
	return off, end
}

func (f *file) truncate(at time.Time, seq uint64, size int64) {
	f.now = resize(f.now, size)
	f.dirty = append(f.dirty, write{at: at, seq: seq, off: size})
	for page := range f.lost {
		if page*blockSize >= size {
			delete(f.lost, page)
		}
	}
}

// flush brings the oldest n changes to the disk.
func (f *file) flush(n int) {
	for i := range f.dirty[:n] {
		w := &f.dirty[i]
		f.disk = resize(f.disk, w.end(int64(len(f.disk))))
		copy(f.disk[min(w.off, int64(len(f.disk))):], w.data)
		f.bytes -= int64(len(w.data))
	}
	clear(f.dirty[:n])
	if f.dirty = f.dirty[n:]; len(f.dirty) == 0 {
		f.dirty = nil
	}
}

// fail is an fsync that went wrong: the dirty pages are clean now, and not on the disk. The size stays to be written.
func (f *file) fail(at time.Time) {
	var kept []write
	for _, w := range f.dirty {
		if w.truncation() {
			kept = append(kept, w)
			continue
		}
		if f.lost == nil {
			f.lost = make(map[int64]bool)
		}
		for page := w.off / blockSize; page*blockSize < min(w.off+int64(len(w.data)), int64(len(f.now))); page++ {
			f.lost[page] = true
		}
	}
	f.dirty, f.bytes = append(kept, write{at: at, off: int64(len(f.now))}), 0
}

// chill is what comes some time after fail: the cache needs room, and clean pages are the first to go. From then on readers
// see what the disk has.
func (f *file) chill() {
	known := int64(len(f.disk))
	for i := range f.dirty {
		if w := &f.dirty[i]; w.truncation() {
			known = min(known, w.off)
		}
	}
	for page := range f.lost {
		from, to := page*blockSize, min((page+1)*blockSize, int64(len(f.now)))
		for at := from; at < to; at++ {
			f.now[at] = 0
			if at < known {
				f.now[at] = f.disk[at]
			}
		}
	}
	f.lost = nil
}

// resize cuts b or extends it with zeros.
func resize(b []byte, size int64) []byte {
	switch old := int64(len(b)); {
	case size <= old:
		return b[:size]
	case size <= int64(cap(b)):
		b = b[:size]
		clear(b[old:])
		return b
	default:
		grown := make([]byte, size, max(size, old+old/2))
		copy(grown, b)
		return grown
	}
}

func blocks(size int64) int64 { return (size + blockSize - 1) / blockSize }
