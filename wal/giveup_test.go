package wal

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	tidwall "github.com/tidwall/wal"
)

// TestEachFailureGivesUpAndLosesNothing fails the nth operation, for each n and kind of error, while Blocks are appended.
func TestEachFailureGivesUpAndLosesNothing(t *testing.T) {
	for n := 0; ; n++ {
		l, d := openSim(t, Options{SegmentSize: 1500})
		count, hit := 0, ""
		d.fail = func(op string) error {
			if count++; count-1 != n {
				return nil
			}
			hit = op
			return syscall.EIO
		}
		w := newWriter(2, 1)
		var want []*Block
		for range 12 {
			want = append(want, w.block(3, 0, 1))
		}
		for next := 0; next < len(want) || l.Durable() < want[len(want)-1].Index; {
			var err error
			if next < len(want) {
				err = l.Append(want[next])
				next++
			}
			if err == nil && next%2 == 0 {
				err = l.Sync()
			}
			if err == nil {
				continue
			}
			if !errors.Is(err, ErrGivenUp) || !errors.Is(err, syscall.EIO) {
				t.Fatalf("%s failed: %v", hit, err)
			}
			for next > 0 && (want[next-1].Index == 0 || want[next-1].Index > l.Durable()) {
				next--
				want[next].Index = 0
			}
		}
		got, damaged := drain(t, l, 0)
		if len(damaged) > 0 {
			t.Fatalf("%s failed: damaged %+v", hit, damaged)
		}
		sameAll(t, got, want)
		if s := l.Stats(); hit != "" && (s.Failures != 1 || s.LastError == "") {
			t.Fatalf("stats after a failed %s: %+v", hit, s)
		}
		d.fail = nil
		mustClose(t, l)
		l, r, err := open(Options{Dir: l.shelf.dir}, d, realAccess)
		if err != nil || len(r.Damaged) > 0 {
			t.Fatalf("%s failed: %v %+v", hit, err, r)
		}
		got, _ = drain(t, l, 0)
		sameAll(t, got, want)
		l.Close()
		if hit == "" {
			if n < 30 {
				t.Fatalf("only %d operations failed", n)
			}
			return
		}
	}
}

// TestGivenUpBlocksAreNotGivenOutAgain: even when they can't be cut off, the next Segment's Prev says that they don't
// count; the same for a Segment that was given up behind its summary.
func TestGivenUpBlocksAreNotGivenOutAgain(t *testing.T) {
	for name, c := range map[string]struct{ cut, sealing bool }{
		"cut off": {true, false}, "left there": {false, false}, "sealed, cut off": {true, true}, "sealed": {false, true},
	} {
		t.Run(name, func(t *testing.T) {
			l, d := openSim(t, Options{})
			w := newWriter(1, 1)
			first, second, again := w.block(1, 0), w.block(1, 0), w.block(1, 0)
			mustAppend(t, l, first)
			file := segmentFiles(t, l.shelf.dir)[0]
			good := readFile(t, file)
			if err := l.Append(second); err != nil {
				t.Fatal(err)
			}
			d.fail = func(op string) error {
				if op == "sync" || op == "truncate" && !c.cut {
					return syscall.EIO
				}
				return nil
			}
			err := l.Sync
			if c.sealing {
				err = l.seal
			}
			if err := err(); !errors.Is(err, ErrGivenUp) {
				t.Fatal(err)
			}
			d.fail = nil
			if left := readFile(t, file); c.cut != (len(left) == len(good)) {
				t.Fatalf("%d bytes are left, %d are durable", len(left), len(good))
			}
			again.Records, again.Text = second.Records, second.Text
			mustAppend(t, l, again)
			if again.Index <= second.Index {
				t.Fatalf("index %d after %d was given up", again.Index, second.Index)
			}
			for range 2 {
				got, damaged := drain(t, l, 0)
				if len(damaged) > 0 {
					t.Fatalf("damaged: %+v", damaged)
				}
				sameAll(t, got, []*Block{first, again})
				l.Close()
				var err error
				if l, _, err = open(Options{Dir: l.shelf.dir}, d, realAccess); err != nil {
					t.Fatal(err)
				}
			}
			l.Close()
		})
	}
}

// TestGivingUpLeavesNothingOpen: tidwall keeps its file open when the fsync of its Close fails.
func TestGivingUpLeavesNothingOpen(t *testing.T) {
	l, d := openSim(t, Options{})
	if err := l.Append(newWriter(1, 1).block(1, 0)); err != nil {
		t.Fatal(err)
	}
	fails := 2
	d.fail = func(op string) error {
		if op != "sync" || fails == 0 {
			return nil
		}
		fails--
		return syscall.EIO
	}
	file := d.files[folderName(1)].real
	if err := l.Sync(); !errors.Is(err, ErrGivenUp) {
		t.Fatal(err)
	}
	if err := file.Sync(); !errors.Is(err, tidwall.ErrClosed) {
		t.Fatalf("the file is still open: %v", err)
	}
	if files := segmentFiles(t, l.shelf.dir); len(files) > 0 || l.Stats().Segments > 0 || l.Stats().Bytes > 0 {
		t.Fatalf("nothing of it was durable, and it is there: %v, %+v", files, l.Stats())
	}
}

func TestEveryErrorSaysWhatFailed(t *testing.T) {
	l, d := openSim(t, Options{})
	d.fail = func(op string) error {
		if op == "mkdir" {
			return fmt.Errorf("mkdir: %w", syscall.ENOSPC)
		}
		return nil
	}
	err := l.Append(newWriter(1, 1).block(1, 0))
	if !errors.Is(err, ErrGivenUp) || !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "create segment 1") {
		t.Fatal(err)
	}
}
