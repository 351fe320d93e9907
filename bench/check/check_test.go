package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func counts(allocs, bytes, instructions int64) *Counts {
	return &Counts{Go: "go1", Arch: "amd64", Valgrind: "3", Paths: map[string]Count{"wal Append": {Allocations: allocs, Bytes: bytes, Instructions: instructions}}}
}

func TestWhatIsWorseIsSaid(t *testing.T) {
	before := counts(100, 1e6, 1e6)
	other := counts(100, 1e6, 9e6)
	other.Go = "go2"
	gone, more := counts(1, 1, 1), counts(100, 1e6, 1e6)
	gone.Paths = map[string]Count{}
	more.Paths["sink Render"] = Count{}
	for _, c := range []struct {
		what  string
		now   *Counts
		worse bool
	}{
		{"as before", counts(100, 1e6, 1e6), false},
		{"better", counts(0, 0, 1), false},
		{"within 5 %", counts(105, 1.05e6, 1.05e6), false},
		{"allocations", counts(107, 1e6, 1e6), true},
		{"bytes", counts(100, 1.06e6, 1e6), true},
		{"instructions", counts(100, 1e6, 1.06e6), true},
		{"instructions of another compiler", other, false},
		{"instructions that nobody counted", counts(100, 1e6, 0), false},
		{"a path is gone", gone, true},
		{"a path that nobody stored", more, true},
	} {
		got := compare(before, c.now, 5)
		if got.worse() != c.worse || strings.Contains(got.table(), "WORSE") != c.worse {
			t.Errorf("%s: worse: %v, wanted %v\n%s", c.what, got.worse(), c.worse, got.table())
		}
	}
	if !strings.Contains(compare(before, other, 5).table(), "not compared") {
		t.Error("that another compiler's instructions are not compared is not said")
	}
}

func TestABaselineIsReadAsItWasWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "baseline.json")
	want := counts(1, 2, 3)
	if err := want.write(file); err != nil {
		t.Fatal(err)
	}
	got, err := readCounts(file)
	if err != nil || got.Paths["wal Append"] != want.Paths["wal Append"] || got.Go != want.Go {
		t.Errorf("%+v, %v", got, err)
	}
}

// The stored baseline has every path of the table, and no other.
func TestTheBaselineIsOfThesePaths(t *testing.T) {
	stored, err := readCounts("testdata/baseline.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(stored.Paths) != len(paths) {
		t.Errorf("%d paths are stored, %d are in the table", len(stored.Paths), len(paths))
	}
	for i := range paths {
		if _, ok := stored.Paths[paths[i].Name()]; !ok {
			t.Errorf("%s is not stored", paths[i].Name())
		}
	}
}

var kept []byte

// BenchmarkKnown has an appetite that TestCountsAreThoseOfTheLoop knows.
func BenchmarkKnown(b *testing.B) {
	for b.Loop() {
		for range 3 {
			kept = make([]byte, 1024)
		}
		for i := range 10_000 {
			kept[i%1024] += byte(i)
		}
	}
}

func TestCountsAreThoseOfTheLoop(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	m := meter{dir: t.TempDir(), valgrind: findValgrind(), built: map[string]string{"self": self}}
	got, err := m.count(context.Background(), &path{Package: "self", Benchmark: "Known", N: 5})
	if err != nil {
		t.Fatal(err)
	}
	if got.Allocations != 3 || got.Bytes != 3072 {
		t.Errorf("3 allocations of 1024 bytes: %+v", got)
	}
	if m.valgrind == "" {
		t.Log("no valgrind: instructions are not counted")
		return
	}
	if got.Instructions < 30_000 || got.Instructions > 400_000 {
		t.Errorf("a loop of 10,000 rounds, three or more instructions each: %d", got.Instructions)
	}
}
