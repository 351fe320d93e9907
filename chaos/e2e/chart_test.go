package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// helmVariable names a helm of one's own. Otherwise it is built from its Go module, in the version whose library tests the
// chart.
const helmVariable = "HELM"

const chart = "../../deploy/helm/logboom"

// byChart installs the Helm chart with helm. More values are YAML.
func (c *cluster) byChart(url, values string) *daemonSet {
	c.t.Helper()
	config := c.configured(url)
	name, tag, _ := strings.Cut(agentImage, ":")
	own := filepath.Join(c.t.TempDir(), "values.yaml")
	text := "image: {repository: " + name + ", tag: " + tag + ", pullPolicy: Never}\nconfig:\n  " + strings.ReplaceAll(config, "\n", "\n  ")
	if err := os.WriteFile(own, []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		if err := c.helm("", "uninstall", "logboom", "--ignore-not-found", "--wait", "--timeout", "2m"); err != nil {
			c.t.Error(err)
		}
	})
	upgrade := func(values string) {
		c.t.Helper()
		if err := c.helm(values, "upgrade", "--install", "logboom", chart, "-f", own, "-f", "-"); err != nil {
			c.t.Fatal(err)
		}
	}
	upgrade(values)
	d := c.installed()
	d.upgrade = upgrade
	return d
}

// helm runs helm in the test's namespace.
func (c *cluster) helm(stdin string, args ...string) error {
	program := strings.Fields(helm(c.t))
	cmd := exec.Command(program[0], append(append(program[1:], "--namespace", c.namespace), args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	return told(cmd)
}

func helm(t *testing.T) string {
	if program := os.Getenv(helmVariable); program != "" {
		return program
	}
	version, err := exec.Command("go", "list", "-m", "-f", "{{.Version}}", "helm.sh/helm/v3").Output()
	if err != nil {
		t.Fatalf("which version of helm: %v", err)
	}
	return "go run helm.sh/helm/v3/cmd/helm@" + strings.TrimSpace(string(version))
}
