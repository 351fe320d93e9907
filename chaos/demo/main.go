// Command demo shows the promise in half a minute: it writes container logs as a kubelet does, lets the agent ship them
// to the embedded backend, kills first the backend and then the agent with SIGKILL, and at the end counts every line.
//
//	go run ./chaos/demo --logboom bin/logboom --backend bin/backend --dir tmp/demo
//
// It exits with 0 only when every line that was written is stored exactly once, byte for byte and in order. It knows the
// agent by its command line, its configuration, its status page and what it stored, and by nothing else.
//
// Everything is below --dir and stays there for a look afterwards; servers listen on free ports of 127.0.0.1; children
// are ended by their process id, also on Ctrl-C, and die with the demo if that is killed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	logboom, backend, dir string

	rate  float64 // lines a second
	seed  uint64
	write time.Duration // how long logs are written

	backendKill, backendBack time.Duration // after the start
	agentKill, agentBack     time.Duration

	limit time.Duration // all in all
}

func parseFlags() (options, error) {
	var o options
	flag.StringVar(&o.logboom, "logboom", "bin/logboom", "the agent's binary")
	flag.StringVar(&o.backend, "backend", "bin/backend", "the embedded backend's binary")
	flag.StringVar(&o.dir, "dir", "tmp/demo", "folder for everything; emptied at the start")
	flag.Float64Var(&o.rate, "rate", 20000, "lines a second that all containers write together")
	flag.Uint64Var(&o.seed, "seed", 1, "decides what the lines say")
	flag.DurationVar(&o.write, "write", 20*time.Second, "how long the containers write")
	flag.DurationVar(&o.backendKill, "backend-kill", 4*time.Second, "when the backend is killed")
	flag.DurationVar(&o.backendBack, "backend-back", 8*time.Second, "when it is started again")
	flag.DurationVar(&o.agentKill, "agent-kill", 10500*time.Millisecond, "when the agent is killed")
	flag.DurationVar(&o.agentBack, "agent-back", 14500*time.Millisecond, "when it is started again")
	flag.DurationVar(&o.limit, "limit", 60*time.Second, "when the demo ends, whatever has been delivered by then")
	flag.Parse()
	switch {
	case flag.NArg() > 0:
		return o, fmt.Errorf("unknown argument %q", flag.Arg(0))
	case o.backendKill >= o.backendBack || o.agentKill >= o.agentBack:
		return o, errors.New("what is killed must be started again later")
	case max(o.backendBack, o.agentBack) >= o.write || o.write+20*time.Second > o.limit:
		return o, errors.New("want both restarts before the end of writing, and that 20 s before the limit")
	case o.rate < 100 || o.rate > 200000:
		return o, errors.New("rate: want 100 to 200000")
	}
	return o, nil
}

func main() {
	// Children are started by this thread, which lives as long as the process: they are killed when it ends.
	runtime.LockOSThread()
	o, err := parseFlags()
	if err != nil {
		fmt.Fprintf(os.Stderr, "demo: %v\n", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintf(os.Stderr, "\ndemo: FAILED: %v\n  look at agent.log, backend.log and agent.yaml in %s\n", err, o.dir)
		os.Exit(1)
	}
}

// run sets the stage, plays, and compares.
func run(ctx context.Context, o options) error {
	s, err := setUp(ctx, o)
	if err != nil {
		return err
	}
	defer s.close()
	s.announce()
	if err := s.play(ctx); err != nil {
		return err
	}
	return s.compare(ctx)
}
