package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
)

// Counts is what the baseline holds.
type Counts struct {
	Go       string           `json:"go"` // whose compiler and runtime were counted
	Arch     string           `json:"arch"`
	Valgrind string           `json:"valgrind,omitempty"`
	Paths    map[string]Count `json:"paths"`
}

// Count is what one iteration of a path takes.
type Count struct {
	What         string `json:"what"`
	Allocations  int64  `json:"allocations"`
	Bytes        int64  `json:"allocated_bytes"`
	Instructions int64  `json:"instructions,omitempty"` // 0: not counted
}

func readCounts(file string) (*Counts, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var c Counts
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &c, nil
}

func (c *Counts) write(file string) error {
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(data, '\n'), 0o644)
}

// line compares one quantity of a path.
type line struct {
	path, quantity string
	before, now    int64
	worse          bool
}

// comparison is now against before.
type comparison struct {
	lines []line
	notes []string
}

// slack is how much more than the baseline is no failure, besides the percentage: a buffer that happens to grow once more.
var slack = map[string]int64{"allocations": 1, "allocated bytes": 4096, "instructions": 0}

// compare holds each path against the baseline. Instructions depend on the compiler and on what valgrind's processor can do, so
// those of another release are not compared.
func compare(before, now *Counts, within float64) *comparison {
	c := &comparison{}
	same := before.Go == now.Go && before.Arch == now.Arch && before.Valgrind == now.Valgrind
	if !same {
		c.notes = append(c.notes, fmt.Sprintf("Instructions are not compared: the baseline is of %s %s %s, this is %s %s %s.",
			before.Go, before.Arch, before.Valgrind, now.Go, now.Arch, now.Valgrind))
	}
	for _, name := range slices.Sorted(maps.Keys(before.Paths)) {
		b := before.Paths[name]
		n, counted := now.Paths[name]
		if !counted {
			c.lines = append(c.lines, line{path: name, quantity: "is counted no longer", worse: true})
			continue
		}
		c.add(name, "allocations", b.Allocations, n.Allocations, within)
		c.add(name, "allocated bytes", b.Bytes, n.Bytes, within)
		if same && b.Instructions > 0 && n.Instructions > 0 {
			c.add(name, "instructions", b.Instructions, n.Instructions, within)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(now.Paths)) {
		if _, known := before.Paths[name]; !known {
			c.lines = append(c.lines, line{path: name, quantity: "is not in the baseline: -store it", worse: true})
		}
	}
	return c
}

func (c *comparison) add(path, quantity string, before, now int64, within float64) {
	most := float64(before)*(1+within/100) + float64(slack[quantity])
	c.lines = append(c.lines, line{path: path, quantity: quantity, before: before, now: now, worse: float64(now) > most})
}

func (c *comparison) worse() bool {
	return slices.ContainsFunc(c.lines, func(l line) bool { return l.worse })
}

func (c *comparison) table() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "path\tof one iteration\tbaseline\tnow\t\t")
	for _, l := range c.lines {
		change, verdict := "", ""
		if l.before > 0 {
			change = fmt.Sprintf("%+.1f %%", 100*(float64(l.now)/float64(l.before)-1))
		}
		if l.worse {
			verdict = "WORSE"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\t%s\n", l.path, l.quantity, l.before, l.now, change, verdict)
	}
	w.Flush()
	for _, note := range c.notes {
		fmt.Fprintln(&b, note)
	}
	return b.String()
}
