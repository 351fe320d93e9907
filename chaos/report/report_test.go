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
