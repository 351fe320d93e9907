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
	case f.Missed && f.AtLeast:
		return fmt.Sprintf("under the bar of %v", f.Bar)
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

// liveTable is Markdown, to be pasted.
func liveTable(list []Live) string {
	if len(list) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n%d files, %.0f s each: CPU of one core; ms from a line's writing until it is durable, and until the backend has it\n\n", list[0].Files, list[0].Seconds)
	fmt.Fprint(&b, "| lines/s | CPU, % | CPU, s/GB | peak RSS, MB | durable, p50 | p99 | worst | stored, p50 | p99 | worst | others, % |\n|"+strings.Repeat("---:|", 11)+"\n")
	for i := range list {
		l := &list[i]
		fmt.Fprintf(&b, "| %.0f |", l.Rate)
		for _, v := range []float64{100 * l.CPU, l.CPUGB, float64(l.PeakRSS) / MB, 1e3 * l.Durable.Median, 1e3 * l.Durable.P99, 1e3 * l.Durable.Worst,
			1e3 * l.Stored.Median, 1e3 * l.Stored.P99, 1e3 * l.Stored.Worst, 100 * l.Others} {
			fmt.Fprintf(&b, " %s |", digits(v))
		}
		fmt.Fprintln(&b)
	}
	return b.String()
}

func (o *Outage) table() string {
	verdict := "within"
	if !o.passed() {
		verdict = "under"
	}
	return fmt.Sprintf("\nOutage of %.0f s at %.0f lines/s: the backlog of %d lines was gone %.2f s after the backend was back, the first line came after\n"+
		"%.2f s; from then on %s times the live rate: %s the bar of %d; other processes had %.0f %% of the machine\n",
		o.Seconds, o.Rate, o.Backlog, o.Drain, o.First, digits(o.Times), verdict, fastEnough, 100*o.Others)
}
