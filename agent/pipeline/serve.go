package pipeline

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"logboom/agent/socket"
	"logboom/agent/status"
)

// slowAnswer bounds an answer through agent.sock: a profile or a large ledger takes long.
const slowAnswer = 10 * time.Minute

// servers are what the agent listens with, and what it samples for them.
type servers struct {
	all    []*http.Server
	served sync.WaitGroup
	stop   context.CancelFunc
}

// serve begins to answer: status, health and metrics over TCP, and those and more through agent.sock. An agent without its
// socket secures logs all the same.
func (a *agent) serve() (*servers, error) {
	public := status.Handler(status.Agent{Status: a.status, Files: func() []status.File { return a.tail.Report().Files },
		History: &a.history, Live: a.live, Ready: a.ready,
		Settings: func() any { return a.conf.Load().Settings() }, Losses: a.store.Losses, Letters: a.firstLetters})
	sampling, stop := context.WithCancel(context.Background())
	s := &servers{stop: stop}
	if a.c.HTTP.Listen != "off" {
		l, err := net.Listen("tcp", a.c.HTTP.Listen)
		if err != nil {
			stop()
			return nil, fmt.Errorf("listen for http: %w", err)
		}
		s.add(l, public, 30*time.Second)
	}
	s.served.Go(func() { a.history.Run(sampling, a.sample) })
	l, err := socket.Listen(a.c.DataDir)
	if err != nil {
		a.o.Logger.Warn("other commands can't talk to this agent", "error", err)
		return s, nil
	}
	private := status.Private(public, a.store.Losses)
	a.letterRoutes(private)
	s.add(l, private, slowAnswer)
	return s, nil
}

func (s *servers) add(l net.Listener, h http.Handler, answer time.Duration) {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: answer}
	s.all = append(s.all, server)
	s.served.Go(func() { server.Serve(l) })
}

// close returns when nobody listens any more: only then may LOCK go, or the next agent's socket would be removed.
func (s *servers) close() {
	s.stop()
	for _, server := range s.all {
		server.Close() // what it can't close is closed by the end of the process
	}
	s.served.Wait()
}
