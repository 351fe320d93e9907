package sink

import (
	"fmt"
	"slices"
	"testing"
)

func TestSetupCallsNothingInstalledThatIsNot(t *testing.T) {
	for _, status := range []int{400, 405} {
		c := &cluster{fail: map[string]int{"PUT /_index_template/logboom.logs-a": status}}
		s := newCluster(t, c)
		pieces, err := s.Plan(t.Context(), []string{"logs-a"})
		for i := range pieces {
			if err == nil {
				err = s.Install(t.Context(), &pieces[i])
			}
		}
		if err == nil {
			t.Errorf("after %d for its template it says nothing", status)
		}
	}
}

func TestOneTemplateForOnePattern(t *testing.T) {
	c := &cluster{}
	s := newCluster(t, c)
	routes := []string{"logs-%{namespace}", "logs-%{+yyyy.MM.dd}"}
	setUp(t, s, false, routes...)
	written := len(c.puts)
	for range 2 {
		setUp(t, s, false, routes...)
	}
	if len(c.puts) > written {
		t.Errorf("the next run wrote %q", c.puts[written:])
	}
	slices.Reverse(routes)
	setUp(t, s, false, routes...)
	if len(c.puts) > written {
		t.Errorf("in another order it wrote %q", c.puts[written:])
	}
}

// TestTheServersDatesAreNoChange has a template as Elasticsearch 9 returns it, with the time of its last write.
func TestTheServersDatesAreNoChange(t *testing.T) {
	p := Piece{template: object{"priority": 200}}
	stored := func(more string) string {
		template := fmt.Sprintf(`{"priority":200%s,"_meta":{"managed_by":%q,"asked":%q,"stored":%q}}`, more, managedBy, sumOf(p.template), sumOf(p.template))
		return `{"index_templates":[{"name":"n","index_template":` + template + `}]}`
	}
	for more, want := range map[string]PieceState{
		``: PieceCurrent,
		`,"created_date_millis":1767323045000,"modified_date_millis":1767323046000`: PieceCurrent,
		`,"created_date":"2026-01-02T03:04:05Z","modified_date":"2026-01-02"`:       PieceCurrent,
		`,"version":7`: PieceChanged,
	} {
		if got, _ := p.stands([]byte(stored(more))); got != want {
			t.Errorf("%s: %s, want %s", more, got, want)
		}
	}
}
