package wal

import (
	"path/filepath"
	"testing"
)

// Whoever gives the head up closes its entries if there are any: a log that could not be opened, for want of descriptors,
// is none.
func TestALogThatCantBeOpenedHasNoEntries(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := (realDisk{}).Create(file); err != nil {
		t.Fatal(err)
	}
	if e, err := (realDisk{}).Open(filepath.Join(file, "log")); err == nil || e != nil {
		t.Errorf("opened %v, error %v", e, err)
	}
}
