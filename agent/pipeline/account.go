package pipeline

import (
	"logboom/agent/status"
	"logboom/agent/tail"
	"logboom/checkpoint"
	"logboom/sink"
	"logboom/wal"
)

// The account of a File (invariant 5) has two sides. tail knows how much there is and how far it is durable; the checkpoint
// knows what became of that, and changes only with the transactions that acknowledge or lose bytes. Both are asked at one
// moment: no scan moves bytes from unread to lost in between, and what Delivery acknowledges was durable, whether tail
// has heard of it or not.

// accounts asks both sides.
func (a *agent) accounts() (report tail.Report, delivered checkpoint.Accounts, err error) {
	a.tail.Hold(func(r tail.Report) {
		report = r
		delivered, err = a.store.Accounts()
	})
	return report, delivered, err
}

// settle returns the first Files of a report with the account of each, and the sum over all Files there ever were.
func settle(report *tail.Report, delivered *checkpoint.Accounts) (files []status.File, total status.Account) {
	all := make(map[string]status.Account, len(report.Contents))
	seen := make(map[wal.FileID]bool, len(report.Contents))
	for i := range report.Contents {
		c := &report.Contents[i]
		d, known := delivered.Files[c.ID]
		if !known {
			d = checkpoint.Account{Start: c.Start, Reach: c.Start}
		}
		seen[c.ID] = true
		one := account(c, d)
		all[c.ID.String()] = one
		total.Add(one)
	}
	for id, d := range delivered.Files {
		if !seen[id] { // tail forgot it, and could not say so to the checkpoint yet
			total.Add(account(&tail.Content{Lost: true}, d))
		}
	}
	total.Add(account(&tail.Content{Lost: true}, delivered.Gone))
	for _, f := range report.Files[:min(len(report.Files), status.MaxFiles)] {
		f.Account = all[f.ID]
		files = append(files, f)
	}
	return files, total
}

// account puts the two sides of a File together.
func account(c *tail.Content, d checkpoint.Account) status.Account {
	end := max(c.Durable, d.Reach)
	a := status.Account{Read: int64(end - d.Start), Waiting: int64(end - d.Reach), Acked: d.Acked(), DeadLetters: d.Dead,
		LostRead: d.LostRead, LostUnread: d.LostUnread, Excluded: d.Excluded}
	if c.Excluded { // what the checkpoint was not told yet
		a.Excluded, a.Waiting = a.Excluded+a.Waiting, 0
	}
	if !c.Lost {
		a.Unread = int64(max(0, c.Size-end))
	}
	a.Known = a.Read + a.Unread + a.LostUnread
	return a
}

// deadOf adds up, by Block and File, the bytes of a Batch's refused Events. An Event that goes on in the next File has bytes
// of both.
func deadOf(b *batch) (all []checkpoint.DeadLetters) {
	refused := make(map[int]bool, len(b.result.Refused))
	for _, r := range b.result.Refused {
		refused[r.N] = true
	}
	n := -1
	for i := range b.blocks[:b.n] {
		block := &b.blocks[i]
		first := len(all)
		add := func(f *wal.File, start wal.Offset, bytes int) {
			for k := first; k < len(all); k++ {
				if d := &all[k]; d.File.ID == f.ID {
					d.Start, d.Bytes = min(d.Start, start), d.Bytes+int64(bytes)
					return
				}
			}
			all = append(all, checkpoint.DeadLetters{Index: block.Index, File: f, Start: start, Bytes: int64(bytes)})
		}
		_ = b.parser.Events(block, func(e *sink.Event) error { // fails only where this function does
			if n++; refused[n] {
				add(e.File, e.Offset, len(e.Raw)-e.Beyond)
				if e.Beyond > 0 {
					next := after(block, e.File)
					add(next.File, next.Start, e.Beyond)
				}
			}
			return nil
		})
	}
	return all
}

// after returns the Record that goes on where f's is chained.
func after(b *wal.Block, f *wal.File) *wal.Record {
	for i := range b.Records {
		if r := &b.Records[i]; r.Chained && r.File.ID == f.ID {
			return &b.Records[i+1]
		}
	}
	panic("BUG: an Event goes on in a File, and no Record says so")
}
