package pipeline

import (
	"testing"

	"logboom/agent/config"
	"logboom/agent/parse"
)

// A name without rules would leave every line an Event of its own, and say nothing.
func TestEveryKindOfTracesHasRules(t *testing.T) {
	for _, name := range config.AllTraces {
		if m := multiline(&config.Multiline{Traces: name}); parse.Check(m) != nil || m.Traces == "" {
			t.Errorf("%s: %+v: %v", name, m, parse.Check(m))
		}
	}
	if multiline(nil) != nil {
		t.Error("something comes of nothing")
	}
}
