package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"logboom/bench/peers"
	"logboom/chaos/port"
)

// contender is a program that brings a node's log files into the backend: the agent or a peer.
type contender struct {
	name, version string
	command       func(peers.Place) (program string, args []string, err error)
}

// contenders are the agent and the peers that are on this machine. Those that are not are named in words.
func (m *meter) contenders(ctx context.Context) (all []contender, missing []string, err error) {
	agent, err := describeAgent(ctx, m.agent)
	if err != nil {
		return nil, nil, err
	}
	version := strings.Fields(strings.TrimPrefix(agent.Version, "logboom "))[0]
	all = append(all, contender{name: "logboom", version: version, command: m.agentCommand})
	found, missing := peers.Find(ctx, m.collector)
	for i := range found {
		all = append(all, contender{name: found[i].Name, version: found[i].Version, command: found[i].Command})
	}
	return all, missing, nil
}

// agentCommand is an agent that runs until it is told to end, as the peers do.
func (m *meter) agentCommand(at peers.Place) (string, []string, error) {
	listen, err := port.Free()
	if err != nil {
		return "", nil, err
	}
	config := filepath.Join(at.Home, "agent.yaml")
	return m.agent, []string{"run", "-c", config}, os.WriteFile(config, configuration(at.Home, at.Root, at.Backend, listen), 0o600)
}

// start runs the contender on what is in its place.
func (c *contender) start(at peers.Place) (*process, error) {
	program, args, err := c.command(at)
	if err != nil {
		return nil, err
	}
	return start(c.name, filepath.Join(at.Home, "program.log"), false, program, args...)
}

// graceTime is how long a contender may take to end when it is told to.
const graceTime = 30 * time.Second

// end tells a process to end and waits for it. A peer's exit code says nothing that is asked here; one that doesn't end is killed.
func end(p *process) error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end %s: %w", p.name, err)
	}
	select {
	case <-p.done:
	case <-time.After(graceTime):
		p.kill()
	}
	return nil
}
