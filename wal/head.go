package wal

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"
)

// head is the Segment that is being written. It is in memory only until its first Block is encoded.
type head struct {
	seg     *segment // nil until it is on disk
	entries entries
	first   Index
	prev    Index // durable when it was begun
	salt    uint64
	named   bool // its directory entries are durable
	size    int64
	last    Index     // appended
	time    time.Time // of the last Block
}

// begin makes a head in memory.
func (l *Log) begin() {
	l.table.reset()
	l.head = &head{first: l.index, prev: l.shelf.mark(), salt: l.salt(), last: l.index - 1}
}

// randomSalt is what Segments really get; golden files need another one.
func randomSalt() uint64 {
	var p [8]byte
	rand.Read(p[:]) // never fails
	return binary.LittleEndian.Uint64(p[:])
}

// frame is what every frame of the head says.
func (l *Log) frame() frame {
	return frame{salt: l.head.salt, index: l.index, prev: l.head.prev, durable: l.shelf.mark()}
}

// create puts the head on the disk. Nothing in it is durable before the first flush.
func (l *Log) create() error {
	h := l.head
	folder := filepath.Join(l.shelf.dir, folderName(h.first))
	err := l.disk.Mkdir(folder)
	if errors.Is(err, fs.ErrNotExist) { // somebody removed the whole WAL while we ran
		if err = makeDirs(l.disk, l.shelf.dir); err == nil {
			err = l.disk.Mkdir(folder)
		}
	}
	if err != nil {
		return err
	}
	s := &segment{folder: folder, first: h.first, last: h.prev, prev: h.prev, stated: true, head: true}
	h.seg = s
	l.shelf.add(s)
	if err := l.disk.Create(s.file()); err != nil {
		return err
	}
	h.entries, err = l.disk.Open(folder)
	return err
}

// write appends a frame to the head. Its Index is used up whatever happens.
func (l *Log) write(p []byte) error {
	h := l.head
	n := l.index
	l.index++
	if err := h.entries.Write(uint64(n), p); err != nil {
		return err
	}
	size := entrySize(len(p))
	h.size += size
	l.shelf.grew(h.seg, size)
	l.counts.wrote(size)
	return nil
}

// flush makes the head durable: its file, then the two directories that name it. sync fsyncs the file.
func (l *Log) flush(sync func() error) error {
	h := l.head
	if err := sync(); err != nil {
		return err
	}
	if !h.named {
		if err := l.disk.SyncDir(h.seg.folder); err != nil {
			return err
		}
		if err := l.disk.SyncDir(l.shelf.dir); err != nil {
			return err
		}
		h.named = true
	}
	l.shelf.flushed(h, l.table.first)
	l.counts.synced()
	select {
	case l.grown <- struct{}{}:
	default:
	}
	return nil
}

// seal ends the head with a summary and makes it durable.
func (l *Log) seal() error {
	h := l.head
	f := l.frame()
	f.time = h.time.UnixNano()
	p, err := l.enc.summary(&l.table, h.first, f)
	if err == nil {
		err = l.write(p)
	} else if errors.Is(err, ErrTooLarge) {
		err = nil // a start reads such a Segment whole
	}
	if err == nil {
		err = l.flush(h.entries.Close)
	}
	if err != nil {
		return l.giveUp(fmt.Errorf("seal segment %d: %w", h.first, err))
	}
	l.shelf.sealed(h.seg)
	l.head = nil
	return nil
}

// giveUp ends the head after a failed write or fsync. What was appended since the last good one may be on the disk or not,
// and reading it proves nothing: so it is cut off, that no later start finds it in the page cache. Should that fail too,
// the next Segment's Prev says the same.
func (l *Log) giveUp(cause error) error {
	h := l.head
	l.head = nil
	l.counts.failed(cause)
	err := fmt.Errorf("%w: %w", ErrGivenUp, cause)
	if h.seg == nil {
		return err
	}
	if h.entries != nil && h.entries.Close() != nil {
		h.entries.Close() // the first left the file open; the fsync error is told only once
	}
	if h.seg.last < h.first {
		l.disk.RemoveAll(h.seg.folder) // it holds nothing; what stays is found and removed by the next Release
	} else {
		l.disk.Truncate(h.seg.file(), h.seg.end)
	}
	l.shelf.left(h.seg)
	return err
}

// due says whether the head is to be sealed before the next Block.
func (l *Log) due() bool {
	return l.head != nil && l.head.seg != nil &&
		(l.head.size >= l.segmentSize || l.table.described >= maxSummary/4 || len(l.table.rows) >= maxRow/2)
}

// backlog says that so much waits that space counts for more than the processor, which has little to do when nothing is
// delivered. A quick start costs the WAL 3 % of what it can hold.
func (l *Log) backlog() bool {
	most := l.maxSize.Load()
	return most > 0 && l.shelf.size() > max(most/16, 4*l.segmentSize)
}

// over says whether another n bytes, and the summary they make necessary, are too many.
func (l *Log) over(n int64) bool {
	most := l.maxSize.Load()
	if most == 0 {
		return false
	}
	if l.head != nil {
		n += int64(l.table.described + 64*len(l.table.rows) + 2*minFrame)
	}
	return l.shelf.size()+n > most
}

// full seals the head, so that Release can free all of it, and does so itself where all of it is acknowledged already: the
// Delivery that waits for new Blocks won't call again.
func (l *Log) full() error {
	if l.head != nil && l.head.seg != nil {
		if err := l.seal(); err != nil {
			return err
		}
	}
	l.head = nil
	if err := l.Release(l.counts.acknowledged()); err != nil {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return ErrFull
}
