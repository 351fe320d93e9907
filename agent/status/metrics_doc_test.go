package status

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

const metricsPage = "../../docs/metrics.md"

// The page lists every metric as a scrape has it, with its type, its labels and all values that those can have.
func TestMetricsPageIsWhatTheAgentServes(t *testing.T) {
	page, err := os.ReadFile(metricsPage)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := bytes.Cut(page, []byte(tableBegins))
	_, tail, closed := bytes.Cut(rest, []byte(tableEnds))
	if !ok || !closed {
		t.Fatalf("%s has no marks for its table", metricsPage)
	}
	want := string(head) + tableBegins + metricsTable(t) + tableEnds + string(tail)
	if string(page) == want {
		return
	}
	if os.Getenv("LOGBOOM_UPDATE") != "1" {
		t.Fatalf("%s is not what the agent serves: LOGBOOM_UPDATE=1 go test -run MetricsPage ./agent/status", metricsPage)
	}
	if err := os.WriteFile(metricsPage, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

const tableBegins, tableEnds = "<!-- table of the metrics: made by a test -->\n", "<!-- its end -->\n"

func metricsTable(t *testing.T) string {
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(&collector{busy})
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("| metric | type | labels | what |\n| --- | --- | --- | --- |\n")
	for _, f := range families {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.GetName(), strings.ToLower(f.GetType().String()), labelsOf(f), f.GetHelp())
	}
	return b.String()
}

// unbounded are the labels whose values can't be listed, and what bounds their number.
var unbounded = map[string]string{"version": "one value", "path": fmt.Sprintf("at most %d values at a time", maxLagging)}

func labelsOf(f *dto.MetricFamily) string {
	values := map[string][]string{}
	for _, m := range f.Metric {
		for _, l := range m.Label {
			values[l.GetName()] = append(values[l.GetName()], "`"+l.GetValue()+"`")
		}
	}
	var text []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		what := unbounded[name]
		if what == "" {
			slices.Sort(values[name])
			what = strings.Join(values[name], ", ")
		}
		text = append(text, "`"+name+"`: "+what)
	}
	if len(text) == 0 {
		return "-"
	}
	return strings.Join(text, "; ")
}
