package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"logboom/bench/corpus"
	"logboom/bench/peers"
	"logboom/chaos/kubelet"
)

func testMeter(t *testing.T) *meter {
	t.Helper()
	m, err := newMeter(testOptions(t))
	if err != nil {
		t.Fatal(err)
	}
	m.quiet, m.runs = 500*time.Millisecond, 1
	return m
}

// A contender runs until it is told to end, and what it did not bring is said.
func TestASideThatLosesADocumentIsSaid(t *testing.T) {
	m := testMeter(t)
	spec := corpus.Spec{Name: "text8", Content: corpus.Text, Files: 8, Bytes: 1e6, Seed: 1}
	c, err := corpus.Make(context.Background(), filepath.Join(m.dir, "corpora"), spec)
	if err != nil {
		t.Fatal(err)
	}
	quiet := m.quiet
	for role, missing := range map[string]int64{"stays": 0, "stays one short": 1} {
		t.Setenv(roleVariable, role)
		tries(t, func(scale time.Duration) error {
			m.quiet = scale * quiet
			run, err := m.runSide(context.Background(), c, &contender{name: role, command: m.agentCommand})
			if err == nil && c.Events-run.Docs != missing {
				err = fmt.Errorf("%s: %d of %d documents", role, run.Docs, c.Events)
			}
			return err
		})
	}
}

func TestTheTableHasAColumnForEachSide(t *testing.T) {
	r := example()
	s := &Sides{Corpus: r.Corpus, Missing: []string{"otherd is left out"}, Sides: []Side{
		{Name: "logboom", Version: "1", Runs: r.Runs}, {Name: "peer", Version: "2", Runs: r.Runs[:1], Missing: 77, Surplus: 88}}}
	got := s.table()
	for _, want := range []string{"|  | logboom 1 | peer 2 |", "| CPU, s/GB of input | 16.0 | 14.0 |", "| documents missing | 0 | 77 |", "| documents too many | 0 | 88 |", "otherd is left out"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// forward is a forwarder that remembers nothing: it sends what it finds, and all of it again after a start.
func forward(root, addr string) error {
	sent := map[string]int{}
	for {
		files, err := filepath.Glob(filepath.Join(root, "*", "*", "*.log"))
		if err != nil {
			return err
		}
		for _, path := range files {
			text, err := os.ReadFile(path)
			if err != nil {
				continue // deleted a moment ago
			}
			whole := text[:bytes.LastIndexByte(text, '\n')+1]
			var body bytes.Buffer
			for line := range bytes.Lines(whole[sent[path]:]) {
				fmt.Fprintf(&body, "{\"index\":{}}\n{\"deep\":{\"text\":%q}}\n", bytes.TrimSpace(line))
			}
			if body.Len() == 0 {
				continue
			}
			answer, err := http.Post("http://"+addr+"/logs-x/_bulk", "application/x-ndjson", &body)
			if err != nil {
				return err
			}
			answer.Body.Close()
			sent[path] = len(whole)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// The account of a scenario tells a forwarder that sends again from one that misses lines.
func TestAScenarioCountsWhatIsDoubleAndMissing(t *testing.T) {
	m := testMeter(t)
	t.Setenv(roleVariable, "forwards")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	side := &contender{name: "naive", command: func(at peers.Place) (string, []string, error) {
		return self, []string{at.Root, at.Backend}, nil
	}}
	quiet := m.quiet
	for _, c := range []struct {
		name            string
		deleted         time.Duration // of the first pod; 0: it stays
		acts            []act
		double, missing bool
	}{
		{name: "nothing happens"},
		{name: "kill", acts: []act{{500, killProgram}, {800, startProgram}}, double: true},
		{name: "deleted", deleted: 600, acts: []act{{400, endProgram}, {1450, startProgram}}, double: true, missing: true},
	} {
		tries(t, func(scale time.Duration) error {
			ms := scale * time.Millisecond
			s := scenario{name: c.name, node: kubelet.Config{Duration: 1500 * ms, Pods: pods(2, c.deleted*ms)}}
			for _, a := range c.acts {
				s.acts = append(s.acts, act{a.at * ms, a.do})
			}
			m.quiet = scale * quiet
			a, err := m.play(context.Background(), &s, side)
			if err == nil && (a.Written < 500 || a.Stored+a.Missing != a.Written || a.Damaged != 0 || (a.Double > 0) != c.double || (a.Missing > 0) != c.missing) {
				err = fmt.Errorf("%s: %+v", c.name, a)
			}
			return err
		})
	}
}

func TestTextOfALineIsFoundInAnyDocument(t *testing.T) {
	for want, source := range map[string]any{
		"seq=a/0 x": "2026-11-22T16:01:41Z stdout F seq=a/0 x",
		"seq=b/1 y": map[string]any{"@timestamp": "1", "body": map[string]any{"text": "seq=b/1 y"}},
		"":          map[string]any{"message": "nothing"},
	} {
		if got := lineIn(source); got != want {
			t.Errorf("%v: %q", source, got)
		}
	}
}
