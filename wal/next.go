package wal

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"
)

// reader gives out Blocks in order. It holds one Segment open, and one Block's memory.
type reader struct {
	shelf  *shelf
	access access

	mu       sync.Mutex // guards all below: Close comes from another goroutine
	dec      decoder
	scan     scanner
	file     readable
	seg      segment // that file is of
	surveyed bool    // seg was, during this call
	holes    []hole  // known ones, in order
	sulk     sulk
	readOnly bool // another process may release Segments while we read
	closed   bool
}

var (
	errAgain    = errors.New("look again") // never leaves next
	errUnsteady = errors.New("it reads differently each time")
)

func newReader(h *shelf, a access, holes []hole) (*reader, error) {
	u, err := newUnpacker()
	if err != nil {
		return nil, err
	}
	return &reader{shelf: h, access: a, dec: decoder{unpacker: u}, holes: holes}, nil
}

func (r *reader) next(after Index, b *Block) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return ErrClosed
	}
	r.surveyed = false
	r.sulk.begin()
	for {
		s, durable, ok := r.shelf.find(after)
		if after >= durable {
			return ErrNone
		}
		if h := r.hole(after); h != nil && (!ok || h.to < s.first) {
			return h.error()
		}
		if !ok {
			return ErrNone
		}
		err := r.open(&s, after)
		if errors.Is(err, fs.ErrNotExist) || broken(err) {
			err = r.gone(&s, after, err)
		} else if err == nil {
			err = r.read(after, b)
		}
		if err != errAgain {
			return err
		}
	}
}

// open stands the scanner at or before the Block behind after, which s holds.
func (r *reader) open(s *segment, after Index) error {
	if r.file != nil && r.seg.first == s.first {
		r.seg, r.scan.end = *s, s.end
		if r.scan.want > after+1 {
			r.scan.rewind(s.first)
		}
		return nil
	}
	r.close()
	f, err := r.access.open(s.file())
	if err != nil {
		return err
	}
	r.file, r.seg = f, *s
	r.scan.reset(f, s.end, s.first)
	r.dec.names.reset()
	return nil
}

// gone is a Segment that somebody else removed, or that the disk does not give out.
func (r *reader) gone(s *segment, after Index, cause error) error {
	if r.readOnly && !broken(cause) {
		r.shelf.drop(r.shelf.segment(s.first))
		return errAgain
	}
	if broken(cause) && r.sulk.wait(cause) {
		return fmt.Errorf("segment %d: %w", s.first, cause)
	}
	h := hole{from: max(after+1, s.first), to: s.last, time: s.from, reason: reasonMissing}
	h.settle()
	r.holes = append(r.holes, h)
	r.sort()
	return h.error()
}

// read reads the first Block behind after in the open Segment, which holds one or has held one.
func (r *reader) read(after Index, b *Block) error {
	var f frame
	for {
		err := r.scan.next(&f)
		if err == io.EOF || err == nil && (f.kind == kindSummary || f.index > r.seg.last) {
			if err == nil {
				r.scan.back()
			}
			return r.damage(max(after+1, r.scan.want), r.seg.last)
		}
		if err != nil {
			return fmt.Errorf("segment %d: %w", r.seg.first, err)
		}
		if f.index <= after {
			r.dec.records, _ = r.dec.header(&f, r.dec.records) // for the names; its damage is known to the caller
			continue
		}
		if from := max(after+1, r.scan.from); from < f.index {
			r.scan.back()
			return r.damage(from, f.index-1)
		}
		err = r.dec.block(&f, b)
		if err == nil {
			r.sulk.over()
			return nil
		}
		r.scan.back()
		return r.damage(f.index, f.index)
	}
}

// damage says what is known of the Blocks from to to of the open Segment, which can't be read.
func (r *reader) damage(from, to Index) error {
	if h := r.hole(from - 1); h != nil && h.from <= to {
		return h.error()
	}
	if r.surveyed {
		return fmt.Errorf("segment %d: block %d: %w", r.seg.first, from, errUnsteady)
	}
	if err := r.sulk.soon(); err != nil {
		return fmt.Errorf("segment %d: %w", r.seg.first, err)
	}
	if err := r.survey(); err != nil {
		return fmt.Errorf("survey segment %d: %w", r.seg.first, err)
	}
	r.scan.rewind(r.seg.first)
	return errAgain
}

// survey looks at the whole Segment, to name what its damaged Blocks held. It reads the disk anew: what was damaged in
// memory only is whole afterwards. Where the disk gives something not out it may do so later: that is no damage yet.
func (r *reader) survey() error {
	uncache(r.file)
	r.surveyed, r.scan.broken = true, nil
	r.scan.reset(r.file, r.seg.end, r.seg.first)
	l, err := r.dec.look(&r.scan)
	if err != nil {
		return err
	}
	if l.seen < r.seg.last {
		l.holes = append(l.holes, hole{from: l.seen + 1, to: r.seg.last, time: r.seg.to, reason: reasonHeader})
	}
	a := account{files: map[FileID]Extent{}}
	if err := a.survey(&r.dec, &r.scan, &r.seg, l); err != nil {
		return err
	}
	if err := r.scan.broken; err != nil && r.sulk.wait(err) {
		return err
	}
	for _, h := range a.holes {
		if known := r.hole(h.from - 1); known == nil || known.from > h.to {
			h.settle()
			r.holes = append(r.holes, h)
		}
	}
	r.sort()
	return nil
}

// hole returns the first one that is known behind after.
func (r *reader) hole(after Index) *hole {
	for i := range r.holes {
		if r.holes[i].to > after {
			return &r.holes[i]
		}
	}
	return nil
}

func (r *reader) sort() {
	slices.SortFunc(r.holes, func(x, y hole) int { return cmp.Compare(x.to, y.to) })
}

// forget drops what acknowledgements have passed.
func (r *reader) forget(acked Index, gone []*segment) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.holes = slices.DeleteFunc(r.holes, func(h hole) bool { return h.to <= acked })
	for _, s := range gone {
		if r.file != nil && s.first == r.seg.first {
			r.close()
		}
	}
}

func (r *reader) close() {
	if r.file != nil {
		r.file.Close()
		r.file = nil
	}
}

// shut ends the reader for good.
func (r *reader) shut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.close()
		r.dec.unpacker.close()
		r.closed = true
	}
}

func (h *hole) error() error { return &DamageError{Index: h.to, Damaged: h.damaged} }
