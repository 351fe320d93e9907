package cutfs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// machine does a program's work in a folder of the mounted file system.
type machine struct {
	t          *testing.T
	fs         *FS
	mountpoint string
	dir        string
}

// path is where a file is, from the mount point on.
func (m *machine) path(p string) string { return filepath.Join(m.dir, p) }

func (m *machine) full(p string) string { return filepath.Join(m.mountpoint, m.dir, p) }

func (m *machine) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) open(p string, flags int, use func(*os.File) error) {
	m.t.Helper()
	f, err := os.OpenFile(m.full(p), flags, 0o644)
	m.must(err)
	m.must(errors.Join(use(f), f.Close()))
}

func (m *machine) write(p, data string) {
	m.t.Helper()
	m.open(p, os.O_RDWR|os.O_CREATE, func(f *os.File) error { _, err := f.WriteAt([]byte(data), 0); return err })
}

func (m *machine) append(p, data string) {
	m.t.Helper()
	m.open(p, os.O_WRONLY|os.O_APPEND, func(f *os.File) error { _, err := f.WriteString(data); return err })
}

func (m *machine) sync(p string) {
	m.t.Helper()
	m.open(p, os.O_RDONLY, (*os.File).Sync)
}

func (m *machine) syncFails(p string, want syscall.Errno) {
	m.t.Helper()
	m.open(p, os.O_RDONLY, func(f *os.File) error {
		if err := f.Sync(); !errors.Is(err, want) {
			return fmt.Errorf("fsync said %v, want %v", err, want)
		}
		return nil
	})
}

func (m *machine) holds(p, want string) {
	m.t.Helper()
	got, err := os.ReadFile(m.full(p))
	m.must(err)
	if string(got) != want {
		m.t.Fatalf("%s holds %s, want %s", p, show(got), show([]byte(want)))
	}
}

func (m *machine) mkdir(p string)     { m.t.Helper(); m.must(os.Mkdir(m.full(p), 0o755)) }
func (m *machine) rmdir(p string)     { m.t.Helper(); m.must(syscall.Rmdir(m.full(p))) }
func (m *machine) unlink(p string)    { m.t.Helper(); m.must(syscall.Unlink(m.full(p))) }
func (m *machine) rename(p, q string) { m.t.Helper(); m.must(os.Rename(m.full(p), m.full(q))) }
func (m *machine) link(p, q string)   { m.t.Helper(); m.must(os.Link(m.full(p), m.full(q))) }
func (m *machine) truncate(p string, size int) {
	m.t.Helper()
	m.must(os.Truncate(m.full(p), int64(size)))
}

// state says what is in the folder: each file as path=content, each folder as path/.
func (m *machine) state() string {
	m.t.Helper()
	var all []string
	m.must(fs.WalkDir(os.DirFS(m.full("")), ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || p == ".":
			return err
		case d.IsDir():
			all = append(all, p+"/")
			return nil
		}
		data, err := os.ReadFile(m.full(p))
		all = append(all, p+"="+show(data))
		return err
	}))
	return strings.Join(all, " ")
}

// show gives small contents as they are, and one letter for each sector of larger ones: ~ where it is torn.
func show(data []byte) string {
	if len(data) < sectorSize && !bytes.Contains(data, []byte{0}) {
		return string(data)
	}
	var s strings.Builder
	for sector := range slices.Chunk(data, sectorSize) {
		switch {
		case bytes.Count(sector, sector[:1]) < len(sector):
			s.WriteByte('~')
		case sector[0] == 0:
			s.WriteByte('0')
		default:
			s.WriteByte(sector[0])
		}
	}
	return s.String()
}
