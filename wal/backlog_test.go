package wal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// opening is what a start on a backlog costs a process that does nothing else.
type opening struct {
	Seconds  float64 // until it was open, which is the machine's affair, too
	CPU      float64 // seconds
	Read     int64   // bytes
	Memory   int64   // bytes, the most that the process had resident
	Segments int
	Bytes    int64
	Files    int
}

const (
	backlogEnv = "LOGBOOM_BACKLOG"     // bytes on disk
	openEnv    = "LOGBOOM_BACKLOG_DIR" // this process is the one that opens it
)

// TestBacklogOpensInSeconds opens a backlog in a process of its own, with seconds of a core and 100 MB, whatever its size,
// since no more is read than the last Segment and the ends of the others. `make backlog` does so with 5 GB.
func TestBacklogOpensInSeconds(t *testing.T) {
	if dir := os.Getenv(openEnv); dir != "" {
		openBacklog(t, dir)
		return
	}
	size := int64(64 << 20)
	if text := os.Getenv(backlogEnv); text != "" {
		var err error
		if size, err = strconv.ParseInt(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.Join(t.TempDir(), "wal")
	start := time.Now()
	last := writeBacklog(t, dir, size)
	t.Logf("written in %v", time.Since(start).Round(time.Second))
	cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), openEnv+"="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	_, text, _ := bytes.Cut(out, []byte("opened: "))
	var o opening
	if err := json.Unmarshal(bytes.SplitN(text, []byte("\n"), 2)[0], &o); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%+v", o)
	if o.Bytes < size || o.Segments < int(size>>24) || o.Files != 200 {
		t.Errorf("that is not the backlog of %d bytes, up to block %d", size, last)
	}
	if most := 3*int64(defaultSegmentSize) + size/50; o.Read > most || o.CPU > 5 || o.Memory > 100e6 {
		t.Errorf("%d bytes were read, of at most %d, with %.1f s of a core and %d MB", o.Read, most, o.CPU, o.Memory/1e6)
	}
}

// openBacklog opens it, reads the first and the last Block, and says what that cost.
func openBacklog(t *testing.T, dir string) {
	cpu, read, start := used(t)
	l, r := mustOpen(t, Options{Dir: dir})
	o := opening{Seconds: time.Since(start).Seconds(), Segments: r.Segments, Bytes: r.Bytes, Files: len(r.Files)}
	cpuAfter, readAfter, _ := used(t)
	o.CPU, o.Read = cpuAfter-cpu, readAfter-read
	var b Block
	for _, after := range []Index{0, r.Last - 1} {
		if err := l.Next(after, &b); err != nil || len(b.Text) == 0 {
			t.Fatal(err)
		}
	}
	status := readFile(t, "/proc/self/status")
	_, line, _ := bytes.Cut(status, []byte("VmHWM:"))
	if _, err := fmt.Sscanf(string(line), "%d kB", &o.Memory); err != nil {
		t.Fatal(err)
	}
	o.Memory <<= 10
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("opened: %s\n", text)
}

// used is what this process has had of a core, in seconds, and the bytes that it has read, until now.
func used(t *testing.T) (cpu float64, read int64, now time.Time) {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	_, line, _ := bytes.Cut(readFile(t, "/proc/self/io"), []byte("rchar: "))
	if _, err := fmt.Sscan(string(line), &read); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds(), read, time.Now()
}

// writeBacklog writes Segments of noise, which takes the disk's time only, of 200 Files, until there are so many bytes.
func writeBacklog(t *testing.T, dir string, size int64) Index {
	t.Helper()
	l, _ := mustOpen(t, Options{Dir: dir})
	w := newWriter(200, 1)
	text := make([]byte, MaxText/8)
	r := rand.NewChaCha8([32]byte{1})
	r.Read(text)
	for i := 0; l.Stats().Bytes < size; i++ {
		b := new(Block)
		for k := range 8 {
			w.put(b, (8*i+k)%200, text)
		}
		if err := l.Append(b); err != nil {
			t.Fatal(err)
		}
	}
	mustClose(t, l)
	return l.Durable()
}
