package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"logboom/agent/pipeline"
	"logboom/checkpoint"
	"logboom/sink"
	"logboom/wal"
)

// remains is what clean finds in a data directory: what of it nobody else has, and what would be removed.
type remains struct {
	DataDir   string   `json:"data_dir"`
	Used      bool     `json:"used"`                   // an agent has run there
	Text      int64    `json:"undelivered_text_bytes"` // at most; it may be less by what the oldest Segment has delivered
	Letters   int      `json:"dead_letters"`
	Unknown   string   `json:"delivery_unknown,omitempty"` // why Text or Letters may be wrong
	Alone     int      `json:"files_only_pinned"`
	AloneText int64    `json:"files_only_pinned_bytes"`
	Paths     int      `json:"paths"` // files and folders that are ours
	Pins      int      `json:"pins"`
	Frees     int64    `json:"frees_bytes"`
	Strangers []string `json:"not_ours"` // and stay
	Removed   bool     `json:"removed"`

	blocks int   // that are not delivered
	doubt  error // no more is known of the buffer than that
}

// lookInto finds out what there is. That it can't be told is a part of it.
func (r *remains) lookInto(f *found, pinsRead bool) {
	r.Paths, r.Pins, r.Frees = len(f.paths), f.pins, f.bytes
	r.Strangers = append(r.Strangers, f.strangers...)
	l := &look{dataDir: r.DataDir}
	if r.doubt = l.readCheckpoint(); r.doubt == nil {
		r.doubt = r.count(l)
	}
	for _, pin := range f.alone {
		if !pinsRead || !pin.readUp(l.files) {
			r.Alone, r.AloneText = r.Alone+1, r.AloneText+pin.size
		}
	}
	if r.doubt != nil { // such as the files of a newer release
		r.Unknown = r.doubt.Error()
	} else if l.unknown != nil && r.blocks > 0 {
		r.Unknown = l.delivered()
	}
}

// readUp says that the checkpoint has all of the pin: the agent that has just ended may not have been able to read it, or have had no
// input that pins are of.
func (p *lonely) readUp(known map[wal.FileID]checkpoint.FileState) bool {
	for _, s := range known {
		if s.File.Identity.Inode == p.inode && int64(s.Offset) >= p.size {
			return true
		}
	}
	return p.size == 0
}

func (r *remains) count(l *look) error {
	waiting, err := contents(l.view(), l.acked)
	if err != nil {
		return err
	}
	r.blocks, r.Text = waiting.Blocks, waiting.Text
	return lettersOnDisk(r.DataDir, sink.Fields{}, func(*pipeline.Letter) error { r.Letters++; return nil })
}

// undelivered says that there is something that nobody else has, or may be.
func (r *remains) undelivered() bool {
	return r.blocks > 0 || r.Letters > 0 || r.Alone > 0 || r.doubt != nil
}

// tell says it to people.
func (r *remains) tell(out io.Writer) error {
	var w bytes.Buffer
	switch {
	case r.doubt != nil:
		fmt.Fprintf(&w, "What is not delivered can't be told: %v\n", r.doubt)
	case r.blocks == 0:
		fmt.Fprintln(&w, "All of the buffer is delivered.")
	case r.Unknown != "":
		fmt.Fprintf(&w, "PERHAPS NOT DELIVERED: %s of text in the buffer; %s.\n", size(r.Text), r.Unknown)
	default:
		fmt.Fprintf(&w, "NOT DELIVERED: up to %s of text in the buffer.\n", size(r.Text))
	}
	if r.Letters > 0 && r.doubt == nil {
		fmt.Fprintf(&w, "NOT DELIVERED: %d events that are kept as dead letters.\n", r.Letters)
	}
	if r.Alone > 0 {
		fmt.Fprintf(&w, "PERHAPS NOT READ: %d log files (%s) exist only as pins any more.\n", r.Alone, size(r.AloneText))
	}
	fmt.Fprintf(&w, "%d files and folders are to be removed from %s, %d pins among them; that frees %s.\n", r.Paths, r.DataDir, r.Pins, size(r.Frees))
	for i, name := range r.Strangers {
		if i == mostStrangers {
			fmt.Fprintf(&w, "and %d more.\n", len(r.Strangers)-i)
			break
		}
		fmt.Fprintf(&w, "Not ours, stays: %q\n", name)
	}
	_, err := out.Write(w.Bytes())
	return err
}

const mostStrangers = 10

// contents adds up the Segments that hold Blocks behind acked.
func contents(v wal.View, acked wal.Index) (sum wal.Contents, err error) {
	if _, err := os.Lstat(v.Dir); errors.Is(err, fs.ErrNotExist) {
		return sum, nil
	}
	r, err := wal.OpenReadOnly(v)
	if err != nil {
		return sum, err
	}
	defer r.Close()
	for _, s := range r.Segments() {
		if s.Last < s.First || s.Last <= acked {
			continue
		}
		c, err := r.Contents(s)
		if err != nil {
			return sum, err
		}
		sum.Blocks, sum.Records, sum.Text = sum.Blocks+c.Blocks, sum.Records+c.Records, sum.Text+c.Text
	}
	return sum, nil
}
