package wal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"sync"
	"time"
)

// segment is one folder of the WAL, <first Index, 20 digits>, with one file of the same name in it.
type segment struct {
	folder string
	first  Index
	last   Index     // the last Block to be trusted and durable; where there is none, that of the Segments before
	prev   Index     // what its Blocks say was durable before it
	stated bool      // prev was read
	bytes  int64     // on disk
	end    int64     // bytes of the file that may be read
	from   time.Time // of the first Block
	to     time.Time
	sealed bool // it ends with a summary that covers all its Blocks
	head   bool // the writer is on it
	dead   bool // the disk does not even open it
}

func (s *segment) file() string { return filepath.Join(s.folder, filepath.Base(s.folder)) }

// shelf is the state that the two loops share: which Segments there are, and how far they are durable.
type shelf struct {
	dir string

	mu      sync.Mutex // guards all below
	segs    []*segment // in the order of first
	durable Index
	bytes   int64 // of segs
}

// folderName names a Segment's folder and the file in it, as tidwall names its files.
func folderName(first Index) string { return fmt.Sprintf("%020d", first) }

// list finds the Segments of dir, in the order of first. Other names are left alone.
func (a access) list(dir string) ([]*segment, error) {
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var segs []*segment
	for _, e := range names {
		first, err := strconv.ParseUint(e.Name(), 10, 64)
		if err != nil || len(e.Name()) != 20 || first == 0 || first > maxIndex || !e.IsDir() {
			continue
		}
		s := &segment{folder: filepath.Join(dir, e.Name()), first: Index(first)}
		if s.bytes, err = a.size(s.file()); broken(err) {
			s.dead = true
		} else if err != nil {
			return nil, err
		}
		s.end = s.bytes
		segs = append(segs, s)
	}
	return segs, nil // ReadDir sorts, and the names have one length
}

// size returns the bytes of a file; 0 if there is none.
func size(path string) (int64, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// find returns a copy of the first Segment that holds a Block behind after; ok is false if none does.
func (h *shelf) find(after Index) (s segment, durable Index, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := sort.Search(len(h.segs), func(i int) bool { return h.segs[i].last > after })
	for n < len(h.segs) && h.segs[n].last < h.segs[n].first { // it has no Block that counts: those before it are gone
		n++
	}
	if n == len(h.segs) {
		return segment{}, h.durable, false
	}
	return *h.segs[n], h.durable, true
}

// releasable returns the Segments whose Blocks are all acknowledged; the head is kept. One that could not be read goes when
// what the next one calls durable is acknowledged, as damage: it may have held all of that, and another start may read it.
func (h *shelf) releasable(acked Index) []*segment {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []*segment
	for i, s := range h.segs {
		if s.head || s.last > acked || !s.stated && (i+1 == len(h.segs) || h.segs[i+1].prev > acked) {
			continue
		}
		out = append(out, s)
	}
	return out
}

func (h *shelf) add(s *segment) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.segs = append(h.segs, s)
	h.bytes += s.bytes
}

func (h *shelf) drop(s *segment) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := slices.Index(h.segs, s); n >= 0 {
		h.segs = slices.Delete(h.segs, n, n+1)
		h.bytes -= s.bytes
	}
}

// segment returns the one that begins with first, or nil.
func (h *shelf) segment(first Index) *segment {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.segs {
		if s.first == first {
			return s
		}
	}
	return nil
}

// mark returns the last durable Index.
func (h *shelf) mark() Index {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.durable
}

func (h *shelf) size() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.bytes
}

// grew notes n bytes that were appended to s, and not fsynced.
func (h *shelf) grew(s *segment, n int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s.bytes += n
	h.bytes += n
}

// flushed notes that all of the head is durable.
func (h *shelf) flushed(head *head, from time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := head.seg
	s.from, s.to = from, head.time
	s.last, s.end = head.last, head.size
	h.durable = max(h.durable, s.last)
}

// sealed notes that s is no longer the head.
func (h *shelf) sealed(s *segment) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s.head, s.sealed = false, true
}

// left notes that s was given up, and what the disk has of it now.
func (h *shelf) left(s *segment) {
	bytes, err := size(s.file())
	h.mu.Lock()
	s.head = false
	if err == nil {
		h.bytes += bytes - s.bytes
		s.bytes = bytes
	}
	h.mu.Unlock()
	if bytes == 0 && err == nil && !exists(s.folder) {
		h.drop(s)
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
