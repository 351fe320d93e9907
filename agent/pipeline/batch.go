package pipeline

import (
	"logboom/agent/parse"
	"logboom/sink"
	"logboom/wal"
)

// batch is what one bulk request carries: the Events of consecutive Blocks. It is Delivery's while it is filled and
// after it is settled, a worker's in between.
type batch struct {
	blocks []wal.Block // their memory is used again
	n      int         // how many of them count
	text   int         // bytes
	parser parse.Parser

	doubtful wal.Index // Blocks up to it may have been sent before, see doubt
	reread   bool

	recall  recall
	back    bool    // no worker has it
	home    []int32 // Events that an earlier Send, which was called back, has settled
	settled bool
	result  sink.Result
	err     error
}

// slot returns the memory for one more Block.
func (b *batch) slot() *wal.Block {
	if b.n == len(b.blocks) {
		b.blocks = append(b.blocks, wal.Block{})
	}
	return &b.blocks[b.n]
}

// add counts the Block that was put into the slot.
func (b *batch) add() {
	b.text += len(b.blocks[b.n].Text)
	b.n++
}

// maxBlocks bounds a batch where Blocks are small.
const maxBlocks = 1000

// reset empties b. It keeps its memory, up to keep bytes: each of many slots meets a large Block sooner or later.
func (b *batch) reset(keep int) {
	for i := range b.blocks {
		b.blocks[i].Reset()
		if keep -= cap(b.blocks[i].Text); keep < 0 {
			b.blocks[i] = wal.Block{}
		}
	}
	b.n, b.text, b.home, b.settled, b.result, b.err = 0, 0, nil, false, sink.Result{}, nil
}

func (b *batch) first() wal.Index { return b.blocks[0].Index }
func (b *batch) last() wal.Index  { return b.blocks[b.n-1].Index }

// Each makes a batch the sink's Events.
func (b *batch) Each(fn func(n int, e *sink.Event) error) error {
	return b.each(func(_, n int, e *sink.Event) error { return fn(n, e) })
}

// each says also in which of its Blocks an Event ends.
func (b *batch) each(fn func(i, n int, e *sink.Event) error) error {
	n := 0
	for i := range b.blocks[:b.n] {
		err := b.parser.Events(&b.blocks[i], func(e *sink.Event) error {
			n++
			if b.blocks[i].Index <= b.doubtful {
				e.SentSince = b.sentSince(&b.blocks[i], e)
			}
			return fn(i, n-1, e)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
