package pipeline

import (
	"sync/atomic"
	"time"

	"logboom/sink"
	"logboom/wal"
)

// doubt is which Blocks an earlier process may have sent without coming to note it: their Events may be stored already. The
// sink looks them up where a create would not find them: in a data stream that was rolled over since.
//
// It is Delivery's, but for the end of reading again, which Intake tells.
type doubt struct {
	last   atomic.Uint64 // the last such Block
	reread bool          // the checkpoint was lost: what is in the files is read again, and its Blocks are new
	text   int           // bytes that were in doubt since the start
}

// mostUnderWay is how much text an earlier process can have sent that no commit tells of: what waits for a commit, and all
// its batches, with the largest configuration there is.
const mostUnderWay = commitText + 17*(64<<20)/bodyPerText

// begin starts with what the WAL held at the start. With reread, all that is read is in doubt too, until caughtUp.
func (d *doubt) begin(last wal.Index, reread bool) {
	d.reread = reread
	if reread {
		last = noEnd
	}
	d.last.Store(uint64(last))
}

// noEnd stands for the last Block while files are being read again.
const noEnd = 1<<64 - 1

func (d *doubt) rereading() bool { return d.last.Load() == noEnd }

// caughtUp says that the files have been read up to where they ended, in Blocks up to durable.
func (d *doubt) caughtUp(durable wal.Index) { d.last.Store(uint64(durable)) }

// mark says which Blocks of b are in doubt.
func (d *doubt) mark(b *batch) {
	b.doubtful, b.reread = wal.Index(d.last.Load()), d.reread
	if b.blocks[0].Index > b.doubtful {
		return
	}
	if d.text += b.text; d.text > mostUnderWay && !d.reread {
		d.last.Store(0)
	}
}

// sentSince says when an Event in doubt can first have been sent: not before it was written, and, where the Block is
// the one that may have been sent, not before that was gathered.
func (b *batch) sentSince(block *wal.Block, e *sink.Event) time.Time {
	if !b.reread {
		return block.Time
	}
	if at, timed := when(e); timed {
		return at
	}
	return time.Unix(0, max(e.File.Identity.Birth, 1))
}
