package tail

import (
	"strings"
	"testing"

	"logboom/wal"
)

func TestARouteIsMadeOfWhatIsKnownOfAPod(t *testing.T) {
	d := &wal.File{Namespace: "shop", Pod: "web-1", Container: "app", Labels: map[string]string{"team": "A Team/ä", "app.kubernetes.io/name": "web", "odd": "_-.", "date": "%{+yyyy}",
		"long": strings.Repeat("x", 100)}, Annotations: map[string]string{"example.com/index": "audit"}}
	for pattern, want := range map[string]string{
		"logs": "logs",
		"logs-%{namespace}-%{pod}-%{container}-%{+yyyy.MM.dd}": "logs-shop-web-1-app-%{+yyyy.MM.dd}",
		"logs-%{label.team}":                     "logs-a-team",
		"%{label.app.kubernetes.io/name:x}-logs": "web-logs",
		"logs-%{annotation.example.com/index}":   "logs-audit",
		"logs-%{label.missing}":                  "logs-none",
		"logs-%{label.missing:others}-%{+yyyy}":  "logs-others-%{+yyyy}",
		"%{label.odd:-}-logs":                    "none-logs",
		"logs-%{label.date}":                     "logs-yyyy",
		"logs-%{label.long}":                     "logs-" + strings.Repeat("x", 63),
	} {
		if got := route(pattern, d); got != want {
			t.Errorf("%s: %q, want %q", pattern, got, want)
		}
	}
	if got := route("logs-%{label.team}", &wal.File{}); got != "logs-none" {
		t.Errorf("of an unknown pod: %q", got)
	}
}
