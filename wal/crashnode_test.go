package wal

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// node is an Intake that is killed and started again, with an oracle that knows what was durable.
type node struct {
	t      *testing.T
	what   string
	dir    string
	floor  Index // what the checkpoint knows
	log    *Log
	writer *writer
	blocks []*Block          // that must be there, in order
	loose  []*Block          // appended behind them, and not fsynced
	ends   map[Index]int64   // where each Block of the head ends in its file
	states map[Index]*writer // the writer after each Block; 0: before the first
	given  map[Index]string  // what was ever delivered
	seen   Index             // the highest that a whole Block on the disk has
	head   Index             // the first of the last Segment
	packer packer            // one for all starts: making it costs more than a start does
}

func newNode(t *testing.T, dir string) *node {
	packer, err := newPacker()
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, dir: dir, packer: packer, writer: newWriter(3, 5), ends: map[Index]int64{}, states: map[Index]*writer{}, given: map[Index]string{}}
	n.states[0] = n.writer.clone()
	return n
}

func (n *node) fatal(format string, args ...any) {
	n.t.Helper()
	n.t.Fatalf(n.what+": "+format, args...)
}

func (n *node) open(segmentSize int64) *Recovery {
	n.t.Helper()
	l, r, err := Open(Options{Dir: n.dir, SegmentSize: segmentSize, Floor: n.floor})
	if err != nil {
		n.fatal("open: %v", err)
	}
	n.log, l.enc.packer = l, n.packer
	return r
}

// append appends a Block of two Files, one of whom is new to its Segment or has a new description now and then.
func (n *node) append(durable bool) {
	n.t.Helper()
	w := n.writer
	i := len(n.blocks) + len(n.loose)
	if i%4 == 3 {
		f := *w.files[i%3]
		f.Labels = map[string]string{"seen": fmt.Sprint(i)}
		w.files[i%3] = &f
	}
	b := w.block(1, i%3, (i+1)%3)
	err := n.log.Append(b)
	if err == nil && durable {
		err = n.log.Sync()
	}
	if err != nil {
		n.fatal("append: %v", err)
	}
	if n.given[b.Index] != "" || b.Index <= n.seen {
		n.fatal("index %d was given out before, or is one of those up to %d that can be seen on the disk", b.Index, n.seen)
	}
	n.head = n.log.head.first
	n.ends[b.Index] = n.log.head.size
	n.states[b.Index] = w.clone()
	n.loose = append(n.loose, b)
	if durable {
		n.blocks, n.loose = append(n.blocks, n.loose...), nil
	}
}

// kill ends the process: what it wrote is in its files, and nothing else happens to them. Tearing them is the caller's.
func (n *node) kill() {
	if n.log.head != nil && n.log.head.entries != nil {
		n.log.head.entries.Close()
	}
	n.log.reader.shut()
}

// crashed notes that the head's file was one and is another now: of the Blocks that were not fsynced those before the first
// torn one are left.
func (n *node) crashed(was, is []byte) {
	same := 0
	for same < min(len(was), len(is)) && was[same] == is[same] {
		same++
	}
	for i, b := range n.loose {
		from := int64(0)
		if last := len(n.blocks) - 1; i > 0 {
			from = n.ends[n.loose[i-1].Index]
		} else if last >= 0 && n.inHead(n.blocks[last]) {
			from = n.ends[n.blocks[last].Index]
		}
		if to := n.ends[b.Index]; to <= int64(len(is)) && bytes.Equal(was[from:to], is[from:to]) {
			n.seen = b.Index
		}
	}
	whole := 0
	for whole < len(n.loose) && n.ends[n.loose[whole].Index] <= int64(same) {
		whole++
	}
	n.blocks, n.loose = append(n.blocks, n.loose[:whole]...), nil
}

// inHead says whether b is in the Segment that the Blocks behind it were appended to.
func (n *node) inHead(b *Block) bool { return b.Index >= n.head }

// restart opens what the crash left: all that was durable must be there and in order, then perhaps more of what was written,
// and Intake must learn exactly where each File goes on.
func (n *node) restart() {
	n.t.Helper()
	r := n.open(1 << 20)
	if len(r.Damaged) > 0 {
		n.fatal("a torn tail is called damage: %+v", r.Damaged)
	}
	got, damaged := drain(n.t, n.log, 0)
	if len(damaged) > 0 || len(got) != len(n.blocks) {
		n.fatal("%d blocks, want %d; damaged: %+v", len(got), len(n.blocks), damaged)
	}
	last := Index(0)
	for i, b := range got {
		same(n.t, b, n.blocks[i])
		last = b.Index
		content := fmt.Sprintf("%v %08x", b.Time, crc32.Checksum(b.Text, castagnoli))
		if was := n.given[b.Index]; was != "" && was != content {
			n.fatal("block %d was another one before", b.Index)
		}
		n.given[b.Index] = content
	}
	n.writer = n.states[last].clone()
	for i, f := range n.writer.files {
		e := r.Files[f.ID]
		tail := crc32.Checksum(n.writer.tails[i], castagnoli)
		if e.End != n.writer.at[i] || e.End > 0 && (e.Prefix != n.writer.sums[i] || e.Tail != tail || e.Start != 0) {
			n.fatal("file %d goes on at %+v, want %d", i, e, n.writer.at[i])
		}
	}
}

func (w *writer) clone() *writer {
	c := *w
	c.files, c.at, c.sums, c.tails = slices.Clone(w.files), slices.Clone(w.at), slices.Clone(w.sums), slices.Clone(w.tails)
	for i := range c.tails {
		c.tails[i] = slices.Clone(c.tails[i])
	}
	c.rand = rand.New(rand.NewPCG(uint64(w.rand.Uint32()), 1)) // what is read again may be something else by now
	return &c
}

// clone copies n, whose process is not running.
func (n *node) clone(t *testing.T, what string) *node {
	c := *n
	c.t, c.what, c.writer = t, what, nil
	c.blocks, c.loose = slices.Clone(n.blocks), slices.Clone(n.loose)
	c.ends, c.states, c.given = maps.Clone(n.ends), maps.Clone(n.states), maps.Clone(n.given)
	return &c
}
