package tail

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A second of idleness: what a scan of 500 quiet files in 250 pods costs. Divided by a second, it is the share of a core.
func BenchmarkScanOfQuietFiles(b *testing.B) {
	n := newNode(b)
	for i := range 250 {
		dir := filepath.Join(n.root, fmt.Sprintf("ns_pod%d_%d", i, i))
		for _, c := range []string{"app", "sidecar"} {
			must(b, os.MkdirAll(filepath.Join(dir, c), 0o755))
			must(b, os.WriteFile(filepath.Join(dir, c, "0.log"), []byte(n.cri("F", fmt.Sprint(c, i))), 0o640))
		}
	}
	n.start()
	n.poll(0)
	n.poll(time.Minute)
	b.ReportAllocs()
	for b.Loop() {
		n.poll(time.Second)
	}
}
