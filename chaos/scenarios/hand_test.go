package scenarios

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"logboom/chaos/manifest"
)

// hand writes the numbered lines of one stream wherever a scenario wants them, and lists them.
type hand struct {
	g      *stage
	stream string
	cri    bool
	noise  bool // lines that can't be compressed well
	next   int64
}

// hand returns a writer of plain lines.
func (g *stage) hand(stream string) *hand { return &hand{g: g, stream: stream} }

// container returns a writer of a container's lines, and the folder of its logs.
func (g *stage) container(pod string) (h *hand, dir string) {
	g.t.Helper()
	dir = g.log(fmt.Sprintf("test_%s_00000000-0000-4000-a000-%012x/app", pod, len(pod)))
	must(g.t, os.MkdirAll(dir, 0o755))
	return &hand{g: g, stream: pod, cri: true}, dir
}

// text returns the next n lines, and lists them as written: the caller writes them somewhere.
func (h *hand) text(n int) string {
	var b strings.Builder
	for range n {
		m := fmt.Appendf(manifest.AppendPrefix(nil, h.stream, h.next), "the line has %s", strings.Repeat("x", int(h.next*7%90)))
		for h.noise && len(m) < 400 {
			m = fmt.Appendf(m, "%016x", rand.Uint64())
		}
		h.g.writer.Add(h.stream, h.next, manifest.SumOf(m))
		from := b.Len()
		if h.cri {
			b.WriteString(time.Now().UTC().Format(time.RFC3339Nano) + " stdout F ")
		}
		b.Write(m)
		b.WriteByte('\n')
		h.g.sizes[h.stream] = append(h.g.sizes[h.stream], int64(b.Len()-from))
		h.next++
	}
	return b.String()
}

// split returns the next message as the two pieces that a container runtime makes of one that is too long.
func (h *hand) split() (head, tail string) {
	line := h.text(1)
	before, message, _ := strings.Cut(line, " F ")
	half := len(message) / 2
	head = before + " P " + message[:half] + "\n"
	tail = before + " F " + message[half:]
	h.g.sizes[h.stream][h.next-1] = int64(len(head) + len(tail))
	return head, tail
}

// write appends n lines to a file.
func (h *hand) write(path string, n int) {
	h.g.t.Helper()
	h.g.add(path, h.text(n))
}

// add appends text to a file, which is made if it isn't there.
func (g *stage) add(path, text string) {
	g.t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
	must(g.t, err)
	_, err = f.WriteString(text)
	must(g.t, err)
	must(g.t, f.Close())
	g.film.wrote(len(text))
}

// rename gives a file in the folder of old another name.
func (g *stage) rename(old, name string) {
	g.t.Helper()
	must(g.t, os.Rename(old, filepath.Join(filepath.Dir(old), name)))
}
