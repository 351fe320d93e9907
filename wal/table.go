package wal

import "time"

// table is what the head Segment holds of each File: the numbers by which its Blocks name Files, and what its summary will
// say. The writer owns it.
type table struct {
	rows      []row
	byID      map[FileID]uint32 // the File's newest row
	described int               // bytes of all rows' descriptions

	blocks  int
	records int
	text    int64
	first   time.Time // of the first Block
}

// row is one description of a File in a Segment. What is learnt of a File later makes a new row.
type row struct {
	file   *File
	size   int    // bytes of its description
	uses   int    // Blocks that describe it; see describeTwice
	seen   Index  // the last Block that names it
	base   Offset // where the File's first Record in this Segment starts
	extent Extent // of this row's Records; File is nil until one is written
}

// describeTwice is how many Blocks of a Segment carry a File's description: two, so that a single damaged Block
// leaves no Record of another one without its File.
const describeTwice = 2

func (t *table) reset() {
	clear(t.rows)
	clear(t.byID)
	*t = table{rows: t.rows[:0], byID: t.byID}
	if t.byID == nil {
		t.byID = map[FileID]uint32{}
	}
}

// number returns the number that stands for r's File.
func (t *table) number(r *Record) uint32 {
	n, ok := t.byID[r.File.ID]
	if ok && t.rows[n].file == r.File {
		return n
	}
	base := r.Start
	if ok {
		base = t.rows[n].base
	}
	n = uint32(len(t.rows))
	t.rows = append(t.rows, row{file: r.File, base: base})
	t.byID[r.File.ID] = n
	return n
}

// took notes that b, whose Records have these numbers, is written.
func (t *table) took(b *Block, numbers []uint32) {
	if t.blocks == 0 {
		t.first = b.Time
	}
	t.blocks++
	t.records += len(b.Records)
	t.text += int64(len(b.Text))
	for i := range b.Records {
		r, e := &b.Records[i], &t.rows[numbers[i]].extent
		if e.File == nil {
			*e = Extent{File: r.File, Start: r.Start}
		}
		e.sparse = e.sparse || r.Note != ""
		e.End, e.Prefix, e.Tail, e.Index = r.End, r.Prefix, r.Tail, b.Index
	}
}
