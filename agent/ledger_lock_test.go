package main

import (
	"path/filepath"
	"testing"

	"logboom/checkpoint"
)

// Somebody pages through the ledger, and the agent starts meanwhile.
func TestAReaderOfTheLedgerKeepsNoAgentFromStarting(t *testing.T) {
	n := newNode(t, nowhere, "wal: {min_free: 1MiB}")
	n.lost(t)
	data := filepath.Join(n.dir, "data")
	seen := 0
	if err := ledger(t.Context(), data, func(all losses) error {
		return all(func(checkpoint.Loss) error {
			if seen++; seen > 1 {
				return nil
			}
			lock, err := checkpoint.TakeLock(t.Context(), data, 0)
			if err != nil {
				return err
			}
			defer lock.Release()
			store, err := checkpoint.Open(filepath.Join(data, "checkpoint.db"))
			if err != nil {
				return err
			}
			return store.Close()
		})
	}); err != nil || seen != 700 {
		t.Errorf("%d entries, %v", seen, err)
	}
}
