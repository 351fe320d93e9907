package tail

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"logboom/checkpoint"
	"logboom/wal"
)

// noise makes lines that do not compress well: a cut through the middle of their .gz is one through the middle of them.
func (n *node) noise(lines int) (text []byte, messages []string) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range lines {
		m := fmt.Sprintf("%d %x%x", i, r.Uint64(), r.Uint64())
		messages = append(messages, m)
		text = append(text, n.cri("F", m)...)
	}
	return text, messages
}

func zipOf(t testing.TB, text []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	_, err := z.Write(text)
	must(t, err)
	must(t, z.Close())
	return buf.Bytes()
}

func (n *node) put(name string, content []byte) {
	n.t.Helper()
	must(n.t, os.MkdirAll(filepath.Dir(n.path(name)), 0o755))
	must(n.t, os.WriteFile(n.path(name), content, 0o640))
}

// What stands behind the damage of a .gz is in the ledger, wherever the damage is.
func TestADamageInTheMiddleOfAGzIsListed(t *testing.T) {
	for _, lines := range []int{100, 20000} {
		n := newNode(t)
		text, messages := n.noise(lines)
		zip := zipOf(t, text)
		n.put("0.log.20261122-160141.gz", zip[:len(zip)/2])
		n.start()
		for range 8 {
			n.poll(20 * time.Second)
		}
		if len(n.got) < lines/3 || len(n.got) >= lines || n.got[1] != messages[1] {
			t.Errorf("%d of %d lines were read", len(n.got), lines)
		}
		if len(n.losses) != 1 || n.losses[0].Cause != checkpoint.CauseDamaged || !n.losses[0].AtLeast {
			t.Errorf("%d of %d lines were read, and the ledger has %v", len(n.got), lines, n.losses)
		}
	}
}

// The size of a plain file that was seen is known: what its damaged .gz lacks of it is in the ledger to the byte, and once.
func TestWhatADamagedGzLacksIsListedToTheByte(t *testing.T) {
	n := newNode(t)
	n.pins = ""
	blocked := true
	n.start()
	n.tail.o.Waits = func(*wal.File) bool { return blocked }
	text, _ := n.noise(5000)
	n.put("0.log", text)
	n.poll(time.Second)
	for _, f := range n.tail.byID {
		n.tail.close(f) // as makeRoom does
	}
	zip := zipOf(t, text)
	n.remove("0.log")
	n.put("0.log.20261122-160141.gz", zip[:len(zip)/2])
	blocked = false
	for range 8 {
		n.poll(20 * time.Second)
	}
	if len(n.losses) != 1 || n.losses[0].Start == 0 || n.losses[0].End != wal.Offset(len(text)) || n.losses[0].Cause != checkpoint.CauseDamaged {
		t.Errorf("ledger: %+v", n.losses)
	}
}

// Records that are void are read again, although damage was met behind them.
func TestADamageIsListedBehindWhatIsDurable(t *testing.T) {
	n := newNode(t)
	text, _ := n.noise(100)
	zip := zipOf(t, text)
	n.put("0.log.20261122-160141.gz", zip[:len(zip)/2])
	n.start()
	for range 20 { // nothing becomes durable meanwhile
		n.now = n.now.Add(time.Second)
		var b wal.Block
		n.tail.Poll(n.now, &b)
		if len(n.losses) > 0 {
			t.Fatalf("listed before what stands in front is durable: %+v", n.losses)
		}
	}
	n.tail.Rewind()
	for range 8 {
		n.poll(20 * time.Second)
	}
	if len(n.got) < 30 || len(n.losses) != 1 {
		t.Errorf("%d lines were read; ledger: %+v", len(n.got), n.losses)
	}
}

// sick is a file that gives errors of the disk where it is not well.
type sick struct {
	r   *bytes.Reader
	at  int64 // reading behind this fails
	err error
}

func (s *sick) Read(p []byte) (int, error) {
	if at := s.r.Size() - int64(s.r.Len()); s.err != nil && at+int64(len(p)) > s.at {
		return 0, &fs.PathError{Op: "read", Path: "x.gz", Err: s.err}
	}
	return s.r.Read(p)
}

func (s *sick) Seek(off int64, whence int) (int64, error) { return s.r.Seek(off, whence) }

func (s *sick) Close() error { return nil }

// An error of the disk is no damage of the file, and no end of it: it is read on when the disk is well again.
func TestADiskThatFailsForAMomentIsNoDamage(t *testing.T) {
	n := newNode(t)
	text, _ := n.noise(20000)
	disk := &sick{r: bytes.NewReader(zipOf(t, text)), at: 100000}
	c, err := newZipped(disk)
	must(t, err)
	var got []byte
	buf := make([]byte, 50000)
	failed := 0
	for len(got) < len(text) {
		switch failed {
		case 0, 1, 2:
			disk.err = syscall.EIO
		default:
			disk.err = nil
		}
		k, err := c.readAt(buf, int64(len(got)))
		switch {
		case errors.Is(err, errDamaged):
			t.Fatalf("at %d: %v", len(got), err)
		case err != nil:
			failed++
			continue
		case k < len(buf) && len(got)+k < len(text):
			t.Fatalf("at %d: an end behind %d bytes", len(got), k)
		}
		got = append(got, buf[:k]...)
		if same, err := c.follows(text[max(0, len(got)-k-64):len(got)-k], int64(len(got)-k)); err != nil || !same {
			t.Fatalf("at %d: does not follow", len(got))
		}
	}
	if failed != 3 || !bytes.Equal(got, text) {
		t.Errorf("%d bytes of %d, %d errors", len(got), len(text), failed)
	}
}
