// Command check counts what the hot paths of the agent allocate and how many instructions they take, and holds that against a
// stored baseline. Both are steady where times are not: a machine that others keep busy gives the same counts.
//
// How: each path is a benchmark of its package (the table below). Allocations are what the benchmark itself reports for a fixed
// number of iterations. Instructions are counted by valgrind's cachegrind for n and for 2n iterations: the difference is n
// iterations without what came before the loop. The garbage collector is off and there is one processor, so that nothing
// else runs meanwhile. Where there is no valgrind, instructions are left out, and it says so.
//
// It costs half a minute, most of it compiling.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

// path is one hot path: what is done for each Block or bulk request.
type path struct {
	Package   string // import path
	Benchmark string // as -test.bench takes it
	N         int    // iterations
	What      string // one iteration
}

// Name is what the baseline calls it.
func (p *path) Name() string { return p.Package[len("logboom/"):] + " " + p.Benchmark }

var paths = []path{
	{"logboom/agent/tail", "Poll", 50, "read a Block of 256 KiB and find where its Events end"},
	{"logboom/agent/parse", "Scan", 30, "find where the Events of 250 KB of CRI lines end"},
	{"logboom/wal", "Append", 20, "encode, compress, append and fsync a Block"},
	{"logboom/wal", "Next", 400, "read, check and decompress a Block"},
	{"logboom/agent/parse", "Events", 30, "parse 250 KB of CRI lines"},
	{"logboom/sink", "Render/level=0", 3, "render 20,000 Events as bulk JSON"},
	{"logboom/sink", "Render/level=1", 3, "the same, into gzip"},
	{"logboom/sink", "Answer", 2, "read a bulk answer"},
}

type options struct {
	baseline string
	store    bool
	within   float64 // percent
}

func main() {
	var o options
	flag.StringVar(&o.baseline, "baseline", "bench/check/testdata/baseline.json", "stored counts")
	flag.BoolVar(&o.store, "store", false, "store what is counted as the baseline")
	flag.Float64Var(&o.within, "within", 5, "how many percent more than the baseline are no failure")
	flag.Parse()
	if flag.NArg() > 0 || o.within < 0 {
		fmt.Fprintln(os.Stderr, "check: -within is at least 0, and there are no further arguments")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	worse, err := run(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "check:", err)
		os.Exit(1)
	}
	if worse {
		os.Exit(1)
	}
}

// run counts, prints, and reports whether anything is worse than the baseline allows.
func run(ctx context.Context, o options) (worse bool, err error) {
	dir, err := os.MkdirTemp("", "logboom-check-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	m := meter{dir: dir, valgrind: findValgrind(), built: map[string]string{}}
	if m.valgrind == "" {
		fmt.Println("valgrind is missing (Debian: apt-get install valgrind): instructions are not counted")
	}
	now := Counts{Go: runtime.Version(), Arch: runtime.GOARCH, Valgrind: version(ctx, m.valgrind), Paths: map[string]Count{}}
	for i := range paths {
		p := &paths[i]
		c, err := m.count(ctx, p)
		if err != nil {
			return false, fmt.Errorf("%s: %w", p.Name(), err)
		}
		c.What = p.What
		now.Paths[p.Name()] = c
	}
	if o.store {
		return false, now.write(o.baseline)
	}
	before, err := readCounts(o.baseline)
	if err != nil {
		return false, err
	}
	c := compare(before, &now, o.within)
	fmt.Print(c.table())
	return c.worse(), nil
}
