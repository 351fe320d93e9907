package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"strings"
	"time"
)

// verdict is what became of a mutation.
type verdict struct {
	kind kind
	test string // caughtBy: the first that failed
	why  string // of a mutation that proves nothing
}

type kind int

const (
	survived kind = iota // no test noticed
	caughtBy
	useless // the mutation proves nothing: it does not compile, or the test fails without it too
)

func (v verdict) String() string {
	switch v.kind {
	case caughtBy:
		return v.test
	case useless:
		return "PROVES NOTHING: " + v.why
	}
	return "SURVIVED"
}

// testLimit is how long one run of tests may take: a mutation may make them wait for ever, and that counts as noticed.
const testLimit = 3 * time.Minute

// try breaks the product as m says, and runs the test that should notice; where that does not, all tests of the package.
func try(ctx context.Context, root string, m *mutation) (verdict, error) {
	dir, err := os.MkdirTemp("", "mutation-")
	if err != nil {
		return verdict{}, err
	}
	defer os.RemoveAll(dir)
	overlay, err := m.overlay(root, dir)
	if err != nil {
		return verdict{}, err
	}
	var failed string
	for _, pattern := range []string{m.test, "."} {
		o, err := test(ctx, root, m.pkg, pattern, overlay)
		if err != nil {
			return verdict{}, err
		}
		if o.unbuilt {
			return verdict{kind: useless, why: "it does not compile: " + o.output}, nil
		}
		if failed = o.failed; failed != "" {
			break
		}
	}
	if failed == "" {
		return verdict{}, nil
	}
	// With the cache of test results, this costs something once only.
	o, err := test(ctx, root, m.pkg, "^"+failed+"$", "")
	if err != nil {
		return verdict{}, err
	}
	if !o.passed {
		return verdict{kind: useless, why: failed + " fails without it too"}, nil
	}
	return verdict{kind: caughtBy, test: path.Base(m.pkg) + "." + failed}, nil
}

// outcome is what a run of tests gave.
type outcome struct {
	passed  bool
	unbuilt bool
	failed  string // the first test that failed
	output  string // of the compiler
}

// test runs the tests of pkg that match pattern, with an overlay if there is one. That is told by the environment, because
// some tests build the agent themselves.
func test(ctx context.Context, root, pkg, pattern, overlay string) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*testLimit)
	defer cancel()
	args := []string{"test", "-json", "-vet=off", "-failfast", "-timeout", testLimit.String(), "-run", pattern}
	env := os.Environ()
	if overlay != "" {
		args, env = append(args, "-count=1"), append(env, "GOFLAGS="+os.Getenv("GOFLAGS")+" -overlay="+overlay)
	}
	c := exec.CommandContext(ctx, "go", append(args, "./"+pkg)...)
	c.Dir, c.Env = root, env
	var stderr bytes.Buffer
	c.Stderr = &stderr
	text, err := c.Output()
	if ctx.Err() != nil {
		return outcome{}, ctx.Err()
	}
	o := read(text)
	o.passed = err == nil
	if err != nil && o.failed == "" && !o.unbuilt {
		return o, fmt.Errorf("go test %s: %w: %s", pkg, err, strings.TrimSpace(stderr.String()))
	}
	return o, nil
}

// read reads what go test -json says. A test that panics, or is stopped by the time limit, is told as failed, too; one that
// takes the whole process with it is the one that was begun and had no end.
func read(text []byte) (o outcome) {
	begun := ""
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var e struct{ Action, Test, Output string }
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			continue
		}
		switch {
		case e.Action == "build-output" && len(o.output) < 300:
			o.output += strings.Join(strings.Fields(e.Output), " ") + " "
		case e.Action == "build-fail":
			o.unbuilt = true
		case e.Action == "run":
			begun = e.Test
		case e.Action == "fail" && o.failed == "" && !o.unbuilt:
			o.failed, _, _ = strings.Cut(cmp.Or(e.Test, begun), "/")
		case e.Action == "pass" && e.Test == begun:
			begun = ""
		}
	}
	return o
}
