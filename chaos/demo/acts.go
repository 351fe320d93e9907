package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// act is something that is done at a time after the start.
type act struct {
	at time.Duration
	do func(ctx context.Context) error
}

// acts are the kills and restarts, in their order.
func (s *stage) acts() []act {
	acts := []act{
		{s.backendKill, func(context.Context) error { return s.kill(&s.server) }},
		{s.backendBack, func(ctx context.Context) error { return s.again(&s.server, s.startServer(ctx)) }},
		{s.agentKill, func(context.Context) error {
			s.killedAt = time.Now()
			return s.kill(&s.agent)
		}},
		{s.agentBack, func(context.Context) error {
			err := s.agent.start()
			s.backAt = time.Now()
			return s.again(&s.agent, err)
		}},
	}
	slices.SortFunc(acts, func(a, b act) int { return int(a.at - b.at) })
	return acts
}

func (s *stage) kill(p *process) error {
	if p.kill(); !p.killed() {
		return fmt.Errorf("the %s ended by itself before it was killed:\n%s", p.name, lastLines(p.log))
	}
	s.show.event(s.since(), "%s killed with SIGKILL (pid %d)", p.name, p.pid())
	return nil
}

// again reports a restart that has just been tried.
func (s *stage) again(p *process, err error) error {
	if err != nil {
		return err
	}
	s.show.event(s.since(), "%s started again (pid %d)", p.name, p.pid())
	return nil
}

// due fires when the first act has come.
func (s *stage) due(acts []act) <-chan time.Time {
	if len(acts) == 0 {
		return nil
	}
	return time.After(acts[0].at - s.since())
}

// watch finds children that ended although nobody killed them. One that was killed is missing until its restart.
func (s *stage) watch() error {
	for _, p := range []*process{&s.server, &s.agent} {
		if !p.running() && !p.killed() {
			return fmt.Errorf("the %s ended by itself:\n%s", p.name, lastLines(p.log))
		}
	}
	return nil
}
