package report

import (
	"encoding/json"
	"html"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"logboom/chaos/oracle"
)

func example() *Run {
	n := func(n int64) *int64 { return &n }
	return &Run{
		Name: "TestExample", Server: "the embedded backend", Seed: 7, Started: time.Date(2026, 11, 26, 3, 0, 0, 0, time.UTC), Seconds: 12, Passed: true,
		Counts: oracle.Counts{Written: 30, Stored: 28, Lost: 2},
		Faults: []Fault{{"agent down", 2, 3.5}, {"backend down", 4, 6}, {"agent down", 8, 8}},
		Samples: []Sample{{At: 0, Written: 1}, {At: 1, Written: 10, Durable: n(9), Delivered: n(8), WAL: n(4096), Lag: n(200), Pins: n(0)},
			{At: 12, Written: 30, Durable: n(30), Delivered: n(28), WAL: n(0), Lag: n(0), Pins: n(0)}},
	}
}

// A page says everything in itself: verdict, seed, every fault, and nothing is fetched from anywhere.
func TestPageStandsAlone(t *testing.T) {
	dir := t.TempDir()
	if err := example().Write(dir); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "TestExample.html"))
	if err != nil {
		t.Fatal(err)
	}
	page := html.UnescapeString(strings.Replace(string(data), echarts, "", 1))
	if !strings.Contains(string(data), echarts) {
		t.Error("ECharts is not in the page as it is in this folder")
	}
	for _, want := range []string{"written 30 = stored 28 + listed as lost 2, duplicates 0", "Passed", "seed 7", "the embedded backend",
		`"name":"agent down","xAxis":2},{"xAxis":3.5}`, `"name":"agent down","xAxis":8},{"xAxis":8.024}`, `"name":"delivered"`, `[1,8]`, `[0,null]`, `[1,0.004]`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not have %s", want)
		}
	}
	if from := regexp.MustCompile(`(?:src|href)=|https?://|@import`).FindString(page); from != "" {
		t.Errorf("the page has %q: it must not need anything else", from)
	}
}

func TestJSONHasTheWholeRun(t *testing.T) {
	dir, want := t.TempDir(), example()
	if err := want.Write(dir); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "TestExample.json"))
	if err != nil {
		t.Fatal(err)
	}
	var got Run
	if err := json.Unmarshal(data, &got); err != nil || !reflect.DeepEqual(&got, want) {
		t.Errorf("%v: got %+v, want %+v", err, got, want)
	}
}

func TestIndexNamesEveryRun(t *testing.T) {
	dir := t.TempDir()
	bad := example()
	bad.Name, bad.Passed, bad.Broken = "TestBad", false, true
	for _, r := range []*Run{example(), bad} {
		if err := r.Write(dir); err != nil {
			t.Fatal(err)
		}
	}
	if err := Index(dir); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`<a href="TestExample.html">TestExample</a></td><td class="passed">passed`, `<a href="TestBad.html">TestBad</a></td><td class="failed">FAILED`} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the index does not have %s", want)
		}
	}
	if broken, err := bad.page(); err != nil || !strings.Contains(string(broken), "ended before anything was counted") || strings.Contains(string(broken), "duplicates 0") {
		t.Errorf("%v: a run that broke off has an account", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "torn.json"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if Index(dir) == nil {
		t.Error("a report that can't be read is passed over")
	}
}
