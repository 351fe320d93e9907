package wal

import (
	"cmp"
	"io"
	"slices"
)

// account adds up Segments in their order: which bytes of which File they hold, and what is damaged.
type account struct {
	acked Index // what is damaged up to it has its home already
	files map[FileID]Extent
	holes []hole // in order
}

// hole notes that the Blocks of h can't be read.
func (a *account) hole(h hole) {
	if h.to > a.acked && h.to >= h.from {
		a.holes = append(a.holes, h)
	}
}

// gap is where f's Records jump from start to end, between the Blocks after and before: Records of a File are
// continuous, so the first hole between them held these bytes. Without one, nothing was lost: dead letters are not
// continuous, and a gap may have been acknowledged.
func (a *account) gap(f *File, start, end Offset, after, before Index) {
	start = max(start, a.files[f.ID].reach)
	if start >= end {
		return
	}
	for i := range a.holes {
		if h := &a.holes[i]; h.to > after && h.from < before {
			h.lose(f, start, end)
			return
		}
	}
}

// again notes that the Segment which begins with first holds f from start on. What was called lost of a Segment before and
// comes again here was given up there: its next Segment, which would say so, is lost.
func (a *account) again(f FileID, start Offset, first Index) {
	for i := range a.holes {
		h := &a.holes[i]
		h.damaged = slices.DeleteFunc(h.damaged, func(d Damage) bool {
			return d.Index < first && d.File != nil && d.File.ID == f && d.Start >= start
		})
		for k := range h.damaged {
			if d := &h.damaged[k]; d.Index < first && d.File != nil && d.File.ID == f {
				d.End = min(d.End, start)
			}
		}
	}
}

// take adds a Record of Block b. base is where the File's first Record of the Segment that begins with first starts.
func (a *account) take(r *Record, base Offset, b, first Index) {
	e, known := a.files[r.File.ID]
	if r.Note == "" && known && e.Index < first {
		a.again(r.File.ID, base, first)
	}
	switch {
	case r.Note != "" || e.sparse: // dead letters do not follow one another
	case known:
		a.gap(r.File, e.End, r.Start, e.Index, b)
	default:
		a.gap(r.File, base, r.Start, first-1, b)
	}
	if !known {
		e.Start = min(base, r.Start)
	}
	e.sparse = e.sparse || r.Note != ""
	e.File, e.End, e.Prefix, e.Tail, e.Index = r.File, r.End, r.Prefix, r.Tail, b
	e.reach = max(e.reach, r.End)
	a.files[r.File.ID] = e
}

// sum adds a sealed Segment: from its summary alone, or after a survey, what that has left open.
func (a *account) sum(s *summary) {
	for _, row := range s.rows {
		e, known := a.files[row.File.ID]
		if known && e.Index >= row.Index {
			continue
		}
		if !row.sparse && known && e.Index < s.first {
			a.again(row.File.ID, row.Start, s.first)
		}
		switch {
		case row.sparse:
		case known && e.Index >= s.first: // its last Records here are damaged
			a.gap(row.File, e.End, row.End, e.Index, s.last+1)
		case known: // those of a Segment before are missing
			a.gap(row.File, e.End, row.Start, e.Index, s.first)
		}
		if !row.sparse && (!known || e.Index < s.first) { // all its Records here are damaged, if there is a hole
			a.gap(row.File, row.Start, row.End, s.first-1, s.last+1)
		}
		if known {
			row.Start = e.Start
		}
		row.reach = max(e.reach, row.End)
		a.files[row.File.ID] = row
	}
}

// survey adds a Segment of which l was seen, Block by Block, up to seg.last.
func (a *account) survey(d *decoder, s *scanner, seg *segment, l look) error {
	for _, h := range l.holes {
		if h.from <= seg.last {
			h.to = min(h.to, seg.last)
			a.hole(h)
		}
	}
	s.rewind(seg.first)
	var f frame
	for {
		err := s.next(&f)
		if err == io.EOF || err == nil && (f.kind == kindSummary || f.index > seg.last) {
			break
		}
		if err != nil {
			return err
		}
		if d.records, err = d.header(&f, d.records); err == nil {
			a.block(d, &f, seg.first)
		}
	}
	slices.SortFunc(a.holes, func(x, y hole) int { return cmp.Compare(x.to, y.to) })
	if !l.summary || seg.last != l.seen {
		return nil
	}
	sum, err := d.summary(s, true)
	if sum != nil {
		a.sum(sum)
	}
	return err
}

// block adds the Block that f is, whose Records d has read.
func (a *account) block(d *decoder, f *frame, first Index) {
	if f.payload == nil || d.orphans > 0 {
		h := a.at(f.index)
		if h == nil {
			a.hole(hole{from: f.index, to: f.index, time: instant(f.time), reason: reasonNames})
			h = a.at(f.index)
		}
		for i := range d.records {
			if r := &d.records[i]; h != nil {
				a.lose(h, r)
			}
		}
	}
	for i := range d.records {
		if r := &d.records[i]; r.File != nil {
			a.take(r, d.bases[i], f.index, first)
		}
	}
}

// lose notes that r, of the Block that h is, is damaged. What arrived before, out of a Segment that was given up, is not.
func (a *account) lose(h *hole, r *Record) {
	start := r.Start
	if r.File != nil && r.Note == "" {
		start = max(start, a.files[r.File.ID].reach)
	}
	if start < r.End {
		h.lose(r.File, start, r.End)
	}
}

// at returns the hole that is Block n alone.
func (a *account) at(n Index) *hole {
	for i := range a.holes {
		if h := &a.holes[i]; h.from == n && h.to == n {
			return h
		}
	}
	return nil
}
