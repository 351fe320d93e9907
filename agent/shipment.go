package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"logboom/agent/pipeline"
	"logboom/checkpoint"
	"logboom/sink"
	"logboom/wal"
)

// pinsDir is the folder of a data directory that holds hard links of log files.
const pinsDir = "pins"

// shipment is what wal ship says at its end: what became of everything, and what is left for an agent.
type shipment struct {
	DataDir    string    `json:"data_dir"`
	Copy       bool      `json:"copy"`
	Done       bool      `json:"done"`
	Acked      wal.Index `json:"acked"` // of a copy nothing of it is noted
	Durable    wal.Index `json:"durable"`
	Stored     int64     `json:"stored"`
	Duplicates int64     `json:"duplicates"`
	Refused    int64     `json:"refused"`
	Losses     int64     `json:"losses"`
	PodsPinned int       `json:"pods_pinned"` // with log files that may not have been read to their end
	Letters    *int      `json:"dead_letters"`
	Unknown    string    `json:"dead_letters_unknown,omitempty"` // why Letters is null; "" where a running agent has them
}

func shipmentOf(dataDir string, s *pipeline.Shipped, copied bool) *shipment {
	x := &shipment{DataDir: dataDir, Copy: copied, Done: s.Done(), Acked: s.Acked, Durable: s.Durable,
		Stored: s.Stored, Duplicates: s.Duplicates, Refused: s.DeadLetters, Losses: s.Losses}
	if pins, err := os.ReadDir(filepath.Join(dataDir, pinsDir)); err == nil {
		x.PodsPinned = len(pins)
	}
	x.countLetters()
	return x
}

// countLetters counts Events that still wait as dead letters, also from before: ship leaves them to an agent.
func (s *shipment) countLetters() {
	if held, _ := checkpoint.Held(s.DataDir); held {
		return // its agent tells
	}
	dead := 0
	if err := lettersOnDisk(s.DataDir, sink.Fields{}, func(*pipeline.Letter) error { dead++; return nil }); err != nil {
		s.Unknown = err.Error()
		return
	}
	s.Letters = &dead
}

// tell says it to people.
func (s *shipment) tell(out io.Writer) error {
	var w bytes.Buffer
	dead := filepath.Join(s.DataDir, deadDir)
	fmt.Fprintf(&w, "%d events were stored, %d had been stored before.\n", s.Stored, s.Duplicates)
	where, ledger := " and are in "+dead, "; logboom ledger lists them"
	if s.Copy {
		where, ledger = ": only the original keeps them", ""
	}
	if s.Refused > 0 {
		fmt.Fprintf(&w, "%d events were refused by the backend%s.\n", s.Refused, where)
	}
	if s.Losses > 0 {
		fmt.Fprintf(&w, "%d ranges of the buffer can't be read%s.\n", s.Losses, ledger)
	}
	if s.Copy {
		fmt.Fprintf(&w, "Nothing was changed in %s. Its agent, should it run again, sends the same events again: the backend knows them by their ids.\n", s.DataDir)
	}
	if s.PodsPinned > 0 {
		fmt.Fprintf(&w, "%s holds log files of %d pods that may not have been read to their end: only an agent on that node reads them.\n",
			filepath.Join(s.DataDir, pinsDir), s.PodsPinned)
	}
	if s.Unknown != "" {
		fmt.Fprintf(&w, "Whether %s holds dead letters can't be told: %v\n", dead, s.Unknown)
	} else if s.Letters != nil && *s.Letters > 0 {
		fmt.Fprintf(&w, "%s holds %d events in all: logboom deadletter lists them. Only an agent sends them again.\n", dead, *s.Letters)
	}
	_, err := out.Write(w.Bytes())
	return err
}
