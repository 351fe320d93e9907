package kube

import (
	"testing"

	"k8s.io/apimachinery/pkg/labels"

	"logboom/wal"
)

func selector(t *testing.T, text string) labels.Selector {
	t.Helper()
	s, err := labels.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWhatIsExcludedIsWhatTheRulesSay(t *testing.T) {
	known := wal.File{Namespace: "shop", Pod: "web-1", Container: "app", Described: true, Labels: map[string]string{"app": "web", "tier": "front"}}
	unknown := known
	unknown.Described, unknown.Labels = false, nil
	for name, c := range map[string]struct {
		rules          Rules
		known, unknown string
	}{
		"nothing":                  {Rules{}, "", ""},
		"its namespace":            {Rules{Include: Selection{Namespaces: []string{"sh*"}}}, "", ""},
		"other namespaces":         {Rules{Include: Selection{Namespaces: []string{"a", "b-*"}}}, "namespace", "namespace"},
		"all but its namespace":    {Rules{Exclude: Selection{Namespaces: []string{"a", "shop"}}}, "namespace", "namespace"},
		"another container":        {Rules{Include: Selection{Containers: []string{"db"}}}, "container", "container"},
		"all but its container":    {Rules{Exclude: Selection{Containers: []string{"a??"}}}, "container", "container"},
		"its labels":               {Rules{Include: Selection{Labels: selector(t, "app in (web,api),tier")}}, "", ""},
		"other labels":             {Rules{Include: Selection{Labels: selector(t, "app=api")}}, "labels", ""},
		"all but its labels":       {Rules{Exclude: Selection{Labels: selector(t, "tier!=back")}}, "labels", ""},
		"its namespace, not its c": {Rules{Include: Selection{Namespaces: []string{"shop"}, Containers: []string{"db"}}}, "container", "container"},
		"itself":                   {Rules{Own: Pod{"shop", "web-1"}}, "own log", "own log"},
		"one before it":            {Rules{Own: Pod{"shop", "web-2"}}, "own log", "own log"},
		"another namespace":        {Rules{Own: Pod{"logs", "web-1"}}, "", ""},
		"a longer name":            {Rules{Own: Pod{"shop", "web-1-x"}}, "", ""},
		"a name without a dash":    {Rules{Own: Pod{"shop", "web"}}, "", ""},
	} {
		for _, f := range []struct {
			d    wal.File
			want string
		}{{known, c.known}, {unknown, c.unknown}} {
			d := f.d
			if c.rules.Choose(&d); d.Excluded != f.want {
				t.Errorf("%s: known %v: excluded for %q, want %q", name, d.Described, d.Excluded, f.want)
			}
		}
	}
}
