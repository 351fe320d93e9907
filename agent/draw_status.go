package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"logboom/agent/status"
)

// mostFiles is how many Files a picture shows.
const mostFiles = 10

// drawStatus writes s for people, and rates where there is a Status from before.
func drawStatus(w io.Writer, s, before *status.Status) {
	drawProblems(w, s)
	a, d := &s.Account, &s.Delivery
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(what, format string, args ...any) { fmt.Fprintf(t, "%s\t%s\n", what, fmt.Sprintf(format, args...)) }
	row("agent", "%s on node %s, up %s", printable(s.Version), printable(s.Node), lasting(s.Now.Sub(s.Started)))
	row("read", "%s = delivered %s + waiting %s + dead letters %s + excluded %s + lost %s", size(a.Read), size(a.Acked), size(a.Waiting), size(a.DeadLetters),
		size(a.Excluded), size(a.LostRead))
	row("unread", "%s in %d known files, %d open; lost before reading: %s", size(a.Unread), s.FileCount, s.Intake.OpenFiles, size(a.LostUnread))
	row("buffer", "%s", buffer(s))
	row("backend", "%s", backendState(s))
	if m := &s.Metadata; m.Asked {
		row("pods", "%s", podState(m, s.Now))
	}
	row("events", "%d stored, %d were stored already, %d dead letters, since the start", d.Stored, d.Duplicates, d.DeadLetters)
	if before != nil {
		row("rates", "%s", rates(s, before))
	}
	t.Flush()
	drawFiles(w, s.Files)
}

// drawProblems says first what is wrong, or that nothing is.
func drawProblems(w io.Writer, s *status.Status) {
	if len(s.Problems) == 0 {
		fmt.Fprintln(w, "All is well: nothing is lost, nothing is stuck.")
	}
	for _, p := range s.Problems {
		line := strings.ToUpper(p.Severity) + ": " + p.What
		if p.Do != "" {
			line += ". What helps: " + p.Do
		}
		fmt.Fprintln(w, printable(line)+".")
	}
}

func buffer(s *status.Status) string {
	text := fmt.Sprintf("%s in %d segments", size(s.WAL.Bytes), s.WAL.Segments)
	if s.WAL.MaxBytes > 0 {
		text += fmt.Sprintf(", %.1f%% of %s", 100*float64(s.WAL.Bytes)/float64(s.WAL.MaxBytes), size(s.WAL.MaxBytes))
	}
	if !s.WAL.OldestBlock.IsZero() {
		text += ", the oldest waits for " + lasting(s.Now.Sub(s.WAL.OldestBlock))
	}
	if s.WAL.FullIn > 0 {
		text += ", full in " + lasting(time.Duration(s.WAL.FullIn)*time.Second) + " at the present rate"
	}
	if s.Intake.PinBytes > 0 {
		text += fmt.Sprintf("; rotated files that pins hold: %s", size(s.Intake.PinBytes))
	}
	return text
}

func backendState(s *status.Status) string {
	d := &s.Delivery
	text := "not tried yet"
	switch {
	case d.BackendUp:
		text = "answers"
	case d.LastError != "":
		text = "takes nothing"
	}
	if !d.LastAck.IsZero() {
		text += ", last acknowledgement " + lasting(s.Now.Sub(d.LastAck)) + " ago"
	}
	text += fmt.Sprintf(", %d batches on their way, up to %d requests at a time", d.InFlight, d.Parallel)
	if d.LastError != "" {
		text += "; last error"
		if !d.LastErrorAt.IsZero() {
			text += " " + lasting(s.Now.Sub(d.LastErrorAt)) + " ago"
		}
		text += ": " + printable(d.LastError)
	}
	if !d.NextRetry.IsZero() {
		text += "; " + attempt(d.NextRetry.Sub(s.Now))
	}
	return text
}

func podState(m *status.Metadata, now time.Time) string {
	text := fmt.Sprintf("%d known", m.Pods)
	if m.Error != "" {
		text += fmt.Sprintf("; the Kubernetes API has not answered for %s: %s", lasting(now.Sub(m.Since)), printable(m.Error))
	}
	return text
}

// attempt says when the next one is.
func attempt(in time.Duration) string {
	if in <= 0 {
		return "an attempt is on its way"
	}
	return "next attempt in " + lasting(in)
}

// rates says how fast bytes come and go.
func rates(s, before *status.Status) string {
	seconds := s.Now.Sub(before.Now).Seconds()
	if seconds <= 0 || !s.Started.Equal(before.Started) {
		return "the agent was started anew"
	}
	per := func(now, then int64) float64 { return float64(now-then) / seconds }
	text := fmt.Sprintf("read %s/s, delivered %s/s", size(int64(per(s.Intake.ReadBytes, before.Intake.ReadBytes))),
		size(int64(per(s.Delivery.AckedBytes, before.Delivery.AckedBytes))))
	return text
}

// drawFiles lists the Files that are behind or can't be read: they come first in a Status.
func drawFiles(w io.Writer, files []status.File) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	defer t.Flush()
	for i, f := range files {
		if f.Lag == 0 && f.Error == "" || i == mostFiles {
			return
		}
		if i == 0 {
			fmt.Fprintln(t, "\nBEHIND\tSTATE\tFILE")
		}
		fmt.Fprintf(t, "%s\t%s\t%q\n", size(f.Lag), f.State, f.Path)
	}
}
