package cutfs

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// What reached the disk of a file's unsynced writes, when the power went.
const (
	styleNone   = iota // nothing
	styleAll           // everything
	stylePrefix        // the writes up to one of them: the pages went out in order
	styleSector        // each sector for itself: any version of it that there was since the last fsync
	styles
)

// cut leaves of a file what its disk holds when the power goes. last is the last truncation that the journal holds.
func (f *file) cut(r *rand.Rand, mode Mode, last uint64, at string, lost *strings.Builder) {
	newest, unsynced := int64(len(f.now)), len(f.dirty)
	f.dirty = f.dirty[:f.reach(r, mode, last)]
	barrier := f.barrier()
	style, prefix := r.IntN(styles), barrier+r.IntN(len(f.dirty)-barrier+1)
	size := f.cutSize(r, style, barrier, prefix)
	switch style {
	case styleNone:
		f.replay(func(int, int64) int { return 0 })
	case styleAll:
		f.flush(len(f.dirty))
	case stylePrefix:
		f.replay(func(i int, _ int64) int {
			if i < prefix {
				return sectorSize
			}
			return 0
		})
	case styleSector:
		f.replay(f.sectorChoice(r, mode))
	}
	f.disk = resize(f.disk, size)
	if unsynced > 0 && (style != styleAll || size != newest) {
		fmt.Fprintf(lost, "content of %s: style %d of %d writes, %d of %d bytes\n", at, style, unsynced, size, newest)
	}
	f.now = append([]byte(nil), f.disk...)
	f.dirty, f.bytes, f.lost = nil, 0, nil
}

// reach returns how many of the dirty writes can have reached the disk: those before the first truncation that did not.
func (f *file) reach(r *rand.Rand, mode Mode, last uint64) int {
	size := int64(len(f.disk))
	for i := range f.dirty {
		w := &f.dirty[i]
		if w.shrinks(size) && (mode == Journal && w.seq > last || mode == Chaotic && r.IntN(2) == 0) {
			return i
		}
		size = w.end(size)
	}
	return len(f.dirty)
}

// barrier returns the place behind the last truncation that makes the file smaller.
func (f *file) barrier() int {
	size, place := int64(len(f.disk)), 0
	for i := range f.dirty {
		w := &f.dirty[i]
		if w.shrinks(size) {
			place = i + 1
		}
		size = w.end(size)
	}
	return place
}

// cutSize returns the file's size on the disk: that after one of the writes from the barrier on. It need not fit the
// data; where it is larger, there are zeros.
func (f *file) cutSize(r *rand.Rand, style, barrier, prefix int) int64 {
	place := barrier + r.IntN(len(f.dirty)-barrier+1)
	switch {
	case style == styleAll:
		place = len(f.dirty)
	case style == stylePrefix && r.IntN(2) == 0:
		place = prefix
	case style == styleNone && r.IntN(2) == 0:
		place = barrier
	}
	size := int64(len(f.disk))
	for i := range f.dirty[:place] {
		size = f.dirty[i].end(size)
	}
	return size
}

// replay brings parts of the dirty writes to the disk: of write i, in each sector that it touches, as many bytes of
// that sector as reached says, counted from the sector's start.
func (f *file) replay(reached func(i int, sector int64) int) {
	for i := range f.dirty {
		w := &f.dirty[i]
		if w.truncation() {
			f.disk = resize(f.disk, w.off)
			continue
		}
		end := w.off + int64(len(w.data))
		f.disk = resize(f.disk, max(int64(len(f.disk)), end))
		for off := w.off; off < end; {
			sector := off / sectorSize
			next := min(end, (sector+1)*sectorSize)
			if stop := min(next, sector*sectorSize+int64(reached(i, sector))); stop > off {
				copy(f.disk[off:stop], w.data[off-w.off:])
			}
			off = next
		}
	}
}

// sectorChoice lets the disk hold, in each sector, any version that was written: the first so many of its writes. In
// Chaotic mode a sector may be torn itself: its beginning is newer than its end.
func (f *file) sectorChoice(r *rand.Rand, mode Mode) func(int, int64) int {
	total := make(map[int64]int)
	for i := range f.dirty {
		w := &f.dirty[i]
		if w.truncation() {
			continue
		}
		for sector := w.off / sectorSize; sector*sectorSize < w.off+int64(len(w.data)); sector++ {
			total[sector]++
		}
	}
	keep, odds := make(map[int64]int), 1+r.IntN(6)
	return func(_ int, sector int64) int {
		left, met := keep[sector]
		if !met {
			left = total[sector]
			if r.IntN(odds+1) == 0 {
				left = r.IntN(total[sector] + 1)
			}
		}
		keep[sector] = left - 1
		switch {
		case left > 0:
			return sectorSize
		case left == 0 && mode == Chaotic && r.IntN(2) == 0:
			return r.IntN(sectorSize)
		default:
			return 0
		}
	}
}
