package peers

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Each configuration is one that the peer itself takes, where it is installed.
func TestConfigurationsAreWhole(t *testing.T) {
	found, missing := Find(context.Background(), "../../tmp/peers/otelcol")
	for _, words := range missing {
		t.Log(words)
	}
	checks := map[string][]string{"rsyslog": {"-N1", "-f"}, "OpenTelemetry Collector": {"validate", "--config"}}
	for i := range found {
		p := &found[i]
		home := t.TempDir()
		program, args, err := p.Command(Place{Home: home, Root: "/var/log/pods", Backend: "127.0.0.1:9"})
		if err != nil {
			t.Fatal(err)
		}
		config := filepath.Join(home, p.config)
		text, err := os.ReadFile(config)
		if err != nil || strings.Contains(string(text), "{{") || !strings.Contains(string(text), home) || len(args) == 0 {
			t.Errorf("%s: %v, %v\n%s", p.Name, args, err, text)
		}
		if out, err := exec.Command(program, append(checks[p.Name], config)...).CombinedOutput(); err != nil {
			t.Errorf("%s refuses its configuration: %v\n%s", p.Name, err, out)
		}
		if p.Version == "" {
			t.Errorf("%s has no version", p.Name)
		}
	}
	if len(found)+len(missing) != 2 {
		t.Errorf("%d found, %d missing", len(found), len(missing))
	}
}

// Also where no peer is installed, its configuration has all its places filled in.
func TestPlacesAreFilledIn(t *testing.T) {
	for _, config := range []string{"rsyslog.conf", "otelcol.yaml"} {
		home := t.TempDir()
		p := Peer{config: config, args: func(string, string) []string { return nil }}
		if _, _, err := p.Command(Place{Home: home, Root: "/the/root", Backend: "127.0.0.1:9"}); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(home, config))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{home, "/the/root/", "127.0.0.1"} {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s does not say %s", config, want)
			}
		}
		if strings.Contains(string(text), "{{") || strings.Contains(string(text), "<no value>") {
			t.Errorf("%s has a place that is not filled in:\n%s", config, text)
		}
	}
}

// What is not there is said, with how to get it.
func TestMissingPeersAreSaid(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	found, missing := Find(context.Background(), filepath.Join(t.TempDir(), "otelcol"))
	if len(found) != 0 || len(missing) != 2 || !strings.Contains(missing[0], "apt-get install") || !strings.Contains(missing[1], "build.sh") {
		t.Errorf("%v, %v", found, missing)
	}
}
