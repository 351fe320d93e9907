package kubelet

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"logboom/chaos/manifest"
)

// Piece is the longest content of one line in the file, in bytes: containerd's max_container_log_line_size.
const Piece = 16384

const (
	stdout = 0
	stderr = 1
)

// attempt is one run of a container. Its lines are written by the goroutine of run alone; the file changes under it.
type attempt struct {
	node    *Node
	spec    *Container
	path    string // of the file being written
	streams [2]stream
	buf     []byte   // the line in the file
	nudge   chan int // the rotation asks for some lines at once

	// rotating is taken during a rotation and a removal. A channel, as who has it sleeps, and a test's clock stands still
	// while somebody waits for a mutex.
	rotating chan struct{}

	mu   sync.Mutex // guards file: a line is written whole into one file
	file *os.File   // nil when the container doesn't run
}

// stream is one of the two outputs of an attempt.
type stream struct {
	id   string // in the messages: <pod>/<container>/<attempt>/<out|err>
	name string
	next int64 // number of the next message
	text *text
}

func (n *Node) newAttempt(p *Pod, c *Container, dir string, nth int, number uint64) *attempt {
	a := &attempt{
		node: n, spec: c, nudge: make(chan int, 1), rotating: make(chan struct{}, 1),
		path: filepath.Join(dir, fmt.Sprintf("%d.log", nth)),
	}
	for i, name := range []string{"stdout", "stderr"} {
		a.streams[i] = stream{
			id:   fmt.Sprintf("%s/%s/%d/%s", p.Name, c.Name, nth, name[3:]),
			name: name,
			text: newText(n.cfg.Seed, number<<24|uint64(nth)<<1|uint64(i)),
		}
	}
	return a
}

// run writes lines at the container's rate until life is over. When ctx still goes on then, that was an exit.
func (a *attempt) run(ctx, life context.Context) error {
	file, err := create(a.path)
	if err != nil {
		return err
	}
	a.file = file
	a.node.mu.Lock()
	a.node.running[a] = struct{}{}
	a.node.mu.Unlock()
	defer a.stop()
	if err := a.write(life); err != nil {
		return err
	}
	if a.spec.OpenEnd && ctx.Err() == nil {
		return a.openEnd()
	}
	return nil
}

// create makes a log file as containerd does.
func create(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
}

func (a *attempt) stop() {
	a.node.mu.Lock()
	delete(a.node.running, a)
	a.node.mu.Unlock()
	a.rotating <- struct{}{}
	defer func() { <-a.rotating }()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.file.Close()
	a.file = nil
}

// write keeps the rate in bursts of a few milliseconds. A writer that the machine holds up catches up with at most a
// quarter of a second.
func (a *attempt) write(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	var due float64 // lines
	last := time.Now()
	for ctx.Err() == nil {
		var asked int
		select {
		case <-ctx.Done():
		case <-tick.C:
		case asked = <-a.nudge:
		}
		now := time.Now()
		due = min(due+now.Sub(last).Seconds()*a.spec.Rate, max(1, a.spec.Rate/4))
		last = now
		for ; (due >= 1 || asked > 0) && ctx.Err() == nil; due, asked = due-1, asked-1 {
			if err := a.line(); err != nil {
				return err
			}
		}
	}
	return nil
}

// line writes the next message, of a stream and a kind that the seed decides.
func (a *attempt) line() error {
	s := &a.streams[stdout]
	if s.text.chance(a.spec.Stderr) {
		s = &a.streams[stderr]
	}
	switch {
	case s.text.chance(a.spec.Long):
		return a.message(s, s.text.long(s.prefix()))
	case s.text.chance(a.spec.Binary):
		return a.message(s, s.text.binary(s.prefix()))
	default:
		return a.message(s, s.text.short(s.prefix()))
	}
}

func (s *stream) prefix() []byte { return manifest.AppendPrefix(s.text.buf[:0], s.id, s.next) }

// message writes a message in pieces, with lines of the other stream between them, and lists it.
func (a *attempt) message(s *stream, m []byte) error {
	sum := manifest.SumOf(m)
	for len(m) > Piece {
		if err := a.piece(s, 'P', m[:Piece]); err != nil {
			return err
		}
		m = m[Piece:]
		if a.spec.Stderr > 0 && s.text.chance(0.5) {
			other := &a.streams[stdout]
			if s == other {
				other = &a.streams[stderr]
			}
			if err := a.message(other, other.text.short(other.prefix())); err != nil {
				return err
			}
		}
	}
	if err := a.piece(s, 'F', m); err != nil {
		return err
	}
	a.wrote(s, sum)
	return nil
}

// openEnd writes a last message that has no newline: a piece that nothing follows.
func (a *attempt) openEnd() error {
	s := &a.streams[stdout]
	m := s.text.short(s.prefix())
	if err := a.piece(s, 'P', m); err != nil {
		return err
	}
	a.wrote(s, manifest.SumOf(m))
	return nil
}

func (a *attempt) wrote(s *stream, sum manifest.Sum) {
	a.node.cfg.Manifest.Add(s.id, s.next, sum)
	s.next++
	a.node.Lines.Add(1)
}

// piece writes one line of the file with one write: <time> <stream> <P|F> <content>.
func (a *attempt) piece(s *stream, tag byte, content []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := time.Now().AppendFormat(a.buf[:0], time.RFC3339Nano) // cuts trailing zeros
	b = append(b, ' ')
	b = append(b, s.name...)
	b = append(b, ' ', tag, ' ')
	b = append(b, content...)
	b = append(b, '\n')
	a.buf = b
	n, err := a.file.Write(b)
	a.node.Bytes.Add(int64(n))
	return err
}
