// Package peers knows how to run other forwarders for container logs beside the agent: which versions there are on this machine, the
// configuration of each, and its command line.
//
// It promises settings that lose as little as the peer can help, and that anybody can read: the files beside this one are the
// configurations, with nothing changed but places. What each of them still can't promise stands in README.md.
package peers

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"text/template"
)

//go:embed rsyslog.conf otelcol.yaml
var configurations embed.FS

// Place is where a run takes place.
type Place struct {
	Home    string // folder for its configuration and state
	Root    string // of the log files, as a kubelet lays them
	Backend string // host:port
}

// Peer is a forwarder that is on this machine.
type Peer struct {
	Name    string
	Version string

	program string
	config  string                                         // file of configurations
	args    func(home, config string) (arguments []string) // of the command line
}

// Command writes the peer's configuration below p.Home and returns the program and its arguments. Called again, it goes on with the
// state that is there.
func (p *Peer) Command(at Place) (program string, args []string, err error) {
	host, port, err := net.SplitHostPort(at.Backend)
	if err != nil {
		return "", nil, err
	}
	t, err := template.ParseFS(configurations, p.config)
	if err != nil {
		return "", nil, err
	}
	var text bytes.Buffer
	if err := t.Execute(&text, map[string]string{"Home": at.Home, "Root": at.Root, "Backend": at.Backend, "Host": host, "Port": port}); err != nil {
		return "", nil, err
	}
	for _, dir := range []string{"state", "queue"} {
		if err := os.MkdirAll(filepath.Join(at.Home, dir), 0o700); err != nil {
			return "", nil, err
		}
	}
	config := filepath.Join(at.Home, p.config)
	return p.program, p.args(at.Home, config), os.WriteFile(config, text.Bytes(), 0o600)
}

// Find returns the peers of this machine, and a sentence for each that is missing. collector is the path of the OpenTelemetry Collector
// that otelcol/build.sh makes.
func Find(ctx context.Context, collector string) (found []Peer, missing []string) {
	candidates := []struct {
		peer Peer
		ask  string // for the version
		how  string // to get it
	}{
		{Peer{Name: "rsyslog", program: "rsyslogd", config: "rsyslog.conf", args: func(home, config string) []string {
			return []string{"-n", "-f", config, "-i", filepath.Join(home, "rsyslog.pid")}
		}}, "-v", "Debian: apt-get install rsyslog rsyslog-elasticsearch"},
		{Peer{Name: "OpenTelemetry Collector", program: collector, config: "otelcol.yaml", args: func(_, config string) []string {
			return []string{"--config", config}
		}}, "--version", "bench/peers/otelcol/build.sh builds it"},
	}
	for _, c := range candidates {
		version, err := askVersion(ctx, c.peer.program, c.ask)
		if err == nil && c.peer.Name == "rsyslog" {
			err = hasElasticsearch()
		}
		if err != nil {
			missing = append(missing, fmt.Sprintf("%s is left out: %v (%s)", c.peer.Name, err, c.how))
			continue
		}
		c.peer.Version = version
		found = append(found, c.peer)
	}
	return found, missing
}

var number = regexp.MustCompile(`\d+\.\d+(\.\d+)?`)

func askVersion(ctx context.Context, program, flag string) (string, error) {
	out, err := exec.CommandContext(ctx, program, flag).Output()
	if err != nil {
		return "", err
	}
	version := number.Find(out)
	if version == nil {
		return "", fmt.Errorf("%s %s says no version", program, flag)
	}
	return string(version), nil
}

// hasElasticsearch looks for the plugin, which is a package of its own.
func hasElasticsearch() error {
	for _, pattern := range []string{"/usr/lib/*/rsyslog/omelasticsearch.so", "/usr/lib/rsyslog/omelasticsearch.so", "/usr/lib64/rsyslog/omelasticsearch.so"} {
		if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
			return nil
		}
	}
	return fmt.Errorf("it has no omelasticsearch")
}
