package pipeline

import (
	"fmt"

	"logboom/sink"
	"logboom/wal"
)

// deadLetters is the dead-letter store: a second WAL, whose Records are the Lines of one Event each and say in their
// Note why it is there. It belongs to Delivery's goroutine.
type deadLetters struct {
	log   *wal.Log
	block wal.Block
}

// maxNote bounds the backend's words that are kept with a dead letter, in bytes.
const maxNote = 1 << 10

// Put makes the refused Events durable as dead letters.
func (d *deadLetters) Put(events sink.Events, refused []sink.Refusal) error {
	why := make(map[int]*sink.Refusal, len(refused))
	for i := range refused {
		why[refused[i].N] = &refused[i]
	}
	d.block.Reset()
	err := events.Each(func(n int, e *sink.Event) error {
		r := why[n]
		if r == nil {
			return nil
		}
		if n := len(d.block.Records); n == wal.MaxRecords || n > 0 && len(d.block.Text)+len(e.Raw) > wal.TargetText {
			if err := d.append(); err != nil {
				return err
			}
		}
		d.add(e, r)
		return nil
	})
	if err != nil {
		return err
	}
	if err := d.append(); err != nil {
		return err
	}
	return d.log.Sync()
}

func (d *deadLetters) add(e *sink.Event, r *sink.Refusal) {
	note := fmt.Sprintf("%s: %s", r.Type, r.Reason)
	start := len(d.block.Text)
	d.block.Text = append(d.block.Text, e.Raw...)
	d.block.Records = append(d.block.Records, wal.Record{File: e.File, Start: e.Offset, End: e.Offset + wal.Offset(len(e.Raw)),
		Note: note[:min(len(note), maxNote)], Text: d.block.Text[start:]})
}

func (d *deadLetters) append() error {
	if len(d.block.Records) == 0 {
		return nil
	}
	err := d.log.Append(&d.block)
	d.block.Reset()
	return err
}
