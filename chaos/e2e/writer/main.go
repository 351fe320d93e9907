// Command writer is the program in the test's containers: it prints a numbered.Plan at a steady rate and then stays,
// ends, or crashes.
//
//	writer --name steady --count 30000 --rate 1000 --stderr 10
//
// With --crashes N the first N attempts exit with status 1; a file in --state counts them, and the attempt's number
// stands in the streams' names. With --last-words N the plan's last N messages are printed only after SIGTERM, right
// before the end, as a program does that says goodbye. With --file NAME all goes into a file.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"logboom/chaos/e2e/numbered"
)

type options struct {
	plan      numbered.Plan
	rate      float64 // messages a second; 0: no limit
	crashes   int
	state     string
	lastWords int64
	file      string
	openEnd   bool
	exit      bool
}

func main() {
	var o options
	flag.StringVar(&o.plan.Name, "name", "writer", "begins the names of the streams")
	flag.Int64Var(&o.plan.Count, "count", 1000, "messages of an attempt")
	flag.Int64Var(&o.plan.Stderr, "stderr", 0, "each n-th message goes to standard error")
	flag.Int64Var(&o.plan.Long, "long", 0, "each n-th message is a long one")
	flag.Int64Var(&o.plan.Binary, "binary", 0, "each n-th message is not UTF-8")
	flag.BoolVar(&o.plan.JSON, "json", false, "messages are JSON objects")
	flag.Float64Var(&o.rate, "rate", 0, "messages a second; 0: as fast as they are taken")
	flag.IntVar(&o.crashes, "crashes", 0, "attempts that exit with status 1; the next one stays")
	flag.StringVar(&o.state, "state", "/state", "folder that survives a crash")
	flag.Int64Var(&o.lastWords, "last-words", 0, "messages of the count that are printed after SIGTERM")
	flag.StringVar(&o.file, "file", "", "log into this file, not to the outputs")
	flag.BoolVar(&o.openEnd, "open-end", false, "the last message has no newline")
	flag.BoolVar(&o.exit, "exit", false, "exit with status 0 after the last message")
	flag.Parse()
	status, err := run(o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "writer:", err)
		os.Exit(2)
	}
	os.Exit(status)
}

// run prints the attempt's messages and returns its exit status.
func run(o options) (int, error) {
	attempt := 0
	if o.crashes > 0 {
		var err error
		if attempt, err = nextAttempt(filepath.Join(o.state, "attempt")); err != nil {
			return 0, err
		}
	}
	o.plan.Name += "/" + strconv.Itoa(attempt)
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	if err := o.print(term); err != nil {
		return 0, err
	}
	switch {
	case attempt < o.crashes:
		return 1, nil
	case !o.exit && o.lastWords == 0:
		<-term
	}
	return 0, nil
}

// nextAttempt counts the starts of this container.
func nextAttempt(path string) (int, error) {
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return 0, err
	}
	n := 0
	if err == nil {
		if n, err = strconv.Atoi(strings.TrimSpace(string(data))); err != nil {
			return 0, fmt.Errorf("%s: %w", path, err)
		}
	}
	return n, os.WriteFile(path, []byte(strconv.Itoa(n+1)), 0o600)
}

// print writes the plan, each message with its newline. What is due is flushed before each wait.
func (o options) print(term <-chan os.Signal) error {
	outputs := [2]*bufio.Writer{bufio.NewWriterSize(os.Stdout, 64<<10), bufio.NewWriterSize(os.Stderr, 64<<10)}
	if o.file != "" {
		file, err := os.OpenFile(o.file, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
		if err != nil {
			return err
		}
		defer file.Close()
		outputs[0].Reset(file)
		outputs[1] = outputs[0]
	}
	flush := func() error { return errors.Join(outputs[0].Flush(), outputs[1].Flush()) }
	start := time.Now()
	var printed int64
	err := o.plan.Each(func(_ string, _ int64, stderr bool, text []byte) error {
		if o.lastWords > 0 && printed == o.plan.Count-o.lastWords {
			if err := flush(); err != nil {
				return err
			}
			<-term
		}
		if due := start.Add(time.Duration(float64(printed) / max(o.rate, 1e-9) * float64(time.Second))); o.rate > 0 && time.Until(due) > time.Millisecond {
			if err := flush(); err != nil {
				return err
			}
			time.Sleep(time.Until(due))
		}
		w := outputs[0]
		if stderr {
			w = outputs[1]
		}
		printed++
		if _, err := w.Write(text); err != nil || o.openEnd && printed == o.plan.Count {
			return err
		}
		return w.WriteByte('\n')
	})
	return errors.Join(err, flush())
}
