package tail

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"logboom/wal"
)

// BenchmarkPoll gathers full Blocks from the backlog of 8 files, as Intake asks for them: the reading of a Block, the search for
// where its Events end, and what is noted of each File. `make bench-check` counts its allocations and instructions.
func BenchmarkPoll(b *testing.B) {
	n := newNode(b)
	for i := range 8 {
		var text bytes.Buffer
		for text.Len() < 4<<20 {
			text.WriteString(n.cri("F", fmt.Sprintf("line %d of a service that writes about 190 bytes each time, with ids such as %016x and %08x, "+
				"durations of %d ms and the address 10.42.%d.%d", n.clock, n.clock*2654435761, n.clock*40503, n.clock%900, i, n.clock%256)))
		}
		dir := filepath.Join(n.root, fmt.Sprintf("ns_pod%d_%d", i, i), "app")
		must(b, os.MkdirAll(dir, 0o755))
		must(b, os.WriteFile(filepath.Join(dir, "0.log"), text.Bytes(), 0o640))
	}
	n.start()
	var block wal.Block
	var index wal.Index
	text := 0
	b.ReportAllocs()
	for b.Loop() {
		block.Reset()
		next := n.tail.Poll(n.now, &block)
		text += len(block.Text)
		index++
		n.tail.Appended(index)
		if index%16 == 0 {
			n.tail.Taken(index)
		}
		if !next.IsZero() { // all is read: begin again
			b.StopTimer()
			n.restart()
			b.StartTimer()
		}
	}
	if full := b.N * wal.TargetText; b.N >= 50 && text < full/2 {
		b.Errorf("%d Blocks of a backlog hold %d bytes, not %d", b.N, text, full)
	}
	b.ReportMetric(float64(text)/1e6/b.Elapsed().Seconds(), "MB/s")
}
