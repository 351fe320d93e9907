package pipeline

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"logboom/agent/tail"
	"logboom/checkpoint"
	"logboom/wal"
)

// fullLedger has no space but that of RESERVE.
type fullLedger struct {
	notedStore
	reserve string
}

func (l *fullLedger) Commit(c checkpoint.Change) error {
	if _, err := os.Stat(l.reserve); err == nil {
		return unix.ENOSPC
	}
	return l.notedStore.Commit(c)
}

// On a full disk nothing more is read, so there is most to list at the end, and the least space for it.
func TestTheLastLossesAreListedOnAFullDisk(t *testing.T) {
	dir := t.TempDir()
	store := &fullLedger{reserve: filepath.Join(dir, "RESERVE")}
	if err := os.WriteFile(store.reserve, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	end := func(name string) error {
		path := filepath.Join(dir, name)
		a := &agent{reserve: &reserve{path: store.reserve, slog: quiet, tried: time.Now()}, tail: tail.New(tail.Options{Node: "n", Ledger: store,
			Inputs: []tail.Input{{Paths: []string{path}, Format: wal.Plain}}, Acked: func() wal.Index { return 0 }, Log: quiet})}
		defer a.tail.Close()
		err := os.WriteFile(path, []byte("a\n"), 0o640)
		a.tail.Look(time.Now())
		return errors.Join(err, os.Remove(path), a.leave())
	}
	if err := end("a.log"); err != nil || len(store.changes) != 1 || len(store.changes[0].Losses) != 1 || store.changes[0].Losses[0].End != 2 {
		t.Errorf("%v; ledger: %+v", err, store.changes)
	}
	store.err = errors.New("the disk is broken")
	if err := end("b.log"); !errors.Is(err, store.err) {
		t.Errorf("nothing is said of losses that the ledger does not have: %v", err)
	}
}
