package tail

import (
	"bytes"
	"compress/gzip"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"logboom/wal"
)

// gzip writes a .gz beside the plain file for as long as it takes: until it is whole, it is a torn copy and no new File. A
// torn one of other bytes is no copy.
func TestAHalfWrittenZipIsACopyOfWhatItIsMadeOf(t *testing.T) {
	for name, same := range map[string]bool{"a copy": true, "something else": false} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			dir := filepath.Join(n.root, pod, "app")
			n.inputs = []Input{{Paths: []string{filepath.Join(dir, "*.log")}, Route: "logs", Format: wal.Plain}}
			rng := rand.New(rand.NewPCG(1, 1))
			noise := func(lines int) (text []byte) {
				for range lines {
					for range 20 {
						text = append(text, 'a'+byte(rng.IntN(26)))
					}
					text = append(text, '\n')
				}
				return text
			}
			n.write("web.log", "start\n"+string(noise(500)))
			n.start()
			n.poll(0)
			n.rename("web.log", "web.log.1")
			text, err := os.ReadFile(n.path("web.log.1"))
			must(t, err)
			if !same {
				text = append([]byte("start\n"), noise(500)...)
			}
			var whole bytes.Buffer
			z := gzip.NewWriter(&whole)
			_, err = z.Write(text)
			must(t, err)
			must(t, z.Close())
			must(t, os.WriteFile(n.path("web.log.1.gz"), whole.Bytes()[:whole.Len()/2], 0o640))
			n.lines("web.log", "next")
			n.poll(time.Second)
			n.poll(time.Second)
			if got := len(n.got); same != (got == 502) {
				t.Errorf("%d lines were read of 502", got)
			}
			if !same {
				return
			}
			must(t, os.WriteFile(n.path("web.log.1.gz"), whole.Bytes(), 0o640))
			n.remove("web.log.1")
			for range 3 {
				n.poll(20 * time.Second)
			}
			if d := cmp.Diff(502, len(n.got)); d != "" || len(n.losses) > 0 {
				t.Errorf("lines read: -want +got\n%s\nledger: %+v", d, n.losses)
			}
		})
	}
}
