package pipeline

import (
	"testing"

	"logboom/checkpoint"
)

// A scan that has not come to the end finds letters of an earlier process while newer ones of their index are on their way.
// They are sent again too, whatever becomes of those.
func TestHeldLettersThatAreFoundLateAreStored(t *testing.T) {
	for name, closed := range map[string]bool{"the newer ones are stored": false, "the newer ones are held again": true} {
		t.Run(name, func(t *testing.T) {
			l := newLetterbox(t)
			l.put(false, 1, "a") // the first step looks at this
			l.put(true, 3, "a")
			l.open(checkpoint.LetterState{Known: true, Counted: l.store.counted})
			l.put(true, 2, "a")
			if _, err := l.post.step(l.now); err != nil {
				t.Fatal(err)
			}
			l.now = l.now.Add(firstProbe)
			l.closed["a"] = closed
			l.turn()
			if l.tries[0] != 2 {
				t.Fatalf("%d letters were sent first: not the newer ones", l.tries[0])
			}
			l.closed["a"] = false
			l.pass(2 * lastProbe)
			if got := l.left(); len(got) != 1 || l.store.heldLetters.Load() != 0 || len(l.store.holds) != 0 {
				t.Errorf("left %q, %d held, %d holds", got, l.store.heldLetters.Load(), len(l.store.holds))
			}
			if l.got["a-0-true"] != 2 || l.got["a-2-true"] != 1 {
				t.Errorf("stored %v", l.got)
			}
		})
	}
}
