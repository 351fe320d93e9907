package wal

import (
	"fmt"
	"time"
)

// Reader reads a WAL and changes nothing, also while an agent writes and releases: it gives out what was there when it was
// opened, except what is released meanwhile. One goroutine uses it.
type Reader struct {
	reader   *reader
	recovery *Recovery
	segments []Segment
}

// Segment is what a Reader knows of one.
type Segment struct {
	Folder   string
	First    Index
	Last     Index     // below First: no Block of it counts
	Prev     Index     // the last durable Index when it was begun
	Bytes    int64     // on disk
	From, To time.Time // of its Blocks
	Sealed   bool      // it ends with a summary

	end int64 // bytes of the file that may be read
}

// View says what a Reader's caller knows of a WAL. Only Dir must be set.
type View struct {
	Dir string

	// Acked and Floor are as in Options.
	Acked, Floor Index

	// Live: an agent writes, and Floor is the last durable Index that it told. What it appended behind that counts only where
	// a later Segment vouches for it.
	Live bool
}

// OpenReadOnly opens a WAL for tools. Where it is not Live, Blocks at the very end may be in the page cache only.
func OpenReadOnly(v View) (*Reader, error) {
	r := &recovery{dir: v.Dir, access: realAccess, acked: v.Acked, floor: max(v.Floor, v.Acked), live: v.Live}
	if err := r.run(); err != nil {
		return nil, fmt.Errorf("open wal: %w", err)
	}
	shelf := &shelf{dir: v.Dir, segs: r.segs, durable: r.durable()}
	reader, err := newReader(shelf, realAccess, r.account.holes)
	if err != nil {
		return nil, err
	}
	reader.readOnly = true
	out := &Reader{reader: reader, recovery: r.result()}
	for _, s := range r.segs {
		out.segments = append(out.segments, Segment{s.folder, s.first, s.last, s.prev, s.bytes, s.from, s.to, s.sealed, s.end})
	}
	return out, nil
}

// Next is as that of a Log.
func (r *Reader) Next(after Index, b *Block) error { return r.reader.next(after, b) }

// Recovery is what an Open would say.
func (r *Reader) Recovery() *Recovery { return r.recovery }

// Segments returns them in their order.
func (r *Reader) Segments() []Segment { return r.segments }

// Close ends the Reader.
func (r *Reader) Close() { r.reader.shut() }
