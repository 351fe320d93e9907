package sink

import (
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
