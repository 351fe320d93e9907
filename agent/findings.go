package main

import (
	"fmt"
	"io"

	"logboom/wal"
)

// findings tells what verify finds, a line for each thing. The first error of writing stays.
type findings struct {
	w    io.Writer
	json bool
	err  error
}

// fault is one thing that is wrong.
type fault struct {
	What   string     `json:"what"` // fault
	Folder string     `json:"folder"`
	Path   string     `json:"path,omitempty"` // of the log file whose bytes are hit; "" where nothing tells
	Start  wal.Offset `json:"start"`
	End    wal.Offset `json:"end"`
	Block  wal.Index  `json:"block"` // it is in this one, or was found there
	Text   string     `json:"text"`
}

// tally is what was read of a folder.
type tally struct {
	What    string `json:"what"` // read
	Folder  string `json:"folder"`
	Blocks  int    `json:"blocks"`
	Records int    `json:"records"`
	Files   int    `json:"files"`
	Text    int64  `json:"text_bytes"`
	Faults  int    `json:"faults"`
}

// progress is how far delivery is.
type progress struct {
	What    string    `json:"what"` // delivery
	DataDir string    `json:"data_dir"`
	Acked   wal.Index `json:"acked"`
	Unknown string    `json:"unknown,omitempty"` // why acked is 0, where there may be more
}

func (f *findings) fault(x fault) {
	x.What = "fault"
	f.line(x, "%s: %s", x.Folder, x.Text)
}

func (f *findings) read(s tally) {
	verdict := "whole"
	if s.Faults > 0 {
		verdict = fmt.Sprintf("%d faults", s.Faults)
	}
	s.What = "read"
	f.line(s, "%s: %d blocks, %d records of %d files, %s of text: %s", s.Folder, s.Blocks, s.Records, s.Files, size(s.Text), verdict)
}

func (f *findings) delivery(l *look) {
	p := progress{What: "delivery", DataDir: l.dataDir, Acked: l.acked}
	if l.unknown != nil {
		p.Unknown = l.unknown.Error()
	}
	f.line(p, "%s: %s.", l.dataDir, l.delivered())
}

// line writes one of them, as v or in words.
func (f *findings) line(v any, format string, args ...any) {
	var err error
	if f.json {
		err = printJSON(f.w, v)
	} else {
		_, err = fmt.Fprintf(f.w, format+"\n", args...)
	}
	if f.err == nil {
		f.err = err
	}
}
