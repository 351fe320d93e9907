package kube

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"logboom/wal"
)

func TestAPodSaysHowItsLogsAreRead(t *testing.T) {
	slow := &wal.Multiline{Traces: "go.1", MaxWait: 3 * time.Second}
	for name, c := range map[string]struct {
		says map[string]string
		json string
		was  *wal.Multiline
		want wal.File
	}{
		"nothing":                   {want: wal.File{}},
		"excluded":                  {says: map[string]string{"exclude": "true"}, want: wal.File{Excluded: "annotation"}},
		"excluded by name":          {says: map[string]string{"exclude": "db, app"}, want: wal.File{Excluded: "annotation"}},
		"another one excluded":      {says: map[string]string{"exclude": "db"}, want: wal.File{}},
		"excluded but this one":     {says: map[string]string{"exclude": "true", "exclude.app": "false"}, want: wal.File{}},
		"only this one":             {says: map[string]string{"exclude.app": "true"}, want: wal.File{Excluded: "annotation"}},
		"json":                      {says: map[string]string{"format": "json"}, want: wal.File{JSON: "json"}},
		"json where the input says": {says: map[string]string{"format": "json"}, json: "app", want: wal.File{JSON: "app"}},
		"text":                      {says: map[string]string{"format": "text"}, json: "app", want: wal.File{}},
		"traces":                    {says: map[string]string{"multiline": "java"}, want: wal.File{Multiline: &wal.Multiline{Traces: "java.1", MaxWait: time.Second}}},
		"start":                     {says: map[string]string{"multiline.app": `start:^\d{4}-\d\d`, "multiline": "java"}, was: slow, want: wal.File{Multiline: &wal.Multiline{Start: `^\d{4}-\d\d`, MaxWait: 3 * time.Second}}},
		"continue":                  {says: map[string]string{"multiline": `continue:^\s`}, want: wal.File{Multiline: &wal.Multiline{Continue: `^\s`, MaxWait: time.Second}}},
		"single lines":              {says: map[string]string{"multiline": "none"}, was: slow, want: wal.File{}},
		"index":                     {says: map[string]string{"index": "team-a-logs"}, want: wal.File{Route: "team-a-logs"}},
	} {
		r := Rules{IndexAnnotation: "team-*"}
		d := wal.File{Container: "app", Described: true, JSON: c.json, Multiline: c.was, Annotations: map[string]string{}}
		for key, value := range c.says {
			d.Annotations[ours+key] = value
		}
		if faults := r.Faults(&d); len(faults) > 0 {
			t.Errorf("%s: %q", name, faults)
		}
		c.want.Container, c.want.Described, c.want.Annotations = "app", true, d.Annotations
		if diff := cmp.Diff(c.want, d); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}

// Anybody may write annotations: what can't be obeyed changes nothing, and is told without its content.
func TestAnAnnotationThatCantBeObeyedIsToldAndIgnored(t *testing.T) {
	for _, c := range []struct{ key, value string }{
		{"exclude", ""}, {"exclude", "True"}, {"multiline", "start:[a-z]{90}y"}, {"multiline", "continue:(^a|[a-z]{50})"}, {"format", "xml"}, {"multiline", "cobol"}, {"multiline", "start:"}, {"multiline", "start:a(SECRET"},
		{"multiline", "start:" + strings.Repeat("a", 300)}, {"multiline", `continue:(\pL{100}){10}`}, {"multiline", "start:((a{9}){9}){9}"},
		{"multiline", `start:\pL{1000}`}, {"multiline", "start:(a|b|c){60}"},
		{"multiline", "start:" + strings.Repeat("x?", 30) + "y"}, {"multiline", "start:^" + strings.Repeat("x?", 30) + "y"}, {"multiline", "start:^" + strings.Repeat(".*", 30)}, {"multiline", "start:(x*){20}y"}, {"multiline", "start:" + strings.Repeat(".*", 30)},
		{"index", "other"}, {"index", "team-A"}, {"index", "team-*"}, {"index", "team-a,team-b"}, {"index", "team-%{pod}"}, {"index", "team-" + strings.Repeat("x", 300)},
		{"index", "_all"}, {"index", ""},
	} {
		r := Rules{IndexAnnotation: "team-*"}
		was := wal.File{Container: "app", Described: true, JSON: "j", Route: "", Annotations: map[string]string{ours + c.key: c.value}}
		d := was
		faults := r.Faults(&d)
		if diff := cmp.Diff(was, d); len(faults) != 1 || diff != "" {
			t.Errorf("%s: %q: faults %q, and it changes %s", c.key, c.value, faults, diff)
		}
		if len(faults) == 1 && strings.Contains(faults[0], "SECRET") {
			t.Errorf("it quotes what the pod says: %s", faults[0])
		}
	}
	d := wal.File{Annotations: map[string]string{keyIndex: "team-a"}}
	if faults := (&Rules{}).Faults(&d); len(faults) != 1 || d.Route != "" {
		t.Errorf("a pod chooses its index though none may: %q, %+v", faults, d)
	}
}

func TestPatternsThatPeopleUseAreAffordable(t *testing.T) {
	for _, pattern := range []string{`^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}([.,]\d{3})?`, `^\[?(TRACE|DEBUG|INFO|WARN|ERROR|FATAL)\]?`, `^\s+(at|\.\.\.)`, `^[A-Z][a-z]{2} [ \d]\d`,
		`^(?i)(mon|tue|wed|thu|fri|sat|sun)`, `^\{`, `ERROR`, `(?i)^(error|warn)`, `^\S+ \[\w+\]`, `level=(error|warn)`} {
		if err := affordable(pattern); err != nil {
			t.Errorf("%s: %v", pattern, err)
		}
		if _, err := regexp.Compile(pattern); err != nil {
			t.Error(err)
		}
	}
}

func TestFaultsOfPodsAreReported(t *testing.T) {
	rules := &Rules{}
	p := New(Options{Faults: rules.Faults})
	bad := web()
	bad.Annotations = map[string]string{ours + "format": "xml", ours + "exclude.app": "false"}
	kept, err := p.strip(bad)
	if err != nil {
		t.Fatal(err)
	}
	p.put(kept.(*pod))
	if want := []string{"logboom.io/format of pod shop/web-5d4f8-x2x9z is ignored: it is neither json nor text"}; !slices.Equal(p.Report().Faults, want) {
		t.Errorf("%q", p.Report().Faults)
	}
	p.remove(kept)
	if faults := p.Report().Faults; len(faults) > 0 {
		t.Errorf("of a pod that is gone: %q", faults)
	}
}
