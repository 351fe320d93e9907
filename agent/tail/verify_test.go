package tail

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// Two files may begin with the same line: a program's banner, a header. What stands under a known first line is that
// File only if everything that was read of it is there.
func TestOneFirstLineMakesNoFile(t *testing.T) {
	// The agent has read banner, a and b of app.log, and is down.
	before, after := "banner\na\nb\n", "banner\nx\ny\nz\n"
	ways := map[string]func(n *node){
		"written anew on the same inode": func(n *node) { n.rewrite("app.log", after) },
		"written anew and renamed": func(n *node) {
			n.rewrite("app.log", after)
			n.rename("app.log", "app.log.1")
		},
		"a rotated file of another inode": func(n *node) {
			n.remove("app.log")
			n.write("hold the inode", "")
			n.write("app.log.1", after)
		},
		"a .gz": func(n *node) {
			n.remove("app.log")
			n.write("app.log.1", after)
			n.zip("app.log.1")
		},
		"a .gz of as many bytes": func(n *node) {
			n.remove("app.log")
			n.write("app.log.1", "banner\nx\ny\n")
			n.zip("app.log.1")
		},
	}
	for name, change := range ways {
		for _, boot := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, same boot %v", name, boot), func(t *testing.T) {
				n := newNode(t)
				n.files("app.log")
				n.write("app.log", before)
				n.start()
				n.poll(0)
				n.want("banner", "a", "b")
				n.stop()
				n.got, n.boot = nil, boot
				change(n)
				want := []string{"banner", "x", "y", "z"}
				if name == "a .gz of as many bytes" {
					want = want[:3]
				}
				n.start()
				for range 5 {
					n.poll(20 * time.Second)
				}
				n.want(want...)
			})
		}
	}
}

// The same for containers, whose first line has a time: a clock that was set back, or a line that a program printed in
// the runtime's format, must not hide a whole file.
func TestOneFirstLineMakesNoContainersFile(t *testing.T) {
	for _, zipped := range []bool{false, true} {
		for _, boot := range []bool{true, false} {
			t.Run(fmt.Sprintf("gz %v, same boot %v", zipped, boot), func(t *testing.T) {
				n := newNode(t)
				n.pins = ""
				first := n.cri("F", "first")
				n.write("0.log", first+n.cri("F", "a"))
				n.start()
				n.poll(0)
				n.stop()
				n.boot = boot
				n.rename("0.log", "hidden") // its inode stays taken
				n.write("0.log.20261122-160141", first+n.cri("F", "b"))
				if zipped {
					n.zip("0.log.20261122-160141")
				}
				n.start()
				for range 5 {
					n.poll(20 * time.Second)
				}
				n.want("first", "a", "first", "b")
			})
		}
	}
}

// While the agent runs, a descriptor says more than a first line, too: what is renamed to a rotated name is read on only
// from its own inode.
func TestARotatedFileWithAKnownFirstLineIsReadWhole(t *testing.T) {
	n := newNode(t)
	n.files("app.log*")
	n.write("app.log", "banner\na\n")
	n.start()
	n.poll(0)
	n.write("app.log.1", "banner\nb\n")
	n.write("app.log", "c\n")
	for range 5 {
		n.poll(20 * time.Second)
	}
	n.counts(map[string]int{"banner": 2, "a": 1, "b": 1, "c": 1})
}

// A copy of what was read (copytruncate makes one) is no new File, wherever the reading stopped.
func TestACopyOfWhatWasReadIsNotReadAgain(t *testing.T) {
	n := newNode(t)
	n.files("app.log")
	n.write("app.log", "banner\na\n")
	n.start()
	n.poll(0)
	n.stop()
	n.write("app.log", "b\n")
	text, err := os.ReadFile(n.path("app.log"))
	must(t, err)
	n.rewrite("app.log", "banner\nc\n")
	must(t, os.WriteFile(n.path("app.log.1"), text, 0o640))
	n.start()
	for range 5 {
		n.poll(20 * time.Second)
	}
	n.counts(map[string]int{"banner": 2, "a": 1, "b": 1, "c": 1})
}

// counts compares how often each message was delivered.
func (n *node) counts(want map[string]int) {
	n.t.Helper()
	got := map[string]int{}
	for _, m := range n.got {
		got[m]++
	}
	for m, times := range want {
		if got[m] != times {
			n.t.Errorf("%q was delivered %d times, want %d", m, got[m], times)
		}
	}
	if len(got) != len(want) {
		n.t.Errorf("delivered: %q", n.got)
	}
}

// rewrite truncates a file and writes text, on its inode.
func (n *node) rewrite(name, text string) {
	n.t.Helper()
	must(n.t, os.WriteFile(n.path(name), []byte(text), 0o640))
}
