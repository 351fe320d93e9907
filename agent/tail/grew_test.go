package tail

import (
	"fmt"
	"testing"
	"time"
)

// TestAFileThatIsReadUpAtEachScanStaysHot: that a File grows is seen by reading, too. It must not go cold because no scan ever
// found anything unread.
func TestAFileThatIsReadUpAtEachScanStaysHot(t *testing.T) {
	n := newNode(t)
	n.lines("0.log", "first")
	n.start()
	n.poll(0)
	written := 1
	for step := range 400 {
		before := n.tail.scans
		n.poll(lookEvery)
		if n.tail.scans != before {
			continue // the step with a scan: nothing was written before it
		}
		if written != len(n.got) {
			t.Fatalf("after %v: %d lines were read, %d written", time.Duration(step)*lookEvery, len(n.got), written)
		}
		if n.now.Add(lookEvery).Before(n.tail.nextScan) {
			n.lines("0.log", fmt.Sprint(step))
			written++
		}
	}
}
