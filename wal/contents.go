package wal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Contents is what a Segment holds, up to its Last Block.
type Contents struct {
	Blocks  int
	Records int
	Text    int64 // bytes, before compression
	Files   int
	Sealed  bool // it ends with a summary, also where none is needed yet to trust it
}

// Contents counts what is in s: by the summary of a sealed Segment, and by the headers of all Blocks of another one. A Segment
// that was released meanwhile holds nothing.
func (r *Reader) Contents(s Segment) (Contents, error) {
	f, err := os.Open((&segment{folder: s.Folder}).file())
	if errors.Is(err, fs.ErrNotExist) {
		return Contents{}, nil
	}
	if err != nil {
		return Contents{}, fmt.Errorf("look into segment %d: %w", s.First, err)
	}
	defer f.Close()
	u, err := newUnpacker()
	if err != nil {
		return Contents{}, err
	}
	defer u.close()
	d, scan := decoder{unpacker: u}, scanner{}
	d.names.reset()
	scan.reset(f, s.end, s.First)
	c, err := d.contents(&scan, &s)
	if err != nil {
		return Contents{}, fmt.Errorf("look into segment %d: %w", s.First, err)
	}
	return c, nil
}

func (d *decoder) contents(scan *scanner, s *Segment) (Contents, error) {
	files := map[FileID]bool{}
	if s.Sealed {
		sum, err := d.summary(scan, true)
		if err != nil {
			return Contents{}, err
		}
		if sum != nil {
			for _, row := range sum.rows {
				files[row.File.ID] = true
			}
			return Contents{sum.blocks, sum.records, sum.text, len(files), true}, nil
		}
		scan.rewind(s.First)
	}
	var c Contents
	for f := (frame{}); ; {
		err := scan.next(&f)
		if err == io.EOF || err == nil && (f.kind == kindSummary || f.index > s.Last) {
			c.Files, c.Sealed = len(files), err == nil && f.kind == kindSummary
			return c, nil
		}
		if err != nil {
			return c, err
		}
		records, err := d.header(&f, d.records)
		if err != nil {
			continue // damaged: verify names it
		}
		d.records = records
		c.Blocks, c.Records, c.Text = c.Blocks+1, c.Records+len(records), c.Text+int64(f.textLen)
		for i := range records {
			if records[i].File != nil {
				files[records[i].File.ID] = true
			}
		}
	}
}
