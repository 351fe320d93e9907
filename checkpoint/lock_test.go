package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestOneHolderOfTheLockAtATime(t *testing.T) {
	t.Setenv("POD_NAME", "logboom-x7k2p")
	dir := filepath.Join(t.TempDir(), "log", "logboom")
	first, err := TakeLock(t.Context(), dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = TakeLock(t.Context(), dir, 0)
	who := fmt.Sprintf("process %d of pod logboom-x7k2p, since 20", os.Getpid())
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), who) {
		t.Errorf("%v; want ErrLocked, held by %s", err, who)
	}
	if held, by := Held(dir); !held || by.Pod != "logboom-x7k2p" {
		t.Errorf("Held says %v, %v", held, by)
	}
	time.AfterFunc(2*lockPoll, func() { first.Release() })
	second, err := TakeLock(t.Context(), dir, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Release()
	for name, mode := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "LOCK"): 0o600} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v; want %v", name, info, err, mode)
		}
	}
}

func TestAskingWhoHoldsTheLockLeavesNoTrace(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if held, _ := Held(dir); held {
		t.Error("held where there is no folder")
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder was made: %v", err)
	}
	l, err := TakeLock(t.Context(), dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	l.Release()
	if held, by := Held(dir); held {
		t.Errorf("held by %v, who let go", by)
	}
	if l, err = TakeLock(t.Context(), dir, 0); err != nil {
		t.Fatalf("asking kept the lock: %v", err)
	}
	l.Release()
}

func TestWaitingForTheLockEndsWithTheContext(t *testing.T) {
	dir := t.TempDir()
	l, err := TakeLock(t.Context(), dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(lockPoll, cancel)
	if _, err := TakeLock(ctx, dir, time.Hour); !errors.Is(err, context.Canceled) || errors.Is(err, ErrLocked) {
		t.Errorf("%v; want canceled", err)
	}
}

// What an earlier holder left in LOCK, or a full disk kept out of it, is no reason not to start.
func TestWhatStandsInTheLockFileIsNoObstacle(t *testing.T) {
	for _, text := range []string{"", "{", "\x00\x00\x00", strings.Repeat("x", 9000)} {
		dir := t.TempDir()
		path := filepath.Join(dir, "LOCK")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := TakeLock(t.Context(), dir, 0)
		if err != nil {
			t.Fatal(err)
		}
		if h, err := readHolder(dir); err != nil || h.PID != os.Getpid() {
			t.Errorf("%+v, %v", h, err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := TakeLock(t.Context(), dir, 0); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "did not say") {
			t.Errorf("%v", err)
		}
		l.Release()
	}
}

func TestTheDataDirectoryMayNotBeAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{path, filepath.Join(path, "below")} {
		if _, err := TakeLock(t.Context(), dir, 0); err == nil || errors.Is(err, ErrLocked) {
			t.Errorf("%s: %v", dir, err)
		}
	}
}
