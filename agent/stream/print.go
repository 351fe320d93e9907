package stream

import (
	"bufio"
	"fmt"
	"io"

	"logboom/wal"
)

// printer writes the Lines of Records. It belongs to the goroutine of run.
type printer struct {
	out  *bufio.Writer
	open *wal.File // whose Line was begun and goes on in a further Record: it was too long for one
}

func newPrinter(out io.Writer) *printer {
	return &printer{out: bufio.NewWriterSize(out, 64<<10)}
}

// run prints the Blocks that come and answers each.
func (p *printer) run(blocks <-chan *wal.Block, written chan<- error) {
	for b := range blocks {
		written <- p.print(b)
	}
}

// print writes whole Lines. One that ended without a newline gets one; so does one of over a MiB where Lines of another
// File come between its parts.
func (p *printer) print(b *wal.Block) error {
	for i := range b.Records {
		r := &b.Records[i]
		if p.open != nil && p.open != r.File {
			p.out.WriteByte('\n')
		}
		p.open = nil
		p.out.Write(r.Text)
		switch whole := r.Text[len(r.Text)-1] == '\n'; {
		case !whole && r.Cut:
			p.open = r.File
		case !whole:
			p.out.WriteByte('\n')
		}
	}
	if err := p.out.Flush(); err != nil { // which has the error of any write before
		return fmt.Errorf("print: %w", err)
	}
	return nil
}
