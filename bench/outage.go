package main

import (
	"context"
	"time"
)

// Outage is how the agent catches up when the backend was away, while containers go on logging.
type Outage struct {
	Rate    float64 `json:"lines_per_second"`
	Seconds float64 `json:"outage_seconds"`
	Backlog int64   `json:"backlog_lines"` // when the backend came back
	Drain   float64 `json:"drain_seconds"` // from then until no more was waiting than in half a second of the live rate
	First   float64 `json:"first_seconds"` // of these, until the first line came: the pause between two tries
	Times   float64 `json:"times_live"`    // lines stored a second from then on, for each line written a second
	Others  float64 `json:"others_share"`  // of the machine, meanwhile

	Timeline []Moment `json:"timeline"`
}

// Moment is how things stood at a time, in seconds since the start of the outage.
type Moment struct {
	At      float64 `json:"at"`
	Written int64   `json:"written"`
	Stored  int64   `json:"stored"`
}

// measureOutage shuts the door for some time and watches the backlog go.
func (m *meter) measureOutage(ctx context.Context, rate float64, length time.Duration) (*Outage, error) {
	ctx, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	s, err := m.live(ctx, rate)
	if err != nil {
		return nil, err
	}
	defer s.end(m.keep)
	o := &Outage{Rate: rate, Seconds: length.Seconds()}
	began := time.Now()
	look := func() (waiting int64) {
		written, _ := s.writer.counts()
		stored := s.door.count()
		if n := len(o.Timeline); n == 0 || time.Since(began).Seconds()-o.Timeline[n-1].At >= 0.05 {
			o.Timeline = append(o.Timeline, Moment{time.Since(began).Seconds(), written, stored})
		}
		return written - stored
	}
	s.door.set(true)
	if err := s.await(ctx, func() bool { look(); return time.Since(began) >= length }); err != nil {
		return nil, err
	}
	before, err := takeCensus(s.agent.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	stored := s.door.count()
	o.Backlog = look()
	opened := time.Now()
	s.door.set(false)
	if err := s.await(ctx, func() bool { look(); return s.door.count() > stored }); err != nil {
		return nil, err
	}
	first := s.door.count()
	o.First = time.Since(opened).Seconds()
	if err := s.await(ctx, func() bool { return look() <= int64(rate/2) }); err != nil {
		return nil, err
	}
	took := time.Since(opened)
	o.Drain = took.Seconds()
	if draining := o.Drain - o.First; draining > 0.2 {
		o.Times = float64(s.door.count()-first) / draining / rate
	} else { // all of it came at once
		o.Times = float64(s.door.count()-stored) / o.Drain / rate
	}
	after, err := takeCensus(s.agent.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	o.Others = othersShare(before.machine, after.machine, took, after.agent-before.agent+after.own-before.own)
	if err := s.await(ctx, func() bool { look(); return time.Since(opened) >= took+time.Second }); err != nil {
		return nil, err
	}
	return o, s.settled(ctx)
}

// fastEnough is the bar: the backlog drains at three times the live rate or better.
const fastEnough = 3

func (o *Outage) passed() bool { return o.Times >= fastEnough }
