package e2e

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"runtime"
	"testing"
)

// The images of these tests. They are replaced at each run, so that they don't pile up on the node.
const (
	agentImage  = "localhost/logboom-e2e:dev"
	writerImage = "localhost/logboom-e2e-writer:dev"
)

// loadVariable names the command that takes an image archive, as docker save makes them, from its standard input.
const loadVariable = "LOGBOOM_E2E_LOAD"

var loaded bool // the tests run one after the other

// loadImages gives the node both images: a static binary on nothing, as deploy/Dockerfile makes it.
func loadImages(t *testing.T) {
	t.Helper()
	if loaded {
		return
	}
	load := os.Getenv(loadVariable)
	if load == "" {
		load = "ctr -n k8s.io images import -"
	}
	for _, i := range []struct {
		name, pkg, program string
		args               []string
	}{
		{agentImage, "logboom/agent", "/logboom", []string{"run", "-c", "/etc/logboom/logboom.yaml"}},
		{writerImage, "logboom/chaos/e2e/writer", "/writer", nil},
	} {
		cmd := exec.Command("sh", "-c", load)
		cmd.Stdin = bytes.NewReader(archive(t, i.name, build(t, i.pkg), i.program, i.args))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s\nSet %s to a command that loads an image archive from its standard input into the node's container runtime.",
				load, err, out, loadVariable)
		}
	}
	loaded = true
}

// archive is an image of one layer with one file, the program at path in it, that is run as user 0.
func archive(t *testing.T, name, binary, path string, args []string) []byte {
	t.Helper()
	program, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	layer := tarOf(t, file{path[1:], 0o755, program})
	sum := sha256.Sum256(layer)
	config := asJSON(t, map[string]any{
		"architecture": runtime.GOARCH, "os": "linux",
		"config": map[string]any{"Entrypoint": []string{path}, "Cmd": args},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + hex.EncodeToString(sum[:])}},
	})
	manifest := asJSON(t, []any{map[string]any{"Config": "config.json", "RepoTags": []string{name}, "Layers": []string{"layer.tar"}}})
	return tarOf(t, file{"config.json", 0o644, config}, file{"layer.tar", 0o644, layer}, file{"manifest.json", 0o644, manifest})
}

type file struct {
	name string
	mode int64
	data []byte
}

func tarOf(t *testing.T, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		if err := w.WriteHeader(&tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.data))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(f.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func asJSON(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
