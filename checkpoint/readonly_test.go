package checkpoint

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadOnlyChangesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint.db")
	if _, err := OpenReadOnly(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no checkpoint: %v", err)
	}
	if names, _ := os.ReadDir(filepath.Dir(path)); len(names) > 0 {
		t.Errorf("it was made: %v", names)
	}
	file, last, _ := healthy(t)
	if err := os.WriteFile(path, file, 0o400); err != nil {
		t.Fatal(err)
	}
	s, err := OpenReadOnly(path)
	if err != nil {
		t.Fatal(err)
	}
	second, err := OpenReadOnly(path)
	if err != nil {
		t.Fatalf("two readers: %v", err)
	}
	second.Close()
	got, err := read(s)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(last, got); diff != "" {
		t.Error(diff)
	}
	if err := s.Commit(Change{Acked: 1000}); err == nil {
		t.Error("it can be changed")
	}
	s.Close()
	if now, _ := os.ReadFile(path); !slices.Equal(now, file) {
		t.Error("something changed")
	}
}

func TestReadOnlyNeverReadsWhatIsBeingWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint.db")
	s := open(t, path)
	if _, err := OpenReadOnly(path); !errors.Is(err, ErrInUse) {
		t.Errorf("beside a writer: %v", err)
	}
	s.Close()
	file, _, _ := healthy(t)
	clear(file[2*pageSize:])
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenReadOnly(path); !errors.Is(err, ErrCorrupt) {
		t.Errorf("damaged: %v", err)
	}
}
