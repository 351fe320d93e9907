package tail

import (
	"fmt"
	"testing"
	"time"

	"logboom/checkpoint"
	"logboom/wal"
)

// A .gz that goes before it is read costs what is known to have stood in it and was not read. That a .gz might have held more than
// its plain file, of which all was read, is no loss.
func TestAGzThatGoesUnreadIsListedWhereItHeldMore(t *testing.T) {
	for name, c := range map[string]struct {
		known   bool // some lines were read from the plain file
		grows   bool // there is more in the .gz
		restart bool // and the agent did not run when it was made
		lost    bool
	}{
		"all was read":                     {known: true},
		"all was read before a restart":    {known: true, restart: true},
		"it grew between two looks":        {known: true, grows: true, lost: true},
		"it grew while no agent ran":       {known: true, grows: true, restart: true, lost: true},
		"nothing was read":                 {grows: true, lost: true},
		"nothing was read before it began": {grows: true, restart: true, lost: true},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			n.pins = ""
			n.start()
			if c.known {
				n.lines("0.log", "a", "b")
			} else {
				n.lines("1.log", "other")
			}
			n.poll(0)
			n.poll(6 * time.Second)
			read := n.messages()
			if c.restart {
				n.stop()
			}
			if c.grows {
				n.lines("0.log", "c", "d")
			}
			closeAll := func() {
				for _, f := range n.tail.byID {
					n.tail.close(f) // as makeRoom does
				}
			}
			if !c.restart {
				closeAll()
			}
			n.rename("0.log", "0.log.20261122-160141")
			n.zip("0.log.20261122-160141")
			if c.restart {
				n.start()
			}
			n.tail.o.Waits = func(*wal.File) bool { return true } // the WAL is full
			n.look(3, time.Second)
			closeAll()
			n.remove("0.log.20261122-160141.gz")
			n.look(5, 2*time.Second)
			if got := n.messages(); len(got) != len(read) {
				t.Fatalf("read %v, then %v", read, got)
			}
			if len(n.losses) > 0 != c.lost || c.lost && (len(n.losses) != 1 || n.losses[0].End <= n.losses[0].Start || !n.losses[0].AtLeast) {
				t.Errorf("ledger: %+v", n.losses)
			}
		})
	}
}

// What was decompressed of a .gz and not read is lost with it, wherever reading stopped.
func TestAGzThatGoesHalfReadIsListed(t *testing.T) {
	n := newNode(t)
	text, messages := n.noise(20000)
	n.put("0.log.20261122-160141.gz", zipOf(t, text))
	n.start()
	var b wal.Block
	n.tail.Poll(n.now, &b)
	n.take(&b)
	for _, f := range n.tail.byID {
		n.tail.close(f) // as makeRoom does
	}
	n.remove("0.log.20261122-160141.gz")
	for range 4 {
		n.poll(2 * time.Second)
	}
	if len(n.got) == 0 || len(n.got) == len(messages) || len(n.losses) != 1 || n.losses[0].End <= n.losses[0].Start || !n.losses[0].AtLeast {
		t.Errorf("%d of %d lines were read; ledger: %+v", len(n.got), len(messages), n.losses)
	}
}

// Whether anything stood behind the Offset in a .gz that is damaged before it, nobody can know: that is a trouble as long as it is
// there, and no loss. Behind the Offset it is one.
func TestADamageBeforeTheOffsetIsATroubleAndNoLoss(t *testing.T) {
	n := newNode(t)
	n.pins = ""
	text, messages := n.noise(5000)
	n.put("0.log", text)
	n.start()
	n.poll(0)
	n.poll(6 * time.Second)
	n.stop()
	n.remove("0.log")
	zip := zipOf(t, text)
	n.put("0.log.20261122-160141.gz", zip[:len(zip)/2])
	for range 3 {
		n.start()
		for range 4 {
			n.poll(20 * time.Second)
		}
		if len(n.got) != len(messages) || len(n.losses) != 0 {
			t.Fatalf("%d of %d lines; ledger: %+v", len(n.got), len(messages), n.losses)
		}
		if files := n.tail.Report().Files; len(files) != 1 || files[0].Error == "" || !n.tail.AtEnd() {
			t.Errorf("status: %+v", files)
		}
		n.stop()
	}

	for i := range 200 {
		text = append(text, n.cri("F", fmt.Sprintf("%x", i*i*i*7919))...)
	}
	zip = zipOf(t, text)
	n.put("0.log.20261122-160141.gz", zip[:len(zip)-200])
	n.start()
	for range 4 {
		n.poll(20 * time.Second)
	}
	if len(n.losses) != 1 || n.losses[0].Cause != checkpoint.CauseDamaged || !n.losses[0].AtLeast {
		t.Errorf("%d of %d lines; ledger: %+v", len(n.got), len(messages), n.losses)
	}
}
