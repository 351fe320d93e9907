package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"logboom/bench/corpus"
	"logboom/chaos/port"
)

// liveFiles is how many containers log in a live run.
const liveFiles = 8

// Live is the agent beside containers that log at a steady rate.
type Live struct {
	Rate    float64   `json:"lines_per_second"`
	Files   int       `json:"files"`
	Seconds float64   `json:"seconds"` // that the CPU was counted for, and after them as long again the ages
	CPU     float64   `json:"cpu_share"`
	CPUGB   float64   `json:"cpu_seconds_per_gb"`
	PeakRSS int64     `json:"peak_rss_bytes"`
	Others  float64   `json:"others_share"`
	Durable Quantiles `json:"write_to_durable_seconds"`
	Stored  Quantiles `json:"write_to_stored_seconds"`
}

// Quantiles are of many ages, in seconds.
type Quantiles struct {
	Median float64 `json:"p50"`
	P99    float64 `json:"p99"`
	Worst  float64 `json:"worst"`
	Count  int     `json:"count"`

	Curve []float64 `json:"curve"` // percentiles 0 to 100
}

func quantiles(ages []time.Duration) (q Quantiles, err error) {
	if len(ages) == 0 {
		return q, errors.New("no line was timed")
	}
	slices.Sort(ages)
	at := func(share float64) float64 { return ages[int(share*float64(len(ages)-1))].Seconds() }
	q = Quantiles{Median: at(0.5), P99: at(0.99), Worst: at(1), Count: len(ages)}
	for i := range 101 {
		q.Curve = append(q.Curve, at(float64(i)/100))
	}
	return q, nil
}

// stage is an agent between containers that log and a door.
type stage struct {
	home    string
	writer  *writer
	door    *door
	agent   *process
	status  string // address
	writing chan error
	stop    context.CancelFunc // ends the writing
}

// live sets the stage, begins to write, and lets the agent warm up.
func (m *meter) live(ctx context.Context, rate float64) (s *stage, err error) {
	c, err := corpus.Make(ctx, filepath.Join(m.dir, "corpora"), corpus.Spec{Name: "live", Content: corpus.Text, Files: liveFiles, Bytes: 4e6, Seed: 1})
	if err != nil {
		return nil, err
	}
	s = &stage{writing: make(chan error, 1), stop: func() {}}
	defer func() { // so every return has s
		if err != nil {
			s.end(m.keep)
		}
	}()
	if s.home, err = os.MkdirTemp(m.dir, "live-"); err != nil {
		return s, err
	}
	root := filepath.Join(s.home, "pods")
	if s.writer, err = newWriter(root, liveFiles, c); err != nil {
		return s, err
	}
	if s.door, err = openDoor(); err != nil {
		return s, err
	}
	if s.status, err = port.Free(); err != nil {
		return s, err
	}
	config := filepath.Join(s.home, "agent.yaml")
	if err := os.WriteFile(config, configuration(s.home, root, s.door.addr, s.status), 0o600); err != nil {
		return s, err
	}
	if s.agent, err = start("agent", filepath.Join(s.home, "agent.log"), false, m.agent, "run", "-c", config); err != nil {
		return s, err
	}
	writing, stop := context.WithCancel(ctx)
	s.stop = stop
	go func() { s.writing <- s.writer.run(writing, rate) }()
	if err := s.await(ctx, func() bool { return s.door.count() > 0 }); err != nil {
		return s, err
	}
	return s, pause(ctx, warmUp)
}

// await waits until something is so.
func (s *stage) await(ctx context.Context, so func() bool) error {
	for !so() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.agent.done:
			return fmt.Errorf("the agent ended: %w; its last words:\n%s", s.agent.err, lastLines(s.agent.log))
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}

// settled ends the writing, and waits until all that was written is stored: each line once.
func (s *stage) settled(ctx context.Context) error {
	s.stop()
	if err := <-s.writing; err != nil {
		return err
	}
	written, _ := s.writer.counts()
	if err := s.await(ctx, func() bool { return s.door.count() >= written }); err != nil {
		return fmt.Errorf("%d of %d lines came: %w", s.door.count(), written, err)
	}
	if n := s.door.count(); n != written {
		return fmt.Errorf("%d lines were written, %d came", written, n)
	}
	return nil
}

// end clears the stage.
func (s *stage) end(keep bool) {
	s.stop()
	if s.agent != nil {
		s.agent.kill()
	}
	if s.door != nil {
		s.door.close()
	}
	if s.writer != nil {
		s.writer.close()
	}
	if s.home != "" && !keep {
		os.RemoveAll(s.home)
	}
}

// warmUp is how long an agent runs before it is measured: its files have to be met, and are looked at more often once they grow.
const warmUp = 2 * time.Second

// measureLive counts the agent's CPU at a rate for some time, and then for as long again how old lines are when they are durable and stored.
func (m *meter) measureLive(ctx context.Context, rate float64, length time.Duration) (*Live, error) {
	ctx, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	s, err := m.live(ctx, rate)
	if err != nil {
		return nil, err
	}
	defer s.end(m.keep)
	l := &Live{Rate: rate, Files: liveFiles, Seconds: length.Seconds()}
	if err := s.countCPU(ctx, l, length); err != nil {
		return nil, err
	}
	if _, err := s.door.take(); err != nil {
		return nil, err
	}
	timed, stop := context.WithTimeout(ctx, length)
	defer stop()
	s.writer.mark()
	durable, err := durableAges(timed, s.status, s.writer)
	if err != nil {
		return nil, err
	}
	stored, err := s.door.take()
	if err != nil {
		return nil, err
	}
	if l.Durable, err = quantiles(durable); err != nil {
		return nil, err
	}
	if l.Stored, err = quantiles(stored); err != nil {
		return nil, err
	}
	l.PeakRSS, err = statusBytes(fmt.Sprintf("/proc/%d/status", s.agent.cmd.Process.Pid), "VmHWM:")
	return l, errors.Join(err, s.settled(ctx))
}

// countCPU measures the agent for some time in which nobody asks it anything.
func (s *stage) countCPU(ctx context.Context, l *Live, length time.Duration) error {
	pid := s.agent.cmd.Process.Pid
	before, err := takeCensus(pid)
	if err != nil {
		return err
	}
	_, bytes := s.writer.counts()
	began := time.Now()
	if err := pause(ctx, length); err != nil {
		return err
	}
	after, err := takeCensus(pid)
	if err != nil {
		return err
	}
	_, more := s.writer.counts()
	took, used := time.Since(began), after.agent-before.agent
	l.CPU, l.CPUGB = used.Seconds()/took.Seconds(), used.Seconds()/(float64(more-bytes)/GB)
	l.Others = othersShare(before.machine, after.machine, took, used+after.own-before.own)
	return nil
}

// census is who has worked how long so far.
type census struct {
	machine    machineTime
	own, agent time.Duration
}

func takeCensus(pid int) (c census, err error) {
	if c.machine, err = readMachineTime(); err != nil {
		return c, err
	}
	if c.own, err = ownCPU(); err != nil {
		return c, err
	}
	c.agent, err = runningCPU(pid)
	return c, err
}

func pause(ctx context.Context, length time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(length):
		return nil
	}
}
