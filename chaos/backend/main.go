// Command backend is the embedded backend: one process that answers like Elasticsearch 7.17 where it answers at all,
// keeps what it acknowledged across a SIGKILL, and misbehaves when it is told to. It serves demos, tests and benchmarks;
// README.md says what it can do.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"logboom/chaos/backend/api"
	"logboom/chaos/backend/store"
)

type options struct {
	listen, data, pidFile string
	countOnly             bool
}

func main() {
	var o options
	flag.StringVar(&o.listen, "listen", "127.0.0.1:9200", "address to serve; port 0 takes a free one")
	flag.StringVar(&o.data, "data", "", "folder for the documents")
	flag.BoolVar(&o.countOnly, "count-only", false, "keep nothing, only count: for benchmarks")
	flag.StringVar(&o.pidFile, "pid-file", "", "file to write the process id to")
	flag.Parse()
	if flag.NArg() > 0 || (o.data == "") != o.countOnly {
		fmt.Fprintln(os.Stderr, "backend: give either --data DIR or --count-only, and no further arguments")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		log.Fatalf("backend: %v", err)
	}
}

func run(ctx context.Context, o options) error {
	var st *store.Store
	if !o.countOnly {
		var err error
		start := time.Now()
		if st, err = open(ctx, o.data); err != nil {
			return fmt.Errorf("open %s: %w", o.data, err)
		}
		defer st.Close()
		log.Printf("%s: %d indices read in %v", o.data, len(st.Names()), time.Since(start).Round(time.Millisecond))
	}
	listener, err := net.Listen("tcp", o.listen)
	if err != nil {
		return err
	}
	if o.pidFile != "" {
		if err := os.WriteFile(o.pidFile, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600); err != nil {
			return err
		}
		defer os.Remove(o.pidFile)
	}
	fmt.Printf("listening on http://%s\n", listener.Addr())
	return serve(ctx, listener, api.New(st))
}

// open opens the store. A process that was killed a moment ago may still hold its lock, so it waits for that a little.
func open(ctx context.Context, data string) (*store.Store, error) {
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		st, err := store.Open(data, log.Printf)
		if !errors.Is(err, store.ErrLocked) || ctx.Err() != nil || time.Now().After(deadline) {
			return st, err
		}
	}
}

// serve answers until ctx is done, and then gives open requests a moment to end.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := server.Shutdown(grace); errors.Is(err, context.DeadlineExceeded) {
		return server.Close()
	} else if err != nil {
		return err
	}
	return nil
}
