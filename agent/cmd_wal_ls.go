package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"logboom/wal"
)

func walLsCommand() *cobra.Command {
	var out *output
	c := onBuffer("ls", "List the segments of the buffer", `One line for each segment, the oldest first: which blocks it holds, how many records of how many log files, its size on the
disk and before compression, how long ago it was written, and whether it is delivered. Delivered segments are removed as
soon as all of them is.`,
		func(c *cobra.Command, l *look) error {
			rows, err := segments(c.Context(), l)
			if err != nil {
				return err
			}
			if out.json {
				return segmentsJSON(c.OutOrStdout(), rows)
			}
			return segmentsTable(c.OutOrStdout(), l, rows, time.Now())
		})
	c.Example = `  logboom wal ls -c FILE
  logboom wal ls /mnt/node-7/var/log/logboom
  logboom wal ls --json -c FILE | jq -s 'map(.text_bytes) | add'`
	out = outputFlags(c, "one object a line")
	return c
}

// segmentRow is what ls says of one Segment.
type segmentRow struct {
	Segment  string    `json:"segment"`
	First    wal.Index `json:"first_index"`
	Last     wal.Index `json:"last_index"`
	Blocks   int       `json:"blocks"`
	Records  int       `json:"records"`
	Files    int       `json:"files"`
	Bytes    int64     `json:"bytes"` // on disk
	Text     int64     `json:"text_bytes"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Sealed   bool      `json:"sealed"`
	Delivery string    `json:"delivery"` // waiting | partly | delivered
}

// segments lists what holds Blocks that count.
func segments(ctx context.Context, l *look) ([]segmentRow, error) {
	r, err := l.open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var rows []segmentRow
	for _, s := range r.Segments() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if s.Last < s.First {
			continue
		}
		c, err := r.Contents(s)
		if err != nil {
			return nil, err
		}
		rows = append(rows, segmentRow{Segment: filepath.Base(s.Folder), First: s.First, Last: s.Last, Blocks: c.Blocks, Records: c.Records, Files: c.Files,
			Bytes: s.Bytes, Text: c.Text, From: s.From, To: s.To, Sealed: c.Sealed, Delivery: delivery(&s, l.acked)})
	}
	return rows, nil
}

func delivery(s *wal.Segment, acked wal.Index) string {
	switch {
	case s.Last <= acked:
		return "delivered"
	case s.First <= acked:
		return "partly"
	}
	return "waiting"
}

func segmentsJSON(w io.Writer, rows []segmentRow) error {
	for i := range rows {
		if err := printJSON(w, &rows[i]); err != nil {
			return err
		}
	}
	return nil
}

func segmentsTable(w io.Writer, l *look, rows []segmentRow, now time.Time) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	var bytes, text int64
	for i := range rows {
		r := &rows[i]
		if i == 0 {
			fmt.Fprintln(t, "BLOCKS\tRECORDS\tFILES\tON DISK\tTEXT\tWRITTEN\tSTATE\tDELIVERY")
		}
		state := "unsealed"
		if r.Sealed {
			state = "sealed"
		}
		fmt.Fprintf(t, "%d-%d\t%d\t%d\t%s\t%s\t%s, over %s\t%s\t%s\n", r.First, r.Last, r.Records, r.Files, size(r.Bytes), size(r.Text),
			ago(now.Sub(r.To)), lasting(r.To.Sub(r.From)), state, r.Delivery)
		bytes, text = bytes+r.Bytes, text+r.Text
	}
	err := t.Flush()
	_, sumErr := fmt.Fprintf(w, "%d segments, %s on disk, %s of text; %s.\n", len(rows), size(bytes), size(text), l.delivered())
	return errors.Join(err, sumErr)
}

func ago(d time.Duration) string { return lasting(d) + " ago" }
