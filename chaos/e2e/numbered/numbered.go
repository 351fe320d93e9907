// Package numbered is what the test's containers print: messages that both the container and the test can make from
// their stream and number alone, so that nobody has to carry a list from the one to the other.
//
// A Plan is split over the two outputs, each with numbers of its own, and begins each message as package manifest wants
// it. It costs a hash a message.
package numbered

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"logboom/chaos/manifest"
)

// Plan is what one attempt of a container prints.
type Plan struct {
	Name   string // begins the names of both streams
	Count  int64  // messages in all
	Stderr int64  // each n-th message goes to standard error; 1: all, 0: none
	Long   int64  // each n-th message is longer than the runtime's pieces; 0: none
	Binary int64  // each n-th message is not UTF-8; 0: none
	JSON   bool   // each is an object with a text; no manifest knows those
}

const longSize = 40000 // bytes; the runtime's pieces have 16384

// Each calls fn for every message in the order of printing; n counts the messages of its stream. The text has no newline
// and is valid until fn returns. It stops at fn's first error, which it returns.
func (p Plan) Each(fn func(stream string, n int64, stderr bool, text []byte) error) error {
	streams := [2]string{p.Name + "/out", p.Name + "/err"}
	var next [2]int64
	var buf []byte
	for i := range p.Count {
		output := 0
		if every(p.Stderr, i) {
			output = 1
		}
		n := next[output]
		next[output]++
		buf = p.append(buf[:0], streams[output], n, i)
		if err := fn(streams[output], n, output == 1, buf); err != nil {
			return err
		}
	}
	return nil
}

// List enters all messages into a manifest.
func (p Plan) List(m *manifest.Writer) error {
	return p.Each(func(stream string, n int64, _ bool, text []byte) error {
		m.Add(stream, n, manifest.SumOf(text))
		return nil
	})
}

func every(n, i int64) bool { return n > 0 && i%n == n-1 }

func (p Plan) append(b []byte, stream string, n, i int64) []byte {
	b = manifest.AppendPrefix(b, stream, n)
	noise := sha256.Sum256(fmt.Appendf(nil, "%s/%d", stream, n))
	size := 60 + int(noise[0]) // bytes
	if every(p.Long, i) {
		size = longSize + int(noise[0])
	}
	for len(b) < size {
		b = append(hex.AppendEncode(b, noise[:]), ' ')
	}
	if every(p.Binary, i) {
		b = append(b, "\x00\xff\xfe\x1b[31m"...)
	}
	b = append(b, ";end"...)
	if p.JSON {
		return fmt.Appendf(nil, `{"text":%q}`, b)
	}
	return b
}
