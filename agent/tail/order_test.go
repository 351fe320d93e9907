package tail

import (
	"slices"
	"testing"
	"time"
)

// When the checkpoint is lost, the WAL may know the newest File of an Attempt, but not the ones before: those are met as new
// ones, and follow it by their Ordinals. What stands open at its end is no part of them all the same.
func TestAnOlderFileIsNotJoinedToWhatStandsOpenInTheNewest(t *testing.T) {
	n := newNode(t)
	n.lines("0.log", "a")
	n.rename("0.log", "0.log.20261122-160141")
	n.lines("0.log", "b")
	n.start()
	n.poll(0)
	n.write("0.log", n.cri("P", "open"))
	n.stop()
	for id, k := range n.states {
		if k.File.Ordinal == 0 {
			delete(n.states, id)
		}
	}
	n.got, n.ids = nil, map[string]string{}
	n.start()
	for range 30 {
		n.poll(time.Second)
	}
	slices.Sort(n.got)
	n.want("a", "open")
}
