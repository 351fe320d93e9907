package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// play lets the containers write, does the killing, and returns when all is delivered or time is up.
func (s *stage) play(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := s.agent.start(); err != nil {
		return err
	}
	s.begin = time.Now()
	written := make(chan error, 1)
	wg.Go(func() { written <- s.node.Run(ctx) })
	var latest atomic.Pointer[progress]
	wg.Go(func() { s.poll(ctx, &latest) })
	acts := s.acts()
	tick := time.NewTicker(s.show.every())
	defer tick.Stop()
	var done settled
	for {
		select {
		case <-ctx.Done():
			return errors.New("interrupted")
		case err := <-written:
			if err != nil {
				return fmt.Errorf("write logs: %w", err)
			}
			done.all = true
			s.show.event(s.since(), "all containers have stopped: %s lines written", thousands(s.node.Lines.Load()))
		case <-s.due(acts):
			a := acts[0]
			acts = acts[1:]
			if err := a.do(ctx); err != nil {
				return err
			}
		case <-tick.C:
			if over, err := s.look(latest.Load(), &done); over || err != nil {
				return err
			}
		}
	}
}

// look shows how far everybody is. It says when the play is over.
func (s *stage) look(p *progress, done *settled) (over bool, err error) {
	if err := s.watch(); err != nil || p == nil {
		return false, err
	}
	s.show.progress(s.since(), *p)
	if s.away == 0 && p.agentUp && !s.backAt.IsZero() && p.asked.After(s.backAt) {
		s.away = p.asked.Sub(s.killedAt)
	}
	if s.since() > s.limit-15*time.Second {
		s.show.event(s.since(), "time is up: not everything is delivered")
		return true, nil
	}
	return done.is(p), nil
}

func (s *stage) since() time.Duration { return time.Since(s.begin) }

// settled notices that everything is delivered and stays so: a late duplicate must have its chance to appear.
type settled struct {
	all   bool // nothing more is written
	since time.Time
}

func (d *settled) is(p *progress) bool {
	if !d.all || !p.backendUp || p.stored < p.lines {
		d.since = time.Time{}
		return false
	}
	if d.since.IsZero() {
		d.since = time.Now()
	}
	return time.Since(d.since) > 1500*time.Millisecond
}
