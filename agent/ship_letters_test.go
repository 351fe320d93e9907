package main

import (
	"strings"
	"testing"
)

// What the agent put aside is not sent by ship: whoever throws the directory away then must have been told.
func TestShipTellsOfDeadLettersFromBefore(t *testing.T) {
	n, _ := left(t)
	b := newBackend(t)
	b.set(refuse("line 77 of"))
	other := elsewhere(t, b)
	n.say(t, "wal", "ship", "-c", other, n.data())
	for _, args := range [][]string{{"wal", "ship", "-c", other, n.data()}, {"wal", "ship", "--copy", "-c", other, n.data()}} {
		out := n.say(t, args...)
		if !strings.Contains(out, "0 events were stored") || !strings.Contains(out, n.data()+"/deadletter holds 1 events in all") {
			t.Errorf("%v: %s", args, out)
		}
	}
}
