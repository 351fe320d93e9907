package pipeline

import (
	"logboom/sink"
	"logboom/wal"
)

// pile gathers letters into Blocks of the store. A Block leaves the store as a whole, so those that are held for one index
// stand together, and those that were refused. And an Event that has no time of its own gets its Block's, so that its
// document and its index are the same when it is sent again.
type pile struct {
	blocks []*wal.Block
	held   map[string]int // letters by index
	others int            // letters that were refused
	open   map[pileKey]*wal.Block
}

type pileKey struct {
	held  bool
	index string
	time  int64
}

// add takes a letter. What e and n hold is copied.
func (p *pile) add(e *sink.Event, n *note) {
	at, timed := when(e)
	key := pileKey{held: n.Held}
	if n.Held {
		key.index = sink.Index(e)
		if p.held == nil {
			p.held = map[string]int{}
		}
		p.held[key.index]++
	} else {
		p.others++
	}
	if !timed {
		key.time = at.UnixNano()
	}
	b := p.open[key]
	if b == nil || len(b.Records) == wal.MaxRecords || len(b.Text)+len(e.Raw) > wal.TargetText {
		if p.open == nil {
			p.open = map[pileKey]*wal.Block{}
		}
		b = &wal.Block{Time: at}
		p.open[key], p.blocks = b, append(p.blocks, b)
	}
	start := len(b.Text)
	b.Text = append(b.Text, e.Raw...)
	r := wal.Record{File: e.File, Start: e.Offset, End: e.Offset + wal.Offset(len(e.Raw)), Note: n.encode(), Text: b.Text[start:],
		Cut: e.Part > 0 && !e.Last}
	if e.Part > 0 {
		stream := 0
		if e.Stream == "stderr" {
			stream = 1
		}
		r.Parts[stream] = uint16(e.Part - 1)
	}
	b.Records = append(b.Records, r)
}

// merge adds all of q, whose Blocks stay as they are.
func (p *pile) merge(q *pile) {
	p.blocks = append(p.blocks, q.blocks...)
	p.others += q.others
	for index, n := range q.held {
		if p.held == nil {
			p.held = map[string]int{}
		}
		p.held[index] += n
	}
}
