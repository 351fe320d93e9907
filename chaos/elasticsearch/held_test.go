package elasticsearch

import (
	"testing"
	"time"

	"logboom/sink"
	"logboom/wal"
)

// TestABlockHoldsItsOwnEventsOnly has a write block outlast the sink's patience: the Events of that index come back as held,
// those of another are stored at once, and when the block has gone the held ones are stored, once, though some were stored
// before it came.
func TestABlockHoldsItsOwnEventsOnly(t *testing.T) {
	s := client{t, Start(t)}
	s.create("held-sick", "")
	s.create("held-healthy", "")
	sick := numberedEvents{file: &wal.File{ID: wal.FileID{1}, Path: "/p", Route: "held-sick"}, n: 10}
	healthy := numberedEvents{file: &wal.File{ID: wal.FileID{2}, Path: "/q", Route: "held-healthy"}, n: 30}
	snk := quickSink(t, sink.Config{URLs: []string{s.url}, HoldFor: time.Second})
	before := sick
	before.n = 4
	if r := <-begin(t, snk, before); r.Stored != 4 {
		t.Fatalf("before the block: %+v", r)
	}
	block := settings("index.blocks.write", "true")
	block(s, "held-sick")

	r := <-begin(t, snk, twoFiles{sick, healthy})
	if r.Stored != 30 || len(r.Refused) != 10 {
		t.Fatalf("%d stored and %d refused, want 30 and 10", r.Stored, len(r.Refused))
	}
	for _, refusal := range r.Refused {
		if !refusal.Held || refusal.Type != "cluster_block_exception" {
			t.Errorf("%+v, want it held for a cluster_block_exception", refusal)
		}
	}
	try := func() sink.Result {
		r, err := snk.Try(t.Context(), sick)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := try(); len(r.Refused) != 10 {
		t.Errorf("while the block stands: %+v", r)
	}
	settings("index.blocks.write", "false")(s, "held-sick")
	if r := try(); r.Stored != 6 || r.Duplicate != 4 {
		t.Errorf("without the block: %+v, want 6 stored and 4 there already", r)
	}
	if a, b := s.documents("held-sick"), s.documents("held-healthy"); a != 10 || b != 30 {
		t.Errorf("%d and %d documents, want 10 and 30", a, b)
	}
}
