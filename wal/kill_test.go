package wal

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestMain lets a copy of this program be the one that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("LOGBOOM_TEST_WRITER"); dir != "" {
		writeUntilKilled(dir)
	}
	os.Exit(m.Run())
}

// writeUntilKilled appends Blocks and tells each that is durable.
func writeUntilKilled(dir string) {
	l, r, err := Open(Options{Dir: dir, SegmentSize: 20 << 10})
	if err != nil {
		panic(err)
	}
	w := newWriter(3, 1)
	for i, f := range w.files {
		w.at[i] = r.Files[f.ID].End
	}
	for i := 0; ; i++ {
		b := w.block(1+i%9, i%3, (i+1)%3)
		if err := l.Append(b); err != nil {
			panic(err)
		}
		if i%4 == 3 {
			if err := l.Sync(); err != nil {
				panic(err)
			}
			fmt.Println(uint64(l.Durable()))
		}
	}
}

// TestKilledWriterKeepsItsWord kills a real process at any moment, again and again, on one WAL.
func TestKilledWriterKeepsItsWord(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "wal")
	r := rand.New(rand.NewPCG(1, 1))
	var promised uint64
	for range 8 {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), "LOGBOOM_TEST_WRITER="+dir)
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for range 1 + r.IntN(40) {
			if !lines.Scan() {
				t.Fatal("the writer ended by itself")
			}
		}
		time.AfterFunc(time.Duration(r.IntN(5000))*time.Microsecond, func() { c.Process.Kill() })
		for more := true; more; more = lines.Scan() {
			fmt.Sscan(lines.Text(), &promised)
		}
		c.Wait()
		l, rec := mustOpen(t, Options{Dir: dir})
		got, damaged := drain(t, l, 0)
		if len(damaged)+len(rec.Damaged) > 0 || uint64(rec.Last) < promised || got[len(got)-1].Index != rec.Last {
			t.Fatalf("%d was promised, %d is there, damaged %+v", promised, rec.Last, damaged)
		}
		ends := map[FileID]Offset{}
		for _, b := range got {
			for _, rec := range b.Records {
				if rec.Start != ends[rec.File.ID] {
					t.Fatalf("block %d: %s goes on at %d, not %d", b.Index, rec.File.Pod, rec.Start, ends[rec.File.ID])
				}
				ends[rec.File.ID] = rec.End
			}
		}
		mustClose(t, l)
	}
}
