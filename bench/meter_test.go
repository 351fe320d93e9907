package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestARunIsMeasuredAndWrittenDown(t *testing.T) {
	o := testOptions(t)
	passed, err := run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(o.dir, "result.json"))
	if err != nil {
		t.Fatal(err)
	}
	var report Report
	if err := json.Unmarshal(data, &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Results) != 1 || report.Agent.Version != "fake version" || report.Machine.CPU == "" || report.Machine.FileSystem == "" {
		t.Fatalf("report: %+v", report)
	}
	r := report.Results[0]
	if len(r.Runs) != 2 || len(r.UnitCPU) != 3 || len(r.Figures) != len(quantities) || passed != r.passed() {
		t.Fatalf("result: %+v", r)
	}
	for _, one := range r.Runs {
		if one.Docs != r.Corpus.Events || one.Bodies != 1 || one.BodyBytes != 17*r.Corpus.Events || one.WireBytes != one.BodyBytes ||
			one.Wall <= 0 || one.Delivered <= 0 || one.Delivered > one.Wall || one.PeakRSS <= 0 || one.UnitCPU <= 0 || one.User+one.System <= 0 || one.BackendCPU <= 0 {
			t.Errorf("run: %+v", one)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(o.dir, "run-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestWaitingForTheExitIsNoThroughput(t *testing.T) {
	o := testOptions(t)
	m, err := newMeter(o)
	if err != nil {
		t.Fatal(err)
	}
	specs, err := chosen(o)
	if err != nil {
		t.Fatal(err)
	}
	tries(t, func(scale time.Duration) error {
		length := scale * time.Second
		t.Setenv(roleVariable, "lingers for "+length.String())
		r, err := m.measure(context.Background(), specs[0])
		if err != nil {
			return err
		}
		for _, one := range r.Runs {
			if one.Delivered < length.Seconds()/2 || one.Wall-one.Delivered < 0.8*length.Seconds() {
				return fmt.Errorf("an agent that sent after half of %v, and lingered for %[1]v more: %+v", length, one)
			}
		}
		return nil
	})
}

func TestAWrongRunIsNoResult(t *testing.T) {
	o := testOptions(t)
	for _, c := range []struct {
		role, want string
		timeout    time.Duration
	}{
		{"one short", "documents; the corpus has", time.Minute},
		{"one double", "documents; the corpus has", time.Minute},
		{"fails", "out of luck", time.Minute},
		{"hangs", "deadline exceeded", 2 * time.Second},
	} {
		t.Setenv(roleVariable, c.role)
		o.timeout = c.timeout
		_, err := run(context.Background(), o)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v; wanted one with %q", c.role, err, c.want)
		}
		if _, err := os.Stat(filepath.Join(o.dir, "result.json")); err == nil {
			t.Errorf("%s: it has a result", c.role)
		}
		if left, _ := filepath.Glob(filepath.Join(o.dir, "run-*")); len(left) > 0 {
			t.Errorf("%s: left behind: %v", c.role, left)
		}
	}
}

func TestWithoutGzipTheUnitIsGos(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	u, err := findUnit()
	if err != nil || !strings.HasPrefix(u.name, "Go's") {
		t.Fatalf("unit %+v, %v", u, err)
	}
	path := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(path, make([]byte, 64e6), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := start("the unit", path+".log", true, u.program, append(u.args, path)...)
	if err != nil {
		t.Fatal(err)
	}
	if used, err := p.wait(context.Background()); err != nil || used.cpu() < time.Millisecond {
		t.Errorf("it took %+v, %v", used, err)
	}
	if p, err = start("the unit", path+".log", true, u.program, append(u.args, path+"none")...); err != nil {
		t.Fatal(err)
	}
	if _, err := p.wait(context.Background()); err == nil {
		t.Error("no error for a file that isn't there")
	}
}
