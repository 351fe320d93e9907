package pipeline

import (
	"strings"
	"testing"

	"logboom/agent/config"
	"logboom/agent/status"
)

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
