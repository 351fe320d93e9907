package pipeline

import (
	"testing"

	"logboom/checkpoint"
	"logboom/wal"
)

// One commit acknowledges most of a Segment, and lists a range in its middle as lost. What lies behind that is delivered, and
// nobody's share of the WAL.
func TestALossGivesNoShareBack(t *testing.T) {
	f := &wal.File{ID: wal.FileID{1}, PodUID: "pod"}
	s := newShares(1. / 3)
	s.gathered(&wal.Block{Records: []wal.Record{{File: f, End: 1000}}})
	d := &Delivery{log: &fakeLog{}, store: &fakeStore{}, shares: s, acked: 1, slog: quiet,
		files: map[wal.FileID]checkpoint.FileState{f.ID: {File: f, Offset: 900}}}
	d.drops.losses = []checkpoint.Loss{{File: f, Start: 100, End: 200, Read: true, Cause: checkpoint.CauseDropped, Index: 1}}
	if err := d.commit(d.committed); err != nil {
		t.Fatal(err)
	}
	if s.pods["pod"] != 100 {
		t.Errorf("the pod has %d bytes, want 100", s.pods["pod"])
	}
}
