package pipeline

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// pod is one container after another, as runtime and kubelet write and rotate their logs.
type pod struct {
	s       *simulation
	dir     string
	attempt int
	stamps  int
	file    *logFile   // the live one, where it counts which
	files   []*logFile // all of this pod
}

func (s *simulation) newPod() *pod {
	p := &pod{s: s}
	p.create()
	return p
}

// create makes the folder of a new pod.
func (p *pod) create() {
	p.s.stamp++
	p.dir = filepath.Join(p.s.dir, "pods", fmt.Sprintf("ns_pod_uid%d", p.s.stamp), "app")
	p.attempt, p.stamps, p.file, p.files = 0, 0, nil, nil
	if x := p.s.exclusion; x != nil {
		x.join(p.uid())
	}
	p.s.must(os.MkdirAll(p.dir, 0o755))
}

func (p *pod) live() string { return filepath.Join(p.dir, fmt.Sprintf("%d.log", p.attempt)) }

// write writes Events, some in pieces. The last one is always whole: an Event that stays open over a long wait is cut in
// parts, which this oracle does not put together.
func (p *pod) write() {
	s := p.s
	f, err := os.OpenFile(p.live(), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	s.must(err)
	defer f.Close()
	if p.file == nil && s.exclusion != nil {
		p.file = s.exclusion.begin(p.uid())
		p.files = append(p.files, p.file)
	}
	bytes := s.bytes
	open, pieces, whole := map[string]string{}, map[string][]string{}, map[string]bool{}
	line := func(stream, tag string, last bool) {
		s.stamp++
		piece := fmt.Sprintf("%s;%d;%s", filepath.Base(filepath.Dir(p.dir)), s.stamp, strings.Repeat("x", s.rng.IntN(60)))
		if whole[stream] { // so far: this Line goes on
			piece = "-" + piece
			open[stream] += "\n"
		}
		n, err := fmt.Fprintf(f, "2026-11-22T16:%02d:41.%09dZ %s %s %s\n", s.stamp/100000, s.stamp, stream, tag, piece)
		s.must(err)
		s.bytes += int64(n)
		pieces[stream] = append(pieces[stream], piece)
		whole[stream] = tag == "F" && s.traces
		if open[stream] += piece; tag == "F" && (last || !s.traces || s.rng.IntN(3) > 0) {
			s.written[open[stream]], s.pieces[open[stream]] = true, pieces[stream]
			if p.file != nil {
				p.file.lines = append(p.file.lines, open[stream])
			}
			delete(open, stream)
			delete(pieces, stream)
			delete(whole, stream)
		}
	}
	for range 1 + s.rng.IntN(8) {
		line([]string{"stdout", "stderr"}[s.rng.IntN(2)], []string{"F", "F", "F", "F", "F", "P"}[s.rng.IntN(6)], false)
	}
	for _, stream := range []string{"stdout", "stderr"} {
		if open[stream] != "" {
			line(stream, "F", true)
		}
	}
	if p.file != nil {
		p.file.bytes += s.bytes - bytes
	}
}

// rotate does what the kubelet does, with the quota of a generous operator: nothing is removed but what a .gz has. Now
// and then a container is restarted, or a pod deleted.
func (p *pod) rotate() {
	s := p.s
	if _, err := os.Stat(p.live()); err != nil {
		return
	}
	p.relabel()
	switch s.rng.IntN(8) {
	case 0:
		p.attempt++
		p.file = nil
		return
	case 1:
		if s.pins || s.orderly {
			p.remove()
			return
		}
	}
	s.rotations++
	old, _ := filepath.Glob(p.live() + ".*")
	for _, path := range old {
		if !strings.HasSuffix(path, ".gz") && s.rng.IntN(2) == 0 {
			p.zip(path)
		}
	}
	p.stamps++
	p.file = nil
	s.must(os.Rename(p.live(), fmt.Sprintf("%s.20261122-%06d", p.live(), p.stamps)))
}

func (p *pod) zip(path string) {
	s := p.s
	if p.file != nil { // nobody unpacks what is excluded, to see how long it is
		for _, f := range p.files {
			f.vague = f.vague || f != p.file
		}
		s.look()
	}
	text, err := os.ReadFile(path)
	s.must(err)
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	_, err = z.Write(text)
	s.must(err)
	s.must(z.Close())
	s.must(os.WriteFile(path+".tmp", buf.Bytes(), 0o640))
	s.must(os.Rename(path+".tmp", path+".gz"))
	if s.rng.IntN(3) == 0 { // somebody looks in between
		s.look()
	}
	s.must(os.Remove(path))
}

// remove deletes the pod's logs after the agent had a look at them. Pins, or descriptors, keep what it has not read. What a .gz holds it
// must have met before, as a plain file: a .gz is not pinned.
func (p *pod) remove() {
	if zipped, _ := filepath.Glob(filepath.Join(p.dir, "*.gz")); len(zipped) > 0 {
		return
	}
	p.s.look()
	for _, f := range p.files {
		f.vague = true
	}
	p.s.must(os.RemoveAll(filepath.Dir(p.dir)))
	p.create()
}

func (p *pod) settle() {}

// look lets the agent look at the folders.
func (s *simulation) look() {
	s.now = s.now.Add(1100 * time.Millisecond)
	if s.a.intake.pending { // room for it may have come: then the next Step, which follows at once, looks
		s.a.intake.Step(s.now)
	}
	s.a.intake.Step(s.now)
}

// program writes plain lines into one file, which logrotate renames, or copies and truncates.
type program struct {
	s     *simulation
	path  string
	copy  bool
	olds  int
	half  string // of a line: what is written of it
	first []byte // line of the file
}

func (s *simulation) newProgram(copytruncate bool) *program {
	dir := filepath.Join(s.dir, "programs")
	s.must(os.MkdirAll(dir, 0o755))
	return &program{s: s, path: filepath.Join(dir, "app.log"), copy: copytruncate}
}

func (p *program) write() {
	for range 1 + p.s.rng.IntN(6) {
		p.end()
		p.s.stamp++
		p.half = fmt.Sprintf("%d %s", p.s.stamp, strings.Repeat("y", p.s.rng.IntN(60)))
		p.append(p.half)
	}
	if p.s.rng.IntN(3) > 0 {
		p.end()
	}
}

// end ends the line that is half written.
func (p *program) end() {
	if p.half != "" {
		p.append("\n")
		p.s.written[p.half], p.s.pieces[p.half] = true, []string{p.half}
		if p.first == nil {
			p.first = []byte(p.half + "\n")
		}
		p.half = ""
	}
}

func (p *program) append(text string) {
	f, err := os.OpenFile(p.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	p.s.must(err)
	_, err = io.WriteString(f, text)
	p.s.must(err)
	p.s.must(f.Close())
	p.s.bytes += int64(len(text))
}

// rotate does what logrotate does. The agent must know the file by then, and still know it after a crash: nobody told it
// to read app.log.1 for its own sake.
func (p *program) rotate() {
	if p.end(); p.first == nil || !p.known() {
		return
	}
	p.s.rotations++
	for n := p.olds; n > 0; n-- {
		p.s.must(os.Rename(fmt.Sprintf("%s.%d", p.path, n), fmt.Sprintf("%s.%d", p.path, n+1)))
	}
	p.olds++
	if p.copy {
		text, err := os.ReadFile(p.path)
		p.s.must(err)
		p.s.must(os.WriteFile(p.path+".1", text, 0o644))
		p.s.must(os.Truncate(p.path, 0))
	} else {
		p.s.must(os.Rename(p.path, p.path+".1"))
	}
	p.first = nil
}

// known says that the WAL has something of the present file for certain.
func (p *program) known() bool {
	sum := sha256.Sum256(p.first)
	for _, e := range p.s.extents {
		if e.low > 0 && e.file.Identity.HeadSum == [16]byte(sum[:]) {
			return true
		}
	}
	return false
}

func (p *program) settle() { p.end() }
