package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"logboom/chaos/manifest"
	"logboom/chaos/oracle"
)

// act is something that is done at a time after the start.
type act struct {
	at time.Duration
	do func(ctx context.Context) error
}

// play lets the containers write, does the killing, and returns when all is delivered or time is up.
func (s *stage) play(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := s.agent.start(); err != nil {
		return err
	}
	s.begin = time.Now()
	written := make(chan error, 1)
	go func() { written <- s.node.Run(ctx) }()
	acts := s.acts()
	tick := time.NewTicker(s.show.every())
	defer tick.Stop()
	var done settled
	for writing := true; ; {
		select {
		case <-ctx.Done():
			cancel()
			<-written
			return errors.New("interrupted")
		case err := <-written:
			if written = nil; err != nil {
				return fmt.Errorf("write logs: %w", err)
			}
			writing = false
			s.show.event(s.since(), "all containers have stopped: %s lines written", thousands(s.node.Lines.Load()))
		case <-s.due(acts):
			a := acts[0]
			acts = acts[1:]
			if err := a.do(ctx); err != nil {
				return stopWriting(cancel, written, err)
			}
		case <-tick.C:
			if err := s.watch(); err != nil {
				return stopWriting(cancel, written, err)
			}
			p := s.progress(ctx)
			s.show.progress(s.since(), p)
			if !writing && done.is(p) {
				return nil
			}
			if s.since() > s.limit-15*time.Second {
				s.show.event(s.since(), "time is up: not everything is delivered")
				return nil
			}
		}
	}
}

// stopWriting ends the writers and then returns err.
func stopWriting(cancel func(), written <-chan error, err error) error {
	cancel()
	if written != nil {
		<-written
	}
	return err
}

func (s *stage) since() time.Duration { return time.Since(s.begin) }

// due fires when the first act has come.
func (s *stage) due(acts []act) <-chan time.Time {
	if len(acts) == 0 {
		return nil
	}
	return time.After(acts[0].at - s.since())
}

func (s *stage) acts() []act {
	kill := func(p *process) func(context.Context) error {
		return func(context.Context) error {
			if p.kill(); !p.killed() {
				return fmt.Errorf("the %s ended by itself before it was killed:\n%s", p.name, lastLines(p.log))
			}
			s.show.event(s.since(), "%s killed with SIGKILL (pid %d)", p.name, p.pid())
			return nil
		}
	}
	again := func(p *process, start func(context.Context) error) func(context.Context) error {
		return func(ctx context.Context) error {
			if err := start(ctx); err != nil {
				return err
			}
			s.show.event(s.since(), "%s started again (pid %d)", p.name, p.pid())
			return nil
		}
	}
	acts := []act{
		{s.backendKill, kill(&s.server)}, {s.backendBack, again(&s.server, s.startServer)},
		{s.agentKill, kill(&s.agent)}, {s.agentBack, again(&s.agent, func(context.Context) error { return s.agent.start() })},
	}
	slices.SortFunc(acts, func(a, b act) int { return int(a.at - b.at) })
	return acts
}

// watch finds children that ended although nobody killed them.
func (s *stage) watch() error {
	for _, p := range []struct {
		*process
		down, up time.Duration
	}{{&s.server, s.backendKill, s.backendBack}, {&s.agent, s.agentKill, s.agentBack}} {
		away := s.since() >= p.down && s.since() < p.up+time.Second
		if !away && !p.running() {
			return fmt.Errorf("the %s ended by itself:\n%s", p.name, lastLines(p.log))
		}
	}
	return nil
}

// settled notices that everything is delivered and stays so: a late duplicate must have its chance to appear.
type settled struct{ since time.Time }

func (d *settled) is(p progress) bool {
	if !p.backendUp || p.stored < p.lines {
		d.since = time.Time{}
		return false
	}
	if d.since.IsZero() {
		d.since = time.Now()
	}
	return time.Since(d.since) > 1500*time.Millisecond
}

// compare ends the agent, reads everything back and prints the table.
func (s *stage) compare(ctx context.Context) error {
	stopped := s.agent.stop(6 * time.Second)
	if err := s.list.Close(); err != nil {
		return err
	}
	if _, err := s.manifestFile.Seek(0, 0); err != nil {
		return err
	}
	m, err := manifest.Read(s.manifestFile)
	if err != nil {
		return err
	}
	s.show.event(s.since(), "agent ended with SIGTERM; reading everything back")
	r, err := oracle.Check(ctx, s.client, "http://"+s.serverAddr, index, m)
	if err != nil {
		return err
	}
	fmt.Printf("\n%s\n", strings.Repeat("-", 60))
	r.Print(s.show.out)
	fmt.Printf("%s\n  %d rotations, %d restarts of a container, %d log files deleted meanwhile; %.1f s in all\n",
		strings.Repeat("-", 60), s.node.Rotations.Load(), s.node.Restarts.Load(), s.node.Deleted.Load(), s.since().Seconds())
	if !r.OK() {
		return errors.New("what is stored is not what was written")
	}
	if stopped != nil {
		return stopped
	}
	fmt.Println("  Every line is stored exactly once, byte for byte and in order.")
	return nil
}

// get reads JSON from a server.
func (s *stage) get(ctx context.Context, url string, v any) error {
	ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, answer.Status)
	}
	return json.NewDecoder(answer.Body).Decode(v)
}
