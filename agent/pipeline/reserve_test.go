package pipeline

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"logboom/agent/config"
	"logboom/agent/status"
	"logboom/wal"
)

// TestIntakeLeavesWhatReserveGaveUp to the acknowledgements, and goes on when RESERVE is made again: by itself, with nothing
// to deliver.
func TestIntakeLeavesWhatReserveGaveUp(t *testing.T) {
	dir := t.TempDir()
	log, _, err := wal.Open(wal.Options{Dir: filepath.Join(dir, "wal")})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	free := int64(10 * reserveSize)
	r := &reserve{path: filepath.Join(dir, "RESERVE"), slog: quiet, size: 4096, look: func() (int64, int64, error) { return free, 1 << 40, nil }}
	there := func() bool { _, err := os.Stat(r.path); return err == nil }
	r.make()
	s := &space{dir: dir, minFree: config.Space{}, log: log, reserve: r}
	if err := s.check(); err != nil || !there() {
		t.Fatalf("%v, RESERVE is there: %v", err, there())
	}
	free = 0
	commits := 0
	if err := r.spend(func() error { // the disk is full but for RESERVE
		if there() {
			return unix.ENOSPC
		}
		commits++
		return nil
	}); err != nil || commits != 1 {
		t.Fatalf("%v, %d commits", err, commits)
	}
	if err := s.check(); err == nil || reason(err) != status.DiskFull {
		t.Errorf("Intake may write what RESERVE has given up: %v", err)
	}
	tight := &space{dir: dir, minFree: config.Space{Percent: 100}, log: log}
	if err := tight.check(); err == nil || reason(err) != status.MinFree {
		t.Errorf("without min_free: %v", err)
	}
	d := (&Delivery{log: log, store: &fakeStore{}, slog: quiet, batchText: 100, reserve: r}).begin(0, 1)
	now := time.Now()
	for _, c := range []struct {
		free int64
		want bool
	}{{0, false}, {2*4096 - 1, false}, {2 * 4096, true}} {
		free, now = c.free, now.Add(time.Second)
		if _, err := d.Step(now); err != nil {
			t.Fatal(err)
		}
		if err := s.check(); (err == nil) != c.want || there() != c.want {
			t.Errorf("%d bytes free: %v, RESERVE is there: %v", c.free, err, there())
		}
	}
}

// TestASmallVolumeDoesWithoutReserve, and one that is full at the start waits for space.
func TestASmallVolumeDoesWithoutReserve(t *testing.T) {
	for total, lacks := range map[int64]bool{smallVolume / 2: false, 1 << 40: true} {
		r := &reserve{path: filepath.Join(t.TempDir(), "RESERVE"), slog: quiet, look: func() (int64, int64, error) { return 2*reserveSize - 1, total, nil }}
		if r.make(); r.lacks() != lacks {
			t.Errorf("a volume of %d bytes: RESERVE lacks: %v", total, r.lacks())
		}
	}
}
