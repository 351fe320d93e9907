package scenarios

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// The agent's volume is full to the last byte while the backend is away: nothing more can be secured, and the agent, killed
// there, starts all the same. The backend is back: what is buffered drains and is acknowledged, with the volume still full. Then
// somebody makes room, and reading goes on.
func TestVolumeFullAndFreed(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{sink: hasty})
	must(t, os.Mkdir(g.data(), 0o700))
	if err := syscall.Mount("tmpfs", g.data(), "tmpfs", 0, "size=48m,mode=0700"); errors.Is(err, syscall.EPERM) && os.Getenv("LOGBOOM_REQUIRE_FUSE") != "1" {
		t.Skip("a small volume needs root (LOGBOOM_REQUIRE_FUSE=1 makes this a failure)")
	} else {
		must(t, err)
	}
	t.Cleanup(func() {
		g.agent.cleanUp()
		must(t, syscall.Unmount(g.data(), syscall.MNT_DETACH))
	})
	c := busy(1000)
	c.MaxSize = 1 << 30 // no pin can lead to another volume, so that a rotation while the agent is dead and may not read could lose lines
	n := g.startNode(c)
	g.agent.start()
	g.awaitStored(500)
	g.backend.kill()
	n.awaitLines(2500)
	ballast := filepath.Join(g.data(), "ballast")
	fill(t, ballast)
	g.film.fault("volume full")
	g.awaitStatus("reading stands still", func(s status) bool { return s.Intake.Blocked != "" })
	n.awaitLines(2000)
	g.agent.kill()
	fill(t, ballast)
	g.agent.start()
	g.awaitStatus("the agent runs on a full volume", func(s status) bool { return s.Intake.Blocked != "" })
	g.startBackend()
	g.awaitStatus("all that was secured is delivered", func(s status) bool { return s.Account.Read > 0 && s.Account.Acked == s.Account.Read })
	must(t, os.Remove(ballast))
	g.film.over("volume full")
	g.awaitStored(n.Lines.Load())
	n.end()
	g.verdict(demand{})
}

// fill makes a file as large as its volume lets it become.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	must(t, err)
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err = f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the volume is not full: %v", err)
	}
}
