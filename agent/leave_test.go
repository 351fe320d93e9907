package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"logboom/agent/kube/kubetest"
)

// holds waits until this process has the file at path open.
func holds(t *testing.T, path string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		all, _ := filepath.Glob("/proc/self/fd/*")
		for _, fd := range all {
			if to, _ := os.Readlink(fd); to == path {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("nobody has %s open", path)
		}
	}
}

// A .gz can't be pinned, and its pod is not known: when it is gone, and then the agent is, it is stored, or listed where there was
// no time to read it.
func TestAFileThatWaitsForItsPodIsReadOrListedAtTheEnd(t *testing.T) {
	for _, grace := range []string{"10s", "0s"} {
		t.Run(grace, func(t *testing.T) {
			t.Parallel()
			b, s := newBackend(t), kubetest.New(t, "n1")
			s.Set(kubetest.Hangs)
			n := inCluster(t, b, s)
			n.edit(t, "wait: 1m", "wait: 5m")
			n.edit(t, "grace: 0s", "grace: "+grace)
			n.besides(t)
			var zipped bytes.Buffer
			z := gzip.NewWriter(&zipped)
			fmt.Fprint(z, "2026-11-22T15:00:00.000000000Z stdout F of the past\n")
			z.Close()
			old := "pods/shop_gone_u2/app/0.log.20261122-150000.gz"
			n.write(t, old, zipped.String())
			_, stop := n.run(t)
			holds(t, filepath.Join(n.dir, old))
			if err := os.RemoveAll(filepath.Join(n.dir, "pods/shop_gone_u2")); err != nil {
				t.Fatal(err)
			}
			stop()
			n.edit(t, "wait: 5m", "wait: 0s")
			stored := strings.Contains(n.drain(t, b), `"message":"of the past"`)
			_, listed, _ := logboom(t, t.Context(), "ledger", "-c", n.file)
			if lost := strings.Contains(listed, "deleted"); stored == lost || !stored && grace != "0s" {
				t.Errorf("stored: %v; ledger: %s", stored, listed)
			}
		})
	}
}
