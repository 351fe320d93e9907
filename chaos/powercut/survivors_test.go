package powercut

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"logboom/chaos/manifest"
)

// book is what must be stored, and what may be. It belongs to the test's goroutine.
type book struct {
	written manifest.Manifest
	must    map[string]map[int64]string // by stream and number: why

	torn  bytes.Buffer // lines that stood in files after a cut and are not what was written, each once
	known map[string]bool
}

func newBook() *book {
	return &book{written: manifest.Manifest{}, must: map[string]map[int64]string{}, known: map[string]bool{}}
}

// add enters what a boot wrote.
func (b *book) add(m manifest.Manifest) {
	for stream, sums := range m {
		b.written[stream] = sums
	}
}

// addAll enters what a boot wrote and demands all of it.
func (b *book) addAll(m manifest.Manifest, why string) {
	b.add(m)
	for stream, sums := range m {
		for n := range sums {
			b.demandNumber(stream, int64(n), why)
		}
	}
}

// demand says that a message must be stored, if it is one that was written.
func (b *book) demand(message []byte, why string) bool {
	stream, n, ok := manifest.ParsePrefix(message)
	sums := b.written[string(stream)]
	if !ok || n >= int64(len(sums)) || manifest.SumOf(message) != sums[n] {
		return false
	}
	b.demandNumber(string(stream), n, why)
	return true
}

// demandNumber says that a message must be stored.
func (b *book) demandNumber(stream string, n int64, why string) {
	of := b.must[stream]
	if of == nil {
		of = map[int64]string{}
		b.must[stream] = of
	}
	if _, known := of[n]; !known {
		of[n] = why
	}
}

// survive reads all log files and pins, and demands every message that is whole.
func (b *book) survive(roots []string, why string) error {
	met := make(map[uint64]bool)
	for _, root := range roots {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			if inode := info.Sys().(*syscall.Stat_t).Ino; met[inode] {
				return nil
			} else {
				met[inode] = true
			}
			return b.surviveFile(path, why)
		})
		if err != nil {
			return fmt.Errorf("read what the cut left: %w", err)
		}
	}
	return nil
}

func (b *book) surviveFile(path, why string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	use := func(message []byte) bool { return b.demand(message, why+" in "+path) }
	if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		whole := false
		data, whole = gunzip(data)
		if !whole || strings.HasSuffix(path, ".tmp") {
			use = func([]byte) bool { return false } // it may be read as far as it goes
		}
	}
	b.lines(data, use)
	return nil
}

// gunzip decompresses as much as it can.
func gunzip(data []byte) (text []byte, whole bool) {
	in, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, false
	}
	text, err = io.ReadAll(in)
	return text, err == nil
}

// lines gives the messages of a file in the runtime's format to use, and keeps as torn the lines of those that it does
// not take, and what is no line.
func (b *book) lines(data []byte, use func([]byte) bool) {
	type open struct{ message, raw []byte }
	var streams = map[string]*open{"stdout": {}, "stderr": {}}
	for len(data) > 0 {
		end := bytes.IndexByte(data, '\n')
		if end < 0 {
			break
		}
		line := data[:end]
		data = data[end+1:]
		stream, tag, content, ok := parseLine(line)
		if !ok {
			b.keep(line)
			continue
		}
		o := streams[stream]
		o.message, o.raw = append(o.message, content...), append(append(o.raw, line...), '\n')
		if tag == 'F' {
			if !use(o.message) {
				b.keep(o.raw)
			}
			*o = open{}
		}
	}
	b.keep(data)
	b.keep(streams["stdout"].raw)
	b.keep(streams["stderr"].raw)
}

func (b *book) keep(raw []byte) {
	if b.known[string(raw)] {
		return
	}
	b.known[string(raw)] = true
	b.torn.Write(raw)
	b.torn.WriteByte('\n')
}

// parseLine takes apart <time> <stream> <P|F> <content>.
func parseLine(line []byte) (stream string, tag byte, content []byte, ok bool) {
	words := bytes.SplitN(line, []byte{' '}, 4)
	if len(words) != 4 || len(words[2]) != 1 || words[2][0] != 'P' && words[2][0] != 'F' {
		return "", 0, nil, false
	}
	stream = string(words[1])
	_, err := time.Parse(time.RFC3339Nano, string(words[0]))
	return stream, words[2][0], words[3], err == nil && (stream == "stdout" || stream == "stderr")
}

// stood says whether a message can have come from torn lines: it is made of runs of their bytes.
func (b *book) stood(message []byte) bool {
	torn := b.torn.Bytes()
	for len(message) > 0 {
		// The longest beginning that stands somewhere, by halving.
		low, high := 0, len(message)
		for low < high {
			if mid := (low + high + 1) / 2; bytes.Contains(torn, message[:mid]) {
				low = mid
			} else {
				high = mid - 1
			}
		}
		if low < min(16, len(message)) {
			return false
		}
		message = message[low:]
	}
	return true
}
