package tail

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A power cut tears what nobody fsynced: the inode that our pin keeps, but not the .gz that the kubelet made of it before. Both
// are the same File, and nothing of it is read twice.
func TestATornPinBesideItsWholeGzIsTheSameFile(t *testing.T) {
	for name, tear := range map[string]func(content []byte) []byte{
		"the end is gone":   func(b []byte) []byte { return b[:len(b)/3] },
		"a hole":            func(b []byte) []byte { clear(b[len(b)/3 : len(b)/2]); return b },
		"a hole and no end": func(b []byte) []byte { clear(b[len(b)/3 : len(b)/2]); return b[:2*len(b)/3] },
		"no first line":     func(b []byte) []byte { clear(b[:20]); return b },
		"nothing":           func(b []byte) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			n.lines("0.log", "a", "b", "c", "d", "e", "f")
			n.start()
			n.poll(0)
			n.stop()
			n.rename("0.log", "0.log.20261126-010805")
			n.zip("0.log.20261126-010805")
			n.lines("0.log", "g")
			pin := n.cutPower(tear)
			n.want("a", "b", "c", "d", "e", "f", "g")
			if _, err := os.Stat(pin); !os.IsNotExist(err) {
				t.Errorf("the torn pin stays for ever: %v", err)
			}
			if len(n.losses) > 0 {
				t.Errorf("ledger: %+v", n.losses)
			}
		})
	}
}

// TestATornPinBesideItsTornGzIsTheSameFile has both of them torn: what was read is in the WAL, and is not read again.
func TestATornPinBesideItsTornGzIsTheSameFile(t *testing.T) {
	for name, tear := range map[string]func(content []byte) []byte{
		"the end is gone": func(b []byte) []byte { return b[:len(b)/3] },
		"a hole":          func(b []byte) []byte { clear(b[len(b)/3 : len(b)/2]); return b },
		"no first line":   func(b []byte) []byte { clear(b[:20]); return b },
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			text, messages := n.noise(3000)
			n.put("0.log", text)
			n.start()
			n.poll(0)
			n.stop()
			n.rename("0.log", "0.log.20261126-010805")
			n.zip("0.log.20261126-010805")
			zipped, err := os.ReadFile(n.path("0.log.20261126-010805.gz"))
			must(t, err)
			must(t, os.WriteFile(n.path("0.log.20261126-010805.gz"), zipped[:len(zipped)/2], 0o640))
			n.cutPower(tear)
			if len(n.got) != len(messages) {
				t.Errorf("%d messages, want each of %d once", len(n.got), len(messages))
			}
		})
	}
}

// cutPower tears the only pin, which it returns, and lets the node come up again: twice, as the first agent is killed.
func (n *node) cutPower(tear func(content []byte) []byte) (pin string) {
	n.t.Helper()
	pins, err := filepath.Glob(filepath.Join(n.pins, "*", "*", "*"))
	if err != nil || len(pins) != 1 {
		n.t.Fatalf("pins: %q, %v", pins, err)
	}
	content, err := os.ReadFile(pins[0])
	must(n.t, err)
	must(n.t, os.WriteFile(pins[0], tear(content), 0o640))
	n.boot = false
	n.start()
	n.poll(0)
	n.poll(time.Minute)
	n.restart()
	n.poll(0)
	n.poll(time.Minute)
	return pins[0]
}
