package pipeline

import (
	"strings"
	"testing"
	"time"

	"logboom/agent/config"
	"logboom/agent/status"
	"logboom/sink"
)

// A backend that answers and takes nothing is no better than one that is away.
func TestABackendThatAnswersAndRefusesIsAProblem(t *testing.T) {
	now := time.Now()
	long, lately := now.Add(-2*stalled), now.Add(-time.Second)
	for name, c := range map[string]struct {
		oldest, acked time.Time
		problem       string
		severity      string
	}{
		"all is well":          {lately, lately, "", ""},
		"it began just now":    {lately, long, "index logs: closed", "warning"},
		"others are delivered": {long, lately, "index logs: closed", "warning"},
		"nothing is":           {long, long, "index logs: closed", "stuck"},
		"nothing ever was":     {long, time.Time{}, "index logs: closed", "stuck"},
	} {
		s := status.Status{Now: now, Intake: status.Intake{Pins: true}, WAL: status.WAL{OldestBlock: c.oldest},
			Delivery: status.Delivery{BackendUp: true, LastAck: c.acked, LastError: c.problem}}
		all := problems(&s)
		if c.severity == "" && len(all) == 0 {
			continue
		}
		if len(all) != 1 || all[0].Severity != c.severity || !strings.Contains(all[0].What, c.problem) {
			t.Errorf("%s: %v", name, all)
		}
	}
}

func TestABackendThatWasNotAskedIsNotDown(t *testing.T) {
	for _, c := range []struct {
		h    sink.Health
		want bool
	}{{sink.Health{}, true}, {sink.Health{LastError: "connection refused"}, false}, {sink.Health{Up: true}, true}, {sink.Health{Up: true, LastError: "closed"}, true}} {
		if answers(c.h) != c.want {
			t.Errorf("%+v: want %v", c.h, c.want)
		}
	}
}

func TestThousandsOfUnreadableFilesAreFewProblems(t *testing.T) {
	s := &status.Status{Intake: status.Intake{Pins: true}, Files: make([]status.File, 1000)}
	for i := range 400 {
		s.Files[i] = status.File{Path: "/x", Error: "permission denied"}
	}
	all := problems(s)
	if len(all) != 11 || all[10].What != "can't read 390 more files" {
		t.Errorf("%d problems: %+v", len(all), all[len(all)-1])
	}
}

// A file in doubt is a problem wherever it stands in the list: those that are behind come first.
func TestFilesInDoubtAreFewProblems(t *testing.T) {
	s := &status.Status{Intake: status.Intake{Pins: true}, Files: make([]status.File, 50)}
	for i := range s.Files[30:] {
		s.Files[30+i] = status.File{Path: "/x", Doubt: "its checksum is wrong"}
	}
	all := problems(s)
	if len(all) != 11 || all[0].What != "/x: its checksum is wrong" || all[10].What != "10 more files are damaged at their end" {
		t.Errorf("%d problems: %+v", len(all), all)
	}
}

func TestProblemsSayHowLongTheBufferLasts(t *testing.T) {
	well := status.Status{Intake: status.Intake{Pins: true}}
	for seconds, want := range map[int64]string{0: "", 90: "90 seconds", 1000: "17 minutes", 20_000: "6 hours", soon: ""} {
		for onFull, then := range map[config.OnFull]string{config.Block: "reading stops", config.DropOldest: "the oldest logs are given up"} {
			s := well
			s.WAL.FullIn, s.WAL.OnFull = seconds, string(onFull)
			all := problems(&s)
			if want == "" {
				if len(all) != 0 {
					t.Errorf("%d seconds: %v", seconds, all)
				}
				continue
			}
			if len(all) != 1 || !strings.Contains(all[0].What, "full in about "+want+",") || !strings.Contains(all[0].Do, then) {
				t.Errorf("%d seconds: %v", seconds, all)
			}
		}
	}
}
