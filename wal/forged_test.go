package wal

import (
	"bytes"
	"path/filepath"
	"testing"
)

// TestForgedBlockBehindADamagedLengthIsRefused: where both a frame and the length before it are damaged, the next one is
// searched for, and the first that is found may be a log line of the damaged Block itself. What tells it from a Block of ours
// is the Segment's salt; and, where no frame has told that yet, an Index out of all proportion.
func TestForgedBlockBehindADamagedLengthIsRefused(t *testing.T) {
	for what, c := range map[string]struct {
		damaged Index // the Block that holds the forged one
		forged  Index
	}{
		"by its salt":  {2, 2},
		"by its Index": {1, 1 << 40},
	} {
		t.Run(what, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "wal")
			l, _ := mustOpen(t, Options{Dir: dir})
			w := newWriter(1, 1)
			var want []*Block
			for n := Index(1); n <= 4; n++ {
				b := new(Block)
				if n == c.damaged {
					noisy(w, b, 0, forgedFrame(t, c.forged))
				} else {
					w.add(b, 0, 2)
				}
				mustAppend(t, l, b)
				want = append(want, b)
			}
			mustClose(t, l)
			file := segmentFiles(t, dir)[0]
			p := readFile(t, file)
			at := 0
			for range c.damaged {
				at += 1 + bytes.Index(p[at:], []byte(magic))
			}
			p[at-2], p[at+30] = 0, p[at+30]^1 // the length, and the fixed part
			writeFile(t, file, p)

			l, _ = mustOpen(t, Options{Dir: dir})
			got, damaged := drain(t, l, 0)
			exactly(t, what, want[c.damaged-1], damaged)
			sameAll(t, got, append(want[:c.damaged-1:c.damaged-1], want[c.damaged:]...))
		})
	}
}
