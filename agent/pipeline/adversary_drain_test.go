package pipeline

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"logboom/agent/tail"
	"logboom/checkpoint"
	"logboom/wal"
)

func TestFiveThousandSmallFiles(t *testing.T) {
	dir := t.TempDir()
	logs := filepath.Join(dir, "logs")
	os.MkdirAll(logs, 0o755)
	for i := range 5000 {
		os.WriteFile(filepath.Join(logs, fmt.Sprintf("%d.log", i)), []byte("x\n"), 0o640)
	}
	store, _ := checkpoint.Open(filepath.Join(dir, "checkpoint.db"))
	defer store.Close()
	log, _, _ := wal.Open(wal.Options{Dir: filepath.Join(dir, "wal")})
	defer log.Close()
	tailer := tail.New(tail.Options{Inputs: []tail.Input{{Paths: []string{logs + "/*.log"}, Format: wal.Plain}}, Node: "n", Ledger: store,
		Acked: func() wal.Index { return 0 }, Log: quiet})
	defer tailer.Close()
	in := &Intake{source: tailer, log: log, space: func() error { return nil }, slog: quiet}
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("panic: %v", r)
		}
	}()
	for range 10 {
		in.Step(time.Now())
	}
}
