// Command bench measures the built binary from outside: how much CPU, memory and disk the agent takes to bring a corpus
// of log files into a backend that only counts.
//
// It promises figures that can be compared: the same text every time, an agent with an empty data directory and
// everything switched on, a count of documents that must be right, `gzip -1` of the same files timed before and after
// every run as the unit, and the part of the machine that others had meanwhile. README.md says what each figure is and how
// it is taken.
//
// It costs the room of the corpora, as much again for the agent's data directory at worst, and about a minute.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"logboom/bench/corpus"
)

// options are the command line.
type options struct {
	corpora string
	bytes   float64 // 0: as in the table
	files   int     // 0: as in the table
	seed    uint64
	runs    int
	dir     string
	logboom string
	backend string
	timeout time.Duration // of one run
	keep    bool
	check   bool

	rates      string // lines a second of the live runs, separated by commas
	seconds    float64
	outage     time.Duration // 0: none
	outageRate float64

	peers     bool
	collector string
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == unitCommand {
		if err := compressAll(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	var o options
	var names []string
	for _, spec := range corpus.Table {
		names = append(names, spec.Name)
	}
	flag.StringVar(&o.corpora, "corpus", "text8", "corpora to measure, separated by commas: "+strings.Join(names, ", "))
	flag.Float64Var(&o.bytes, "bytes", 0, "size of each corpus in bytes, such as 50e6; 0: its own")
	flag.IntVar(&o.files, "files", 0, "number of files of each corpus; 0: its own")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the text")
	flag.IntVar(&o.runs, "runs", 3, "runs of the agent on each corpus")
	flag.StringVar(&o.dir, "dir", "tmp/bench", "folder for corpora, data directories and result.json")
	flag.StringVar(&o.logboom, "logboom", "bin/logboom", "the agent's binary")
	flag.StringVar(&o.backend, "backend", "bin/backend", "the embedded backend's binary")
	flag.DurationVar(&o.timeout, "timeout", 10*time.Minute, "how long one run may take")
	flag.BoolVar(&o.keep, "keep", false, "keep the folders of the runs: configuration, logs, data directory")
	flag.BoolVar(&o.check, "check", false, "exit with 1 when a bar is missed")
	flag.StringVar(&o.rates, "live", "", "lines a second of live runs, separated by commas, such as 1000,10000,50000")
	flag.Float64Var(&o.seconds, "seconds", 6, "how long a live run counts CPU, and then as long again times lines")
	flag.DurationVar(&o.outage, "outage", 0, "length of an outage of the backend, to be caught up with while lines are written; 0: none")
	flag.Float64Var(&o.outageRate, "outage-rate", 10000, "lines a second during the outage and after it")
	flag.BoolVar(&o.peers, "peers", false, "measure other forwarders beside the agent, and what each loses")
	flag.StringVar(&o.collector, "otelcol", "tmp/peers/otelcol", "the OpenTelemetry Collector that bench/peers/otelcol/build.sh makes")
	flag.Parse()
	if flag.NArg() > 0 || o.runs < 1 || o.bytes < 0 || o.files < 0 {
		fmt.Fprintln(os.Stderr, "bench: at least one run, sizes that are not negative, and no further arguments")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	measure := run
	if o.peers {
		measure = runPeers
	}
	passed, err := measure(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	if o.check && !passed {
		os.Exit(1)
	}
}

// run measures what o asks for, prints it, and reports whether every bar was reached.
func run(ctx context.Context, o options) (passed bool, err error) {
	specs, err := chosen(o)
	if err != nil {
		return false, err
	}
	m, err := newMeter(o)
	if err != nil {
		return false, err
	}
	agent, err := describeAgent(ctx, m.agent)
	if err != nil {
		return false, err
	}
	report := Report{When: time.Now().UTC(), Machine: describeMachine(m.dir), Agent: agent}
	fmt.Print(report.heading())
	passed = true
	for _, spec := range specs {
		result, err := m.measure(ctx, spec)
		if err != nil {
			return false, fmt.Errorf("%s: %w", spec.Name, err)
		}
		report.Results = append(report.Results, *result)
		fmt.Print(result.table())
		passed = passed && result.passed()
	}
	if err := m.steady(ctx, o, &report); err != nil {
		return false, err
	}
	fmt.Print(liveTable(report.Live))
	if report.Outage != nil {
		fmt.Print(report.Outage.table())
		passed = passed && report.Outage.passed()
	}
	return passed, m.write("result.json", &report)
}

// steady measures what containers that log at a steady rate cost, and an outage.
func (m *meter) steady(ctx context.Context, o options, report *Report) error {
	for text := range strings.SplitSeq(o.rates, ",") {
		if text == "" {
			continue
		}
		rate, err := strconv.ParseFloat(text, 64)
		if err != nil || rate <= 0 {
			return fmt.Errorf("-live %s: %q is no rate", o.rates, text)
		}
		l, err := m.measureLive(ctx, rate, time.Duration(o.seconds*float64(time.Second)))
		if err != nil {
			return fmt.Errorf("%s lines/s: %w", text, err)
		}
		progress("%s lines/s: measured", text)
		report.Live = append(report.Live, *l)
	}
	if o.outage == 0 {
		return nil
	}
	outage, err := m.measureOutage(ctx, o.outageRate, o.outage)
	if err != nil {
		return fmt.Errorf("outage: %w", err)
	}
	progress("outage: measured")
	report.Outage = outage
	return nil
}

// runPeers measures the agent and its peers side by side, and what each of them loses.
func runPeers(ctx context.Context, o options) (passed bool, err error) {
	specs, err := chosen(o)
	if err != nil {
		return false, err
	}
	m, err := newMeter(o)
	if err != nil {
		return false, err
	}
	report := PeerReport{When: time.Now().UTC(), Machine: describeMachine(m.dir)}
	fmt.Print(report.Machine.heading())
	for _, spec := range specs {
		sides, err := m.compareSides(ctx, spec)
		if err != nil {
			return false, fmt.Errorf("%s: %w", spec.Name, err)
		}
		report.Sides = append(report.Sides, *sides)
		fmt.Print(sides.table())
	}
	if report.Losses, err = m.compareLosses(ctx); err != nil {
		return false, err
	}
	fmt.Print(lossTable(report.Losses))
	return true, m.write("peers.json", &report)
}

// write keeps all figures of a report as JSON under that name, and beside it its plots.
func (m *meter) write(name string, report interface {
	draw(dir string) ([]string, error)
}) error {
	path := filepath.Join(m.dir, name)
	if err := writeJSON(path, report); err != nil {
		return err
	}
	plots, err := report.draw(m.dir)
	if err != nil {
		return err
	}
	fmt.Printf("\nAll figures of all runs: %s\n", strings.Join(append([]string{path}, plots...), " "))
	return nil
}

// chosen returns the corpora of the command line.
func chosen(o options) ([]corpus.Spec, error) {
	var specs []corpus.Spec
	for name := range strings.SplitSeq(o.corpora, ",") {
		i := slices.IndexFunc(corpus.Table, func(s corpus.Spec) bool { return s.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("no corpus is named %q; -help lists them", name)
		}
		spec := corpus.Table[i]
		spec.Seed = o.seed
		if o.bytes > 0 {
			spec.Bytes = int64(o.bytes)
		}
		if o.files > 0 {
			spec.Files = o.files
		}
		specs = append(specs, spec)
	}
	return specs, nil
}

// patience is longer than any forwarder here waits before it tries again.
const patience = 15 * time.Second

// newMeter makes the paths absolute, because the agent's configuration needs that, and checks that all is there.
func newMeter(o options) (*meter, error) {
	m := &meter{runs: o.runs, timeout: o.timeout, quiet: patience, keep: o.keep}
	for path, given := range map[*string]string{&m.dir: o.dir, &m.agent: o.logboom, &m.backend: o.backend, &m.collector: o.collector} {
		absolute, err := filepath.Abs(given)
		if err != nil {
			return nil, err
		}
		*path = absolute
	}
	for _, binary := range []string{m.agent, m.backend} {
		if _, err := os.Stat(binary); errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("%w (make build makes it)", err)
		} else if err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(m.dir, 0o755); err != nil {
		return nil, err
	}
	var err error
	if m.unit, err = findUnit(); err != nil {
		return nil, err
	}
	m.accounted, err = accountsWrites(m.dir)
	return m, err
}
