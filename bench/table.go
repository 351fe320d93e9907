package main

import (
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
)

// heading says on what the figures below it were taken.
func (r *Report) heading() string {
	return r.Machine.heading() + fmt.Sprintf("%s, %.1f MB\n", r.Agent.Version, float64(r.Agent.Bytes)/MB)
}

func (m *Machine) heading() string {
	return fmt.Sprintf("%s, %d cores, %.0f GB, Linux %s, %s; load %.1f\n", m.CPU, m.Cores, float64(m.Memory)/GB, m.Kernel, m.FileSystem, m.Load)
}

// table shows the figures of one corpus.
func (r *Result) table() string {
	var b strings.Builder
	c := &r.Corpus
	fmt.Fprintf(&b, "\n%s: %.0f MB, %d Events in %d files, seed %d; %d runs; the unit is %s\n",
		c.Name, float64(c.Bytes)/MB, c.Events, c.Files, c.Seed, len(r.Runs), r.Unit)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tmedian\tmin\tmax\t\t")
	for _, f := range r.Figures {
		fmt.Fprintf(w, "%s, %s\t%s\t%s\t%s\t%s\t\n", f.Name, f.Unit, digits(f.Median), digits(f.Min), digits(f.Max), f.verdict())
	}
	w.Flush()
	fmt.Fprintf(&b, "written to disk: %s\n", r.DiskSource)
	if share, much := r.busy(); much {
		fmt.Fprintf(&b, "THE MACHINE WAS BUSY: other processes had up to %.0f %% of it. Times are too long, CPU figures too high by an\n"+
			"unknown amount, and a bar that is near is neither reached nor missed: do it again when it is quiet.\n", 100*share)
	}
	return b.String()
}

func (f *Figure) verdict() string {
	switch {
	case f.Bar == 0:
		return ""
	case f.Missed:
		return fmt.Sprintf("over the bar of %v", f.Bar)
	}
	return fmt.Sprintf("within the bar of %v", f.Bar)
}

// digits shows a figure with three digits or more, and no more than two decimals unless it is small.
func digits(v float64) string {
	switch {
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case v >= 1:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'f', 3, 64)
}
