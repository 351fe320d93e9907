package scenarios

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"testing"
	"time"
)

// copytruncate copies a log and cuts it, as logrotate does with that option.
func (g *stage) copytruncate(log, to string) {
	g.t.Helper()
	data, err := os.ReadFile(log)
	must(g.t, err)
	must(g.t, os.WriteFile(to, data, 0o640))
	must(g.t, os.Truncate(log, 0))
}

// What is cut off before it was read is found in the copy (beats #45300, opentelemetry-collector-contrib #43693).
func TestCopytruncateOfWhatNobodyRead(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{})
	g.configure(settings{inputs: fmt.Sprintf(filesInput, g.log("*.log"), "plain")})
	h := g.hand("copied")
	log := g.log("a.log")
	h.write(log, 300)
	g.agent.start()
	g.awaitStored(300)
	for i := range 3 {
		g.agent.pause()
		h.write(log, 400)
		g.copytruncate(log, fmt.Sprintf("%s.%d", log, i+1))
		h.write(log, 10)
		g.agent.goOn()
		g.awaitStored(300 + 410*int64(i+1))
	}
	g.verdict(demand{disordered: true})
}

// What is cut off and stands nowhere else is lost, and listed to the byte.
func TestTruncationIsListedToTheByte(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{})
	g.configure(settings{inputs: fmt.Sprintf(filesInput, g.log("*.log"), "plain"), wal: smallWAL})
	h := g.hand("cut")
	log := g.log("a.log")
	h.write(log, 300)
	g.agent.start()
	g.awaitStored(300)
	g.backend.kill() // the WAL gets full, and reading stops: what is written now is seen and not read
	other := g.hand("other")
	other.noise = true
	other.write(g.log("other.log"), 20000)
	g.awaitStatus("the WAL is full", func(s status) bool { return s.Intake.Blocked != "" })
	h.write(log, 700)
	info, err := os.Stat(log)
	must(t, err)
	g.awaitStatus("the file's size is known", func(s status) bool {
		for _, f := range s.Files {
			if f.Path == log && f.Size == info.Size() {
				return true
			}
		}
		return false
	})
	must(t, os.Truncate(log, 0))
	await(t, "the loss is listed", func() bool { return len(g.ledger()) > 0 })
	h.write(log, 50)
	g.startBackend()
	g.verdict(demand{lost: 700, disordered: true})
}

func zipped(t *testing.T, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(text)
	must(t, err)
	must(t, z.Close())
	return b.Bytes()
}

// A rotated file is there under two names for a while, plain and as a .gz that grows (contrib #46105, #37772).
func TestZippedBesideItsPlainFileIsReadOnce(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{})
	g.configure(settings{inputs: fmt.Sprintf(filesInput, g.log("*.log"), "plain")})
	h := g.hand("zipped")
	log := g.log("a.log")
	h.write(log, 2000)
	g.agent.start()
	g.awaitStored(2000)
	g.agent.pause()
	h.write(log, 2000)
	g.rename(log, "a.log.1")
	text, err := os.ReadFile(log + ".1")
	must(t, err)
	z := zipped(t, text)
	must(t, os.WriteFile(log+".1.gz", z[:len(z)/2], 0o640))
	h.write(log, 100)
	g.agent.goOn()
	g.awaitStored(4100)
	time.Sleep(1500 * time.Millisecond) // for a scan at least
	must(t, os.WriteFile(log+".1.gz", z, 0o640))
	must(t, os.Remove(log+".1"))
	time.Sleep(1500 * time.Millisecond)
	g.endAgent()
	g.rename(log+".1.gz", "a.log.2.gz")
	g.verdict(demand{disordered: true})
}

// A .gz that is none, and one that ends in its middle, hold up nobody and bring no garbage.
func TestZippedGarbage(t *testing.T) {
	t.Parallel()
	g := newStage(t, settings{})
	h, dir := g.container("garbage")
	must(t, os.WriteFile(dir+"/0.log.20261125-101010.gz", []byte("this is no gzip at all\n"), 0o640))
	must(t, os.WriteFile(dir+"/0.log.20261125-101011.gz", nil, 0o640))
	must(t, os.WriteFile(dir+"/0.log.20261125-101012.gz", bytes.Repeat([]byte{0}, 4096), 0o640))
	h.write(dir+"/0.log", 500)
	g.agent.start()
	g.awaitStored(500)
	h.write(dir+"/0.log", 500)
	g.awaitStored(1000)
	g.verdict(demand{})
}
