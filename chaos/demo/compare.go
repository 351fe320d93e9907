package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"logboom/chaos/manifest"
	"logboom/chaos/oracle"
)

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
	if r.Missing > 0 && s.away > quotaKeeps {
		fmt.Printf("  The agent was away for %.1f s, and the kubelet's quota keeps a rotated file for %.0f s only: a machine as busy\n"+
			"  as this one may have lost lines before anybody could read them.\n", s.away.Seconds(), quotaKeeps.Seconds())
	}
	if !r.OK() {
		return errors.New("what is stored is not what was written")
	}
	if stopped != nil {
		return stopped
	}
	fmt.Println("  Every line is stored exactly once, byte for byte and in order.")
	return nil
}
