package scenarios

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// The new 0.log gets the inode of one that was just unlinked, as happens on most rotations of a real node
// (fluent-bit #4895, #8025; beats #1341).
func TestReusedInodeIsAnotherFile(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{})
	g.configure(settings{inputs: fmt.Sprintf(filesInput, g.log("*.log"), "plain")})
	const files = 30 // so many that other processes don't take all the inodes first
	hands, before := make([]*hand, files), map[uint64]bool{}
	name := func(i int) string { return g.log(fmt.Sprintf("%d.log", i)) }
	for i := range hands {
		hands[i] = g.hand(fmt.Sprintf("reused-%d", i))
		hands[i].write(name(i), 20)
		before[inode(t, name(i))] = true
	}
	g.agent.start()
	g.awaitStored(20 * files)
	g.agent.kill() // or its descriptors would keep the inodes
	for i := range hands {
		must(t, os.Remove(name(i)))
	}
	reused := 0
	for i, h := range hands {
		h.write(name(i), 30)
		if before[inode(t, name(i))] {
			reused++
		}
	}
	t.Logf("the file system used %d of %d inodes again", reused, files) // some never do
	g.verdict(demand{disordered: true})
}

func inode(t *testing.T, path string) uint64 {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	return info.Sys().(*syscall.Stat_t).Ino
}

// A new file that is shorter than what was read of the old one starts at 0 (fluent-bit #11455: ignored for a day).
func TestOffsetPastTheEnd(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{})
	h, dir := g.container("past")
	log := filepath.Join(dir, "0.log")
	h.write(log, 3000)
	g.agent.start()
	g.awaitStored(3000)
	g.agent.kill()
	must(t, os.Remove(log))
	h.write(log, 20)
	g.agent.start()
	g.awaitStored(3020)
	h.write(log, 20)
	g.verdict(demand{})
}

// A line that is half written when the agent dies is stored whole (fluent-bit #11265).
func TestPartialLineAtRestart(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{})
	h, dir := g.container("half")
	log := filepath.Join(dir, "0.log")
	h.write(log, 100)
	text := h.text(1)
	g.add(log, text[:len(text)/2])
	g.agent.start()
	g.awaitStored(100)
	g.endAgent()
	g.agent.start()
	g.awaitStatus("the agent runs again", func(s status) bool { return s.FileCount == 1 })
	g.add(log, text[len(text)/2:])
	g.awaitStored(101)
	text = h.text(1)
	g.add(log, text[:len(text)/2])
	time.Sleep(300 * time.Millisecond)
	g.agent.kill()
	g.add(log, text[len(text)/2:])
	h.write(log, 10)
	g.verdict(demand{})
}

// However short a file is, it is shipped (beats #44780: not under 1 KiB).
func TestFilesUnderOneKilobyte(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{})
	g.agent.start()
	for i := range 50 {
		h, dir := g.container(fmt.Sprintf("short-%d", i))
		h.write(filepath.Join(dir, "0.log"), 1+i%3)
	}
	g.awaitStored(99)
	g.verdict(demand{})
}

// What was stored is not sent as something new after a restart, with or without the files' old names (beats #36541).
func TestNothingIsSentTwiceAfterRestarts(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{})
	n := g.startNode(busy(2000))
	for i := range 4 {
		g.agent.start()
		n.awaitLines(1500)
		if i%2 == 0 {
			g.endAgent()
		} else {
			g.agent.kill()
		}
	}
	n.end()
	g.verdict(demand{})
}

// The file with the positions is full of NULs, empty, torn or gone (loki #6268, beats #25135, vector #20753).
func TestDamagedCheckpoint(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, path string){
		"NULs": func(t *testing.T, path string) {
			info, err := os.Stat(path)
			must(t, err)
			must(t, os.WriteFile(path, make([]byte, info.Size()), 0o600))
		},
		"Empty": func(t *testing.T, path string) { must(t, os.Truncate(path, 0)) },
		"Torn":  func(t *testing.T, path string) { must(t, os.Truncate(path, 5000)) },
		"Noise": func(t *testing.T, path string) {
			info, err := os.Stat(path)
			must(t, err)
			must(t, os.WriteFile(path, bytes.Repeat([]byte("noise\xff\x01"), int(info.Size())/7), 0o600))
		},
		"Deleted": func(t *testing.T, path string) { must(t, os.Remove(path)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newStage(t, settings{})
			n := g.startNode(busy(2000))
			g.agent.start()
			g.awaitStored(2000)
			g.agent.kill()
			damage(t, filepath.Join(g.data(), "checkpoint.db"))
			g.agent.start()
			n.awaitLines(1000)
			n.end()
			g.verdict(demand{})
		})
	}
}
