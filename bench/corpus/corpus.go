// Package corpus makes the log files that the benchmark reads: container logs in the CRI format, laid out as a kubelet
// does under <root>/<namespace>_<pod>_<uid>/<container>/0.log.
//
// It promises the same bytes for the same Spec and Version, on every machine, and text that compresses as ordinary logs
// do: six to eight times with a fast zstd. How: each container runs one of a few programs (text.go); a program is a list
// of templates whose fields (template.go) are drawn with a generator seeded by Spec.Seed and the file's number. Values
// are drawn unevenly, lines of one request share its ids, and time moves on, because that is what a compressor and a
// JSON encoder meet in real logs.
//
// It costs some nanoseconds a byte on one core and a 256 KiB buffer per core. A corpus is kept and used again as long as its
// Spec, Version and file sizes match.
package corpus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// Version counts changes of the generator: a corpus of another Version is made anew. A test holds the first bytes of
// each corpus against it.
const Version = 1

// Content is what kind of text the files hold.
type Content string

const (
	Text Content = "text" // lines of web servers, services and databases, about 190 bytes each with the CRI prefix
	JSON Content = "json" // the same as JSON objects, as structured loggers write them: every quote needs escaping
	Long Content = "long" // Events of 2 KiB to 256 KiB, split by the runtime into lines of 16 KiB
)

// Spec says what to make.
type Spec struct {
	Name    string  `json:"name"`
	Content Content `json:"content"`
	Files   int     `json:"files"`
	Bytes   int64   `json:"target_bytes"` // each file ends with the Event that reaches its share
	Seed    uint64  `json:"seed"`
}

// Table lists the corpora that have a name.
var Table = []Spec{
	{Name: "text8", Content: Text, Files: 8, Bytes: 250e6},
	{Name: "json8", Content: JSON, Files: 8, Bytes: 250e6},
	{Name: "long8", Content: Long, Files: 8, Bytes: 250e6},
	{Name: "text200", Content: Text, Files: 200, Bytes: 1e9},
	{Name: "text2000", Content: Text, Files: 2000, Bytes: 250e6},
}

// Corpus is what was made.
type Corpus struct {
	Spec
	Version int      `json:"version"`
	Size    int64    `json:"bytes"`  // of all files
	Lines   int64    `json:"lines"`  // of the files; more than Events where the runtime split an Event
	Events  int64    `json:"events"` // documents that must arrive
	Paths   []string `json:"paths"`  // relative to Root
	Sizes   []int64  `json:"sizes"`  // of the files, in the order of Paths

	dir string
}

// Root is the folder to give to an agent as the root of a kubernetes input.
func (c *Corpus) Root() string { return filepath.Join(c.dir, "pods") }

// FilePaths returns the path of every file.
func (c *Corpus) FilePaths() []string {
	paths := make([]string, len(c.Paths))
	for i, p := range c.Paths {
		paths[i] = filepath.Join(c.Root(), p)
	}
	return paths
}

const listName = "corpus.json"

// Make returns the corpus of spec below dir, and makes it first unless it is there.
func Make(ctx context.Context, dir string, spec Spec) (*Corpus, error) {
	if spec.Files < 1 || spec.Bytes < 1 {
		return nil, fmt.Errorf("corpus %s: %d files of %d bytes together: both must be at least 1", spec.Name, spec.Files, spec.Bytes)
	}
	home := filepath.Join(dir, fmt.Sprintf("%s-%d-%d-%d", spec.Name, spec.Files, spec.Bytes, spec.Seed))
	if c, err := open(home); err == nil && c.Spec == spec && c.Version == Version {
		return c, nil
	}
	if err := os.RemoveAll(home); err != nil {
		return nil, err
	}
	c, err := generate(ctx, home, spec)
	if err != nil {
		return nil, fmt.Errorf("make corpus %s: %w", spec.Name, err)
	}
	return c, nil
}

// open reads the list of a corpus and checks that its files are those.
func open(home string) (*Corpus, error) {
	data, err := os.ReadFile(filepath.Join(home, listName))
	if err != nil {
		return nil, err
	}
	c := &Corpus{dir: home}
	if err := json.Unmarshal(data, c); err != nil {
		return nil, err
	}
	if len(c.Sizes) != len(c.Paths) {
		return nil, errors.New("the list is not whole")
	}
	for i, path := range c.FilePaths() {
		if info, err := os.Stat(path); err != nil {
			return nil, err
		} else if info.Size() != c.Sizes[i] {
			return nil, fmt.Errorf("%s has changed", path)
		}
	}
	return c, nil
}

func generate(ctx context.Context, home string, spec Spec) (*Corpus, error) {
	c := &Corpus{
		Spec: spec, Version: Version, dir: home,
		Paths: make([]string, spec.Files), Sizes: make([]int64, spec.Files),
	}
	counts := make([]count, spec.Files)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range spec.Files {
		group.Go(func() (err error) {
			if err = ctx.Err(); err != nil {
				return err
			}
			share := spec.Bytes * int64(i+1) / int64(spec.Files)
			share -= spec.Bytes * int64(i) / int64(spec.Files)
			s := newSource(spec.Content, spec.Seed, i)
			c.Paths[i] = s.path()
			counts[i], err = writeFile(filepath.Join(c.Root(), c.Paths[i]), s, share)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i, n := range counts {
		c.Sizes[i] = n.bytes
		c.Size += n.bytes
		c.Lines += n.lines
		c.Events += n.events
	}
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return nil, err
	}
	return c, os.WriteFile(filepath.Join(home, listName), data, 0o644)
}

type count struct{ bytes, lines, events int64 }

// writeFile writes Events of s until the file has size bytes.
func writeFile(path string, s *source, size int64) (n count, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return n, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return n, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	const room = 256 << 10
	b := make([]byte, 0, 2*room)
	for n.bytes < size {
		before := len(b)
		b = s.event(b, &n)
		n.bytes += int64(len(b) - before)
		if len(b) >= room || n.bytes >= size {
			if _, err := f.Write(b); err != nil {
				return n, err
			}
			b = b[:0]
		}
	}
	return n, nil
}
