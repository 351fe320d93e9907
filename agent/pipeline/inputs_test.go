package pipeline

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"logboom/agent/config"
	"logboom/agent/parse"
	"logboom/agent/tail"
	"logboom/wal"
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

// Every key of an input reaches package tail.
func TestInputsAreWhatTheConfigurationSays(t *testing.T) {
	m := &config.Multiline{Traces: "go", MaxWait: 2 * time.Second}
	wantM := &wal.Multiline{Traces: "go.1", MaxWait: 2 * time.Second}
	c := &config.Config{Metadata: config.Metadata{ExcludeUnknown: true}, Inputs: []config.Input{
		{Kubernetes: &config.Kubernetes{Root: "/pods", ReadFrom: config.Now, Index: "k", Multiline: m, JSON: "json", AllowedRoots: []string{"/a"}}},
		{Files: &config.Files{Paths: []string{"/b"}, Format: config.Auto, ReadFrom: config.Beginning, Index: "f", Multiline: m, JSON: "app", AllowedRoots: []string{"/c"}}},
		{Files: &config.Files{Paths: []string{"/d"}, Format: config.Plain, ReadFrom: config.Now, Index: "g"}},
	}}
	want := []tail.Input{
		{Root: "/pods", Route: "k", FromNow: true, Multiline: wantM, JSON: "json", ExcludeUnknown: true, AllowedRoots: []string{"/a"}},
		{Paths: []string{"/b"}, Route: "f", Multiline: wantM, JSON: "app", AllowedRoots: []string{"/c"}},
		{Paths: []string{"/d"}, Format: wal.Plain, Route: "g", FromNow: true},
	}
	got := inputs(c)
	if got[0].Choose == nil {
		t.Error("nobody chooses among containers")
	}
	got[0].Choose = nil // functions can't be compared
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
