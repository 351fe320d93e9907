package wal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// scanner reads the frames of one Segment's file in their order. It trusts no length: it holds one window of the file, at
// most a frame, and where the framing is damaged it goes on at the next frame whose header is whole.
type scanner struct {
	file io.ReaderAt
	end  int64 // nothing from here on is read
	pos  int64 // where the next entry begins
	want Index // the next frame's Index; a frame behind damage may have a higher one

	salt   uint64 // of the Segment, once a frame is read
	salted bool

	window []byte // the file's bytes from base on
	base   int64

	broken error // the disk's last word on bytes that it does not give out; whoever asks clears it

	from  Index // the last frame's: what want was before it, and where it began
	began int64
}

const (
	windowSize = 256 << 10 // bytes read at once
	page       = 4096      // bytes that a bad sector takes with it
)

// reset begins a file, and keeps the window's memory.
func (s *scanner) reset(file io.ReaderAt, end int64, first Index) {
	*s = scanner{file: file, end: end, want: first, window: s.window[:0], broken: s.broken}
}

// rewind begins the same file again.
func (s *scanner) rewind(first Index) { s.reset(s.file, s.end, first) }

// back makes next return the last frame again.
func (s *scanner) back() { s.pos, s.want = s.began, s.from }

// next reads the next frame whose fixed part is whole; its header and payload are nil where they are not. s.from to
// f.index-1 are the Indexes that were missing before it. io.EOF: no frame follows. ErrVersion, and errors of the file other
// than broken ones, say nothing about the Segment.
func (s *scanner) next(f *frame) error {
	start := s.pos
	if start >= s.end {
		return io.EOF
	}
	p, err := s.view(start, binary.MaxVarintLen32)
	if err != nil {
		return err
	}
	if size, n := binary.Uvarint(p); n > 0 {
		if err := s.frame(f, start+int64(n), 0); err != errFrame {
			return err
		}
		if err := s.behind(f, start, start+int64(n), size); err != errFrame {
			return err
		}
	}
	for at := start; ; at++ {
		if at, err = s.find(at); err != nil {
			return err
		}
		// What stands in the middle of a payload may be a log line: it says nothing of the Segment's version.
		if err := s.frame(f, at, at-start); err != errFrame && !errors.Is(err, ErrVersion) {
			return err
		}
	}
}

// behind reads the frame behind the damaged one at at, whose entry began at start, where tidwall's length of it is whole: a
// log line can look like a frame, but has no say in where the entries begin.
func (s *scanner) behind(f *frame, start, at int64, size uint64) error {
	if size < minFrame || size > uint64(s.end-at) {
		return errFrame
	}
	next := at + int64(size)
	p, err := s.view(next, binary.MaxVarintLen32)
	if err != nil {
		return err
	}
	_, n := binary.Uvarint(p)
	if n <= 0 {
		return errFrame
	}
	return s.frame(f, next+int64(n), next-start)
}

// frame reads the frame at at, behind skipped bytes of damage; errFrame if there is none that can stand here.
func (s *scanner) frame(f *frame, at, skipped int64) error {
	p, err := s.view(at, fixedSize)
	if err != nil {
		return err
	}
	if len(p) < fixedSize {
		return errFrame
	}
	if err := f.parse(p); err != nil {
		return err
	}
	if f.index < s.want || f.index > s.want+Index(skipped/minFrame) || s.salted && f.salt != s.salt {
		return errFrame
	}
	if p, err = s.view(at, int(f.size)); err != nil {
		return err
	}
	f.check(p)
	s.salt, s.salted = f.salt, true
	s.from, s.began = s.want, s.pos
	s.pos, s.want = min(at+f.size, s.end), f.index+1
	return nil
}

// find returns where the next frame may begin.
func (s *scanner) find(at int64) (int64, error) {
	for at < s.end {
		if _, err := s.view(at, page); err != nil {
			return 0, err
		}
		p := s.window[at-s.base:]
		if n := bytes.Index(p, []byte(magic)); n >= 0 {
			return at + int64(n), nil
		}
		if at+int64(len(p)) >= s.end {
			break
		}
		at += int64(len(p) - len(magic) + 1)
	}
	return 0, io.EOF
}

// view returns n bytes of the file from pos on, fewer only before the end; valid until the next call.
func (s *scanner) view(pos int64, n int) ([]byte, error) {
	n = int(min(int64(n), s.end-pos))
	if n <= 0 {
		return nil, nil
	}
	if pos < s.base || pos+int64(n) > s.base+int64(len(s.window)) {
		if err := s.fill(pos, n); err != nil {
			return nil, err
		}
	}
	p := s.window[pos-s.base:]
	return p[:min(n, len(p))], nil
}

// fill reads the window anew from pos on, n bytes or more.
func (s *scanner) fill(pos int64, n int) error {
	n = int(min(int64(max(n, windowSize)), s.end-pos))
	if cap(s.window) < n {
		s.window = make([]byte, n)
	}
	s.window, s.base = s.window[:n], pos
	got, err := s.file.ReadAt(s.window, pos)
	if broken(err) {
		got, err = s.fillPages(pos)
	}
	if err != nil && err != io.EOF {
		s.window = s.window[:0]
		return fmt.Errorf("read: %w", err)
	}
	if got < n {
		s.window = s.window[:got]
		s.end = pos + int64(got) // somebody cut the file: what is gone is missing, nothing else
	}
	return nil
}

// fillPages fills the window page by page and puts zeros where the disk can't be read: a bad sector is damage like any
// other, and costs the frames that lie on it only.
func (s *scanner) fillPages(pos int64) (int, error) {
	for n := 0; n < len(s.window); {
		next := min(n+page-int(pos+int64(n))%page, len(s.window))
		got, err := s.file.ReadAt(s.window[n:next], pos+int64(n))
		switch {
		case broken(err):
			s.broken = err
			clear(s.window[n:next])
		case err != nil && err != io.EOF:
			return n, err
		case got < next-n:
			return n + got, io.EOF
		}
		n = next
	}
	return len(s.window), nil
}
