package pipeline

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"logboom/agent/config"
	"logboom/checkpoint"
	"logboom/wal"
)

// damagedData is a data directory whose WAL and dead-letter store each have one Block, which is damaged.
func damagedData(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"wal", "deadletter"} {
		l, _, err := wal.Open(wal.Options{Dir: filepath.Join(dir, name)})
		if err != nil {
			t.Fatal(err)
		}
		var b wal.Block
		fill(&b, 1, &wal.File{ID: wal.FileID{1}, Path: "app.log", Format: wal.Plain}, "line\n")
		if err := errors.Join(l.Append(&b), l.Sync(), l.Close()); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, name, "00000000000000000001", "00000000000000000001")
		p, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		p[strings.LastIndex(string(p), "line\n")]++
		if err := os.WriteFile(file, p, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestDamagedSegmentIsKeptAndTheLedgerSaysWhere, in the WAL as in the dead-letter store.
func TestDamagedSegmentIsKeptAndTheLedgerSaysWhere(t *testing.T) {
	dir := damagedData(t)
	a := &agent{o: Options{Logger: quiet}, c: &config.Config{DataDir: dir}}
	if _, err := a.openLogs(); err != nil {
		t.Fatal(err)
	}
	defer a.log.Close()
	defer a.deadLog.Close()
	var damage *wal.DamageError
	if err := a.deadLog.Next(0, new(wal.Block)); !errors.As(err, &damage) {
		t.Fatalf("the dead-letter store says %v", err)
	}
	store := &listingStore{}
	d := (&Delivery{log: a.log, store: store, slog: quiet, batchText: 100, reserve: &reserve{slog: quiet, tried: time.Now()}}).begin(0, 1)
	for range 3 {
		if _, err := d.Step(time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	kept := filepath.Join(dir, "damaged", "wal", "00000000000000000001")
	if len(store.losses) != 1 || !strings.HasSuffix(store.losses[0].Detail, "; kept in "+kept) {
		t.Errorf("the ledger says %+v", store.losses)
	}
	for _, folder := range []string{kept, filepath.Join(dir, "damaged", "deadletter", "00000000000000000001")} {
		if _, err := os.Stat(filepath.Join(folder, filepath.Base(folder))); err != nil {
			t.Error(err)
		}
	}
}

// listingStore notes what goes into the ledger.
type listingStore struct{ losses []checkpoint.Loss }

func (s *listingStore) Commit(c checkpoint.Change) error {
	s.losses = append(s.losses, c.Losses...)
	return nil
}

// TestLedgerSaysWhyNothingIsKept in words.
func TestLedgerSaysWhyNothingIsKept(t *testing.T) {
	for want, d := range map[string]*wal.DamageError{
		"nowhere: no space left on device":    {NotKept: unix.ENOSPC},
		"nowhere: nothing of it is there":     {},
		"data/damaged/a and data/damaged/b":   {Kept: []string{"data/damaged/a", "data/damaged/b"}},
		"data/damaged/a, and that is not all": {Kept: []string{"data/damaged/a"}, NotKept: errors.New("that is not all")},
	} {
		if got := where(d); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestWhatIsKeptNeverTakesSpace that somebody needs: it goes before RESERVE, and when min_free is not there.
func TestWhatIsKeptNeverTakesSpace(t *testing.T) {
	keep := func() (dir, file string) {
		dir = t.TempDir()
		file = filepath.Join(dir, "damaged", "wal", "00000000000000000001", "00000000000000000001")
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.WriteFile(file, nil, 0o600), os.WriteFile(filepath.Join(dir, "RESERVE"), nil, 0o600)); err != nil {
			t.Fatal(err)
		}
		return dir, file
	}
	there := func(path string) bool { _, err := os.Stat(path); return err == nil }

	dir, file := keep()
	reserve := &reserve{path: filepath.Join(dir, "RESERVE"), slog: quiet, tried: time.Now()}
	full := func(until string) func() error {
		return func() error {
			if there(until) {
				return unix.ENOSPC
			}
			return nil
		}
	}
	if err := reserve.spend(full(file)); err != nil || there(file) || !there(reserve.path) {
		t.Errorf("%v; what is kept is there: %v, RESERVE: %v", err, there(file), there(reserve.path))
	}
	if err := reserve.spend(full(reserve.path)); err != nil || there(reserve.path) {
		t.Errorf("%v; RESERVE is there: %v", err, there(reserve.path))
	}

	dir, file = keep()
	space := &space{dir: dir, minFree: config.Space{Percent: 0}}
	if err := space.volume(); err != nil || !there(file) {
		t.Errorf("%v; where there is space, what is kept is there: %v", err, there(file))
	}
	space.minFree = config.Space{Percent: 100}
	if err := space.volume(); err == nil || there(file) {
		t.Errorf("%v; without min_free, what is kept is there: %v", err, there(file))
	}
}
