package main

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"logboom/agent/status"
)

// hangUp replaces old by new in the configuration, tells the agent, and returns when it has said want.
func (n node) hangUp(t *testing.T, stderr *safe, old, new, want string) {
	t.Helper()
	text, err := os.ReadFile(n.file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		t.Fatalf("no %q in the configuration", old)
	}
	n.write(t, "logboom.yaml", strings.Replace(string(text), old, new, 1))
	said := len(stderr.String())
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); !strings.Contains(stderr.String()[said:], want); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the agent does not say %q:\n%s", want, stderr.String()[said:])
		}
	}
}

func TestAHangupTakesOverAllOfAConfigurationOrNothing(t *testing.T) {
	n := newNode(t, nowhere, "wal: {min_free: 0%, max_size: 1GiB}\ndeadletter: {max_size: 64MiB}\nlog: {level: info}\n")
	stderr, _ := n.run(t)
	n.hangUp(t, stderr, "1GiB", "2GiB", "changed=[wal.max_size]")
	n.status(t, func(s *status.Status) bool { return s.WAL.MaxBytes == 2<<30 })
	n.hangUp(t, stderr, "2GiB", "3GiB, segment_size: 4MiB", "keys=[wal.segment_size]")
	n.hangUp(t, stderr, "3GiB", "3GiB, surprise: 1", "unknown key")
	if s := n.status(t, func(*status.Status) bool { return true }); s.WAL.MaxBytes != 2<<30 {
		t.Errorf("a configuration that is refused holds: %d", s.WAL.MaxBytes)
	}
	n.hangUp(t, stderr, "3GiB, surprise: 1, segment_size: 4MiB", "2GiB", "changed=[]")
	// What is too small for what is there already stops Intake, and lets it go on when it is taken back.
	n.hangUp(t, stderr, "min_free: 0%", "min_free: 1000TiB", "changed=[wal.min_free]")
	n.status(t, func(s *status.Status) bool { return s.Intake.BlockedBy == status.MinFree })
	n.hangUp(t, stderr, "min_free: 1000TiB", "min_free: 0%", "changed=[wal.min_free]")
	n.status(t, func(s *status.Status) bool { return s.Intake.BlockedBy == "" })
	n.hangUp(t, stderr, "level: info", "level: warn", "changed=[log.level]")
	said := len(stderr.String())
	n.hangUp(t, stderr, "64MiB", "1GiB, nothing: here", "unknown key")
	if text := stderr.String()[said:]; strings.Contains(text, "level=INFO") {
		t.Errorf("log.level is not taken over: %s", text)
	}
}
