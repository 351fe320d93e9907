package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// meter counts what benchmarks take.
type meter struct {
	dir      string            // for test binaries
	valgrind string            // path, or "" where there is none
	built    map[string]string // test binary of each package
}

func findValgrind() string {
	path, err := exec.LookPath("valgrind")
	if err != nil {
		return ""
	}
	return path
}

// version is what a program says of itself, or "".
func version(ctx context.Context, program string) string {
	if program == "" {
		return ""
	}
	out, err := exec.CommandContext(ctx, program, "--version").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// count runs one path.
func (m *meter) count(ctx context.Context, p *path) (Count, error) {
	binary, err := m.build(ctx, p.Package)
	if err != nil {
		return Count{}, err
	}
	c, err := m.allocations(ctx, binary, p)
	if err != nil || m.valgrind == "" {
		return c, err
	}
	c.Instructions, err = m.instructions(ctx, binary, p)
	return c, err
}

func (m *meter) build(ctx context.Context, pkg string) (string, error) {
	if binary, done := m.built[pkg]; done {
		return binary, nil
	}
	binary := filepath.Join(m.dir, strings.ReplaceAll(pkg, "/", "-")+".test")
	if out, err := exec.CommandContext(ctx, "go", "test", "-c", "-o", binary, pkg).CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the test: %w\n%s", err, out)
	}
	m.built[pkg] = binary
	return binary, nil
}

// output runs a benchmark for n iterations, with nothing beside it.
func (m *meter) output(ctx context.Context, p *path, n int, program string, args ...string) ([]byte, error) {
	pattern := "^Benchmark" + strings.ReplaceAll(p.Benchmark, "/", "$/^") + "$"
	args = append(args, "-test.run=^$", "-test.bench="+pattern, "-test.benchmem", "-test.cpu=1", fmt.Sprintf("-test.benchtime=%dx", n))
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = m.dir
	cmd.Env = append(os.Environ(), "GOGC=off", "GOMAXPROCS=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, out)
	}
	return out, nil
}

var reported = regexp.MustCompile(`\s(\d+) B/op\s+(\d+) allocs/op`)

func (m *meter) allocations(ctx context.Context, binary string, p *path) (Count, error) {
	out, err := m.output(ctx, p, p.N, binary)
	if err != nil {
		return Count{}, err
	}
	found := reported.FindSubmatch(out)
	if found == nil {
		return Count{}, fmt.Errorf("the benchmark %s reports no allocations:\n%s", p.Benchmark, out)
	}
	size, err := strconv.ParseInt(string(found[1]), 10, 64)
	if err != nil {
		return Count{}, err
	}
	allocs, err := strconv.ParseInt(string(found[2]), 10, 64)
	return Count{Allocations: allocs, Bytes: size}, err
}

// instructions is how many one iteration takes.
func (m *meter) instructions(ctx context.Context, binary string, p *path) (int64, error) {
	once, err := m.executed(ctx, binary, p, p.N)
	if err != nil {
		return 0, err
	}
	twice, err := m.executed(ctx, binary, p, 2*p.N)
	if err != nil {
		return 0, err
	}
	if twice <= once {
		return 0, fmt.Errorf("%d iterations took %d instructions, twice as many %d", p.N, once, twice)
	}
	return (twice - once) / int64(p.N), nil
}

var refs = regexp.MustCompile(`I\s+refs:\s+([\d,]+)`)

func (m *meter) executed(ctx context.Context, binary string, p *path, n int) (int64, error) {
	out, err := m.output(ctx, p, n, m.valgrind, "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", binary)
	if err != nil {
		return 0, err
	}
	found := refs.FindSubmatch(out)
	if found == nil || !bytes.Contains(out, []byte("ns/op")) {
		return 0, errors.New("valgrind counted nothing:\n" + string(out))
	}
	return strconv.ParseInt(strings.ReplaceAll(string(found[1]), ",", ""), 10, 64)
}
