// Package manifest is the list of what a test really wrote into log files, so that an oracle can say what of it was
// stored.
//
// It promises: every message that was given to Add is listed by its stream, its number and a hash of its bytes, after
// Close.
//
// A manifest is a file of JSON lines, each with some consecutive messages of one stream: "sums" is the base64 of their
// hashes, 8 bytes each, beginning with message number "first".
//
//	{"stream":"shop-1/web/0/out","first":0,"sums":"k1w..."}
//
// A message carries its stream and number itself, at its beginning: seq=shop-1/web/0/out/17 and then anything.
//
// It costs 8 bytes of memory a message to read one, and 4 KB a stream to write one.
package manifest

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"sync"
)

// Sum is the hash of a message's bytes: the first 64 bits of their SHA-256.
type Sum uint64

// SumOf returns the hash of a message.
func SumOf(message []byte) Sum {
	sum := sha256.Sum256(message)
	return Sum(binary.BigEndian.Uint64(sum[:]))
}

const prefix = "seq="

// AppendPrefix appends the words that a message begins with, and a space.
func AppendPrefix(to []byte, stream string, n int64) []byte {
	to = append(to, prefix...)
	to = append(to, stream...)
	to = append(to, '/')
	to = strconv.AppendInt(to, n, 10)
	return append(to, ' ')
}

// ParsePrefix returns the stream and the number that a message says it has.
func ParsePrefix(message []byte) (stream []byte, n int64, ok bool) {
	word, found := bytes.CutPrefix(message, []byte(prefix))
	if !found {
		return nil, 0, false
	}
	word, _, _ = bytes.Cut(word, []byte{' '})
	slash := bytes.LastIndexByte(word, '/')
	if slash < 0 {
		return nil, 0, false
	}
	n, err := strconv.ParseInt(string(word[slash+1:]), 10, 64)
	return word[:slash], n, err == nil && n >= 0
}

// chunk is one line of the file.
type chunk struct {
	Stream string `json:"stream"`
	First  int64  `json:"first"`
	Sums   string `json:"sums"`
}

// flushAt is how many sums of a stream are gathered before they are written.
const flushAt = 512

// Writer writes a manifest. It is safe for concurrent use.
type Writer struct {
	mu      sync.Mutex // guards all below
	out     *bufio.Writer
	streams map[string]*open
	lines   int64
	err     error
}

type open struct {
	next int64 // number of the next message
	sums []byte
}

// NewWriter returns a Writer to out.
func NewWriter(out io.Writer) *Writer {
	return &Writer{out: bufio.NewWriter(out), streams: map[string]*open{}}
}

// Add lists a message that was written. The messages of a stream come in order, from number 0, without a gap.
func (w *Writer) Add(stream string, n int64, sum Sum) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.streams[stream]
	if s == nil {
		s = &open{}
		w.streams[stream] = s
	}
	if n != s.next {
		panic(fmt.Sprintf("BUG: message %d of stream %s follows number %d", n, stream, s.next-1))
	}
	s.next++
	w.lines++
	s.sums = binary.BigEndian.AppendUint64(s.sums, uint64(sum))
	if len(s.sums) >= 8*flushAt {
		w.flush(stream, s)
	}
}

// Lines returns how many messages are listed.
func (w *Writer) Lines() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lines
}

func (w *Writer) flush(stream string, s *open) {
	count := int64(len(s.sums) / 8)
	if count == 0 || w.err != nil {
		return
	}
	line, err := json.Marshal(chunk{stream, s.next - count, base64.StdEncoding.EncodeToString(s.sums)})
	if err == nil {
		_, err = w.out.Write(append(line, '\n'))
	}
	w.err = err
	s.sums = s.sums[:0]
}

// Close writes out what is left and returns the first error there was. It does not close what it writes to.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, s := range w.streams {
		w.flush(name, s)
	}
	if w.err != nil {
		return fmt.Errorf("write manifest: %w", w.err)
	}
	return w.out.Flush()
}

// Manifest holds the hashes of the messages of each stream, by number.
type Manifest map[string][]Sum

// Lines returns the number of messages.
func (m Manifest) Lines() (n int64) {
	for _, sums := range m {
		n += int64(len(sums))
	}
	return n
}

// Read reads a manifest.
func Read(in io.Reader) (Manifest, error) {
	m := Manifest{}
	dec := json.NewDecoder(in)
	for {
		var c chunk
		if err := dec.Decode(&c); err == io.EOF {
			return m, nil
		} else if err != nil {
			return nil, fmt.Errorf("read manifest: %w", err)
		}
		sums, err := base64.StdEncoding.DecodeString(c.Sums)
		if err != nil || len(sums)%8 != 0 {
			return nil, fmt.Errorf("read manifest: stream %s from %d: bad sums", c.Stream, c.First)
		}
		if have := int64(len(m[c.Stream])); c.First != have {
			return nil, fmt.Errorf("read manifest: stream %s goes on at %d after %d messages", c.Stream, c.First, have)
		}
		for ; len(sums) > 0; sums = sums[8:] {
			m[c.Stream] = append(m[c.Stream], Sum(binary.BigEndian.Uint64(sums)))
		}
	}
}
