package deploy

import (
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"logboom/agent/config"
)

// onDisk is what the runbook says that a byte of log takes in the buffer.
const onDisk = 0.15

// The runbook's table is what its own words compute.
func TestTheTableOfOutagesIsRight(t *testing.T) {
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	sizes := []config.Bytes{config.GiB, 10 * config.GiB, 50 * config.GiB}
	rows := regexp.MustCompile(`(?m)^\| ([\d.]+) MB/s \| (.+) \| (.+) \| (.+) \|$`).FindAllStringSubmatch(string(page), -1)
	if len(rows) != 4 {
		t.Fatalf("%d rows", len(rows))
	}
	unit := map[string]float64{"min": 60, "h": 3600, "days": 86400}
	for _, row := range rows {
		rate, err := strconv.ParseFloat(row[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		for i, size := range sizes {
			number, name, _ := strings.Cut(row[2+i], " ")
			shown, err := strconv.ParseFloat(number, 64)
			if err != nil || unit[name] == 0 {
				t.Fatalf("%q: %v", row[2+i], err)
			}
			if want := float64(size) / onDisk / (rate * 1e6) / unit[name]; math.Abs(shown-want) > want/20 {
				t.Errorf("%s MB/s into %v: %s, not %.1f %s", row[1], size, row[2+i], want, name)
			}
		}
	}
}
