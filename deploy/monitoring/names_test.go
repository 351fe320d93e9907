package monitoring

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
)

// at puts the labels of the one node of these tests where a series or a query has AT.
func at(text string) string {
	return strings.Replace(text, "AT", `instance="10.0.0.1:9600",node="n1"`, 1)
}

// metrics are the names that docs/metrics.md lists, with their labels, and those that Prometheus and the libraries of ours make.
func metrics(t *testing.T) map[string][]string {
	t.Helper()
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{"up": nil, "process_resident_memory_bytes": nil, "process_cpu_seconds_total": nil}
	for _, m := range regexp.MustCompile("(?m)^\\| `(logboom_[a-z_]+)` \\| [a-z]+ \\| ([^|]+) \\|").FindAllStringSubmatch(string(page), -1) {
		var names []string
		for _, label := range regexp.MustCompile("`([a-z]+)`:").FindAllStringSubmatch(m[2], -1) {
			names = append(names, label[1])
		}
		all[m[1]] = names
	}
	if len(all) < 40 {
		t.Fatalf("%d metrics", len(all))
	}
	return all
}

// ofTheTarget are the labels that a scrape adds.
var ofTheTarget = []string{"instance", "node", "job", "namespace", "pod", model.MetricNameLabel}

// checkQuery says what is wrong with a query: that it can't be parsed, or asks for what there is not.
func checkQuery(t *testing.T, where, query string) {
	t.Helper()
	known := metrics(t)
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		t.Errorf("%s: %v", where, err)
		return
	}
	asked := 0
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		s, ok := n.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		asked++
		own, exists := known[s.Name]
		if !exists {
			t.Errorf("%s: there is no metric %s", where, s.Name)
		}
		for _, m := range s.LabelMatchers {
			if !slices.Contains(own, m.Name) && !slices.Contains(ofTheTarget, m.Name) {
				t.Errorf("%s: %s has no label %s", where, s.Name, m.Name)
			}
		}
		return nil
	})
	if asked == 0 {
		t.Errorf("%s asks for no metric", where)
	}
}

func TestAlertsAskForMetricsThatExist(t *testing.T) {
	handbook, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range rules(t) {
		checkQuery(t, rule.Alert, rule.Expr)
		if !slices.Contains([]string{"critical", "warning", "info"}, rule.Labels["severity"]) {
			t.Errorf("%s has no severity", rule.Alert)
		}
		if rule.Annotations["summary"] == "" || len(rule.Annotations["description"]) < 50 {
			t.Errorf("%s does not say what to do", rule.Alert)
		}
		if !strings.Contains(string(handbook), "`"+rule.Alert+"`") {
			t.Errorf("deploy/README.md does not know %s", rule.Alert)
		}
	}
	for _, m := range regexp.MustCompile("`(Logboom[A-Z][A-Za-z]+)`").FindAllStringSubmatch(string(handbook), -1) {
		if !slices.ContainsFunc(trialsOf(t), func(name string) bool { return name == m[1] }) {
			t.Errorf("deploy/README.md knows %s, which is no alert", m[1])
		}
	}
}

func trialsOf(t *testing.T) (names []string) {
	for _, rule := range rules(t) {
		names = append(names, rule.Alert)
	}
	return names
}

// dashboard is what these tests look at of Grafana's form.
type dashboard struct {
	UID, Title string
	Panels     []panel
	Templating struct {
		List []struct {
			Name, Type string
			Query      any
		}
	}
}

type panel struct {
	ID          int
	Title, Type string
	Description string
	GridPos     struct{ H, W, X, Y int }
	Targets     []struct{ Expr, RefID string }
	Datasource  struct{ UID string }
	Options     struct{ Content string }
	FieldConfig struct{ Defaults struct{ Unit string } }
}

// grafana are its own words in a query, and what it puts there.
var grafana = strings.NewReplacer("$__rate_interval", "5m", "$__range", "1h", "$node", ".*", "$job", ".*")

func TestDashboardAsksForMetricsThatExist(t *testing.T) {
	text, err := os.ReadFile("../helm/logboom/files/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	if d.UID == "" || len(d.Panels) < 8 {
		t.Fatalf("%q with %d panels", d.UID, len(d.Panels))
	}
	ids, place := map[int]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if ids[p.ID] || p.Title == "" {
			t.Errorf("panel %d %q: its id is another's, or it has no title", p.ID, p.Title)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := place[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("%s stands over %q or beside the page", p.Title, other)
				}
				place[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			continue
		}
		if p.Datasource.UID != "${datasource}" || len(p.Targets) == 0 || p.FieldConfig.Defaults.Unit == "" || p.Description == "" {
			t.Errorf("%s: no data source, no query, no unit or no description", p.Title)
		}
		for _, target := range p.Targets {
			query := grafana.Replace(target.Expr)
			if strings.Contains(query, "$") || !strings.Contains(target.Expr, `node=~"$node"`) {
				t.Errorf("%s: %s has an unknown variable, or does not heed the one for the node", p.Title, target.Expr)
			}
			checkQuery(t, "dashboard, "+p.Title, query)
		}
	}
}
