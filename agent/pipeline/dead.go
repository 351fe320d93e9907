package pipeline

import (
	"fmt"
	"time"

	"logboom/agent/parse"
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

// heldNote marks what no document is wrong with: its Route took nothing while others did.
const heldNote = "held: "

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
		at, timed := when(e)
		if n := len(d.block.Records); n == wal.MaxRecords || n > 0 && len(d.block.Text)+len(e.Raw) > wal.TargetText ||
			n > 0 && !timed && !d.block.Time.Equal(at) {
			if err := d.append(); err != nil {
				return err
			}
		}
		if !timed || len(d.block.Records) == 0 {
			d.block.Time = at
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

// when returns e's time, and whether its Raw says it: an Event that has none of its own gets its Block's, so that the
// document and its index are the same when it is sent again.
func when(e *sink.Event) (at time.Time, timed bool) {
	at, _ = time.Parse(time.RFC3339Nano, string(e.Time)) // checked
	return at, e.File.Format != wal.Plain && parse.Time(e.Raw) != nil
}

func (d *deadLetters) add(e *sink.Event, r *sink.Refusal) {
	note := fmt.Sprintf("%s: %s", r.Type, r.Reason)
	if r.Held {
		note = heldNote + note
	}
	start := len(d.block.Text)
	d.block.Text = append(d.block.Text, e.Raw...)
	record := wal.Record{File: e.File, Start: e.Offset, End: e.Offset + wal.Offset(len(e.Raw)),
		Note: note[:min(len(note), maxNote)], Text: d.block.Text[start:], Cut: e.Part > 0 && !e.Last}
	if e.Part > 0 {
		stream := 0
		if e.Stream == "stderr" {
			stream = 1
		}
		record.Parts[stream] = uint16(e.Part - 1)
	}
	d.block.Records = append(d.block.Records, record)
}

func (d *deadLetters) append() error {
	if len(d.block.Records) == 0 {
		return nil
	}
	err := appendAll(d.log, &d.block)
	d.block.Reset()
	return err
}
