package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"logboom/agent/status"
	"logboom/checkpoint"
)

func TestTheFirstLineOfStatusSaysWhatIsWrong(t *testing.T) {
	n := newNode(t, nowhere, "wal: {min_free: 1MiB}")
	code, out, stderr := logboom(t, t.Context(), "status", "-c", n.file)
	if code != 1 || out != "" || !strings.Contains(stderr, "no agent runs with data_dir") || !strings.Contains(stderr, "logboom run") {
		t.Errorf("%d %s%s", code, out, stderr)
	}
	_, stop := n.run(t)
	var first string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if code, out, stderr = logboom(t, t.Context(), "status", "-c", n.file); code != 0 {
			t.Fatalf("%d %s", code, stderr)
		}
		first, _, _ = strings.Cut(out, "\n")
		if strings.HasPrefix(first, "STUCK: the backend takes nothing: ") && strings.Contains(out, "unread   0 B") {
			break
		}
	}
	if !strings.Contains(first, "connection refused") || !strings.Contains(first, "logs are safe in the WAL") {
		t.Errorf("the first line is %q", first)
	}
	if !regexp.MustCompile(`(?m)^read +46 B = delivered 0 B \+ waiting 46 B \+ dead letters 0 B \+ excluded 0 B \+ lost 0 B$`).MatchString(out) {
		t.Error(out)
	}
	code, out, _ = logboom(t, t.Context(), "status", "-c", n.file, "--json")
	var s status.Status
	if err := json.Unmarshal([]byte(out), &s); err != nil || code != 0 || s.Account.Waiting != 46 || s.Account.Read != 46 {
		t.Errorf("%d %v %+v", code, err, s.Account)
	}
	stop()
	if code, _, stderr := logboom(t, t.Context(), "status", "-c", n.file, "-w"); code != 1 || !strings.Contains(stderr, "no agent runs") {
		t.Errorf("%d %s", code, stderr)
	}
}

func TestStatusTellsWhoHoldsADirectoryAndDoesNotAnswer(t *testing.T) {
	n := newNode(t, nowhere, "")
	lock, err := checkpoint.TakeLock(t.Context(), n.dir+"/data", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	code, _, stderr := logboom(t, t.Context(), "status", "-c", n.file)
	if code != 1 || !strings.Contains(stderr, fmt.Sprintf("locked by process %d", os.Getpid())) || !strings.Contains(stderr, "try again in a few seconds") {
		t.Errorf("%d %s", code, stderr)
	}
}

func TestStatusGoesOnUntilItIsInterrupted(t *testing.T) {
	n := newNode(t, nowhere, "wal: {min_free: 1MiB}")
	n.run(t)
	ctx, cancel := context.WithCancel(t.Context())
	out := &safe{}
	done := make(chan int, 1)
	go func() { done <- execute(ctx, []string{"status", "-w", "-c", n.file}, out, out) }()
	for deadline := time.Now().Add(patience); !strings.Contains(out.String(), "rates ") && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
	cancel()
	if code := <-done; code != 0 || strings.Count(out.String(), "\nagent ") < 2 || strings.Contains(out.String(), "\x1b") {
		t.Errorf("%d %s", code, out)
	}
}

// sick is a Status of an agent that has seen better days.
func sick() *status.Status {
	at := time.Date(2026, 11, 22, 16, 0, 0, 0, time.UTC)
	return &status.Status{
		Version: "1.2.3", Node: "node-1", Started: at.Add(-26 * time.Hour), Now: at,
		Intake:   status.Intake{OpenFiles: 5, PinBytes: 3 << 20, ReadBytes: 9 << 30},
		WAL:      status.WAL{Bytes: 2560 << 20, MaxBytes: 10 << 30, Segments: 320, OldestBlock: at.Add(-90 * time.Minute), FullIn: 7680},
		Delivery: status.Delivery{Stored: 11, Duplicates: 12, DeadLetters: 13, InFlight: 2, Parallel: 1, LastAck: at.Add(-91 * time.Minute), LastError: "503\x1b[31m", LastErrorAt: at.Add(-2 * time.Second), NextRetry: at.Add(4 * time.Second), AckedBytes: 6 << 30},
		Account: status.Account{Known: 9<<30 + 7<<10 + 100, Read: 9 << 30, Unread: 7 << 10, LostUnread: 100, Acked: 6 << 30, Waiting: 3<<30 - 5<<10 - 20,
			DeadLetters: 5 << 10, LostRead: 20},
		FileCount: 42,
		Files: []status.File{{Path: "/a\x1b[2J.log", State: "unreadable", Error: "permission denied"}, {Path: "/b.log", State: "active", Lag: 7 << 10},
			{Path: "/c.log", State: "active"}},
		Problems: []status.Problem{{Severity: "loss", What: "20 bytes were lost (damaged)", Do: "logboom ledger says which"}, {Severity: "warning", What: "can't read /a\x1b[2J.log: permission denied"}},
	}
}

func TestStatusIsDrawnForPeople(t *testing.T) {
	now := sick()
	before := *now
	before.Now = now.Now.Add(-2 * time.Second)
	before.Intake.ReadBytes -= 20 << 20
	before.WAL.Bytes -= 2 << 20
	var out bytes.Buffer
	drawStatus(&out, now, &before)
	want := `LOSS: 20 bytes were lost (damaged). What helps: logboom ledger says which.
WARNING: can't read /a?[2J.log: permission denied.
agent    1.2.3 on node node-1, up 26h00m
read     9.00 GiB = delivered 6.00 GiB + waiting 3.00 GiB + dead letters 5.00 KiB + excluded 0 B + lost 20 B
unread   7.00 KiB in 42 known files, 5 open; lost before reading: 100 B
buffer   2.50 GiB in 320 segments, 25.0% of 10.0 GiB, the oldest waits for 1h30m, full in 2h08m at the present rate; rotated files that pins hold: 3.00 MiB
backend  takes nothing, last acknowledgement 1h31m ago, 2 batches on their way, up to 1 requests at a time; last error 2s ago: 503?[31m; next attempt in 4s
events   11 stored, 12 were stored already, 13 dead letters, since the start
rates    read 10.0 MiB/s, delivered 0 B/s

BEHIND    STATE       FILE
0 B       unreadable  "/a\x1b[2J.log"
7.00 KiB  active      "/b.log"
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
	out.Reset()
	drawStatus(&out, &status.Status{}, nil)
	if !strings.HasPrefix(out.String(), "All is well: nothing is lost, nothing is stuck.\n") {
		t.Error(out.String())
	}
}

func TestWordsForSizesAndTimes(t *testing.T) {
	for bytes, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.00 KiB", 10239: "10.0 KiB", 1 << 20: "1.00 MiB", 1<<20 - 1: "1.00 MiB",
		150 << 30: "150 GiB", 1<<63 - 1: "8.00 EiB"} {
		if got := size(bytes); got != want {
			t.Errorf("%d bytes: %s, want %s", bytes, got, want)
		}
	}
	for d, want := range map[time.Duration]string{-1: "0s", 59 * time.Second: "59s", 61 * time.Second: "1m01s", 47 * time.Hour: "47h00m", 49 * time.Hour: "2 days"} {
		if got := lasting(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}
