package wal

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// simDisk is a real folder together with a model of what a power cut would leave of it. It fails when it is told to, as
// disks fail: a write stops in the middle, and a failed fsync drops the pages while the page cache goes on showing them.
type simDisk struct {
	realDisk
	rand  *rand.Rand
	fail  func(op string) error // nil: all goes well
	ops   []string              // what was done, in order
	files map[string]*simFile   // by Segment name
	named map[string]bool       // directory entries that are durable, by path below the root
}

type simFile struct {
	path   string
	synced int64      // bytes that survive
	lost   [][2]int64 // ranges that a failed fsync dropped
	before []byte     // content before a truncation that may not survive
	gone   []byte     // content when it was removed, which may not survive
	real   entries
}

func newSimDisk(r *rand.Rand) *simDisk {
	return &simDisk{rand: r, files: map[string]*simFile{}, named: map[string]bool{}}
}

func (d *simDisk) try(op, path string) error {
	d.ops = append(d.ops, op+" "+filepath.Base(path))
	if d.fail == nil {
		return nil
	}
	return d.fail(op)
}

func (d *simDisk) Mkdir(path string) error {
	if err := d.try("mkdir", path); err != nil {
		return err
	}
	return d.realDisk.Mkdir(path)
}

func (d *simDisk) Create(path string) error {
	if err := d.try("create", path); err != nil {
		return err
	}
	d.files[filepath.Base(path)] = &simFile{path: path}
	return d.realDisk.Create(path)
}

func (d *simDisk) Open(folder string) (entries, error) {
	if err := d.try("open", folder); err != nil {
		return nil, err
	}
	e, err := d.realDisk.Open(folder)
	if err != nil {
		return nil, err
	}
	f := d.files[filepath.Base(folder)]
	f.real = e
	return &simEntries{d, f}, nil
}

func (d *simDisk) SyncDir(path string) error {
	if err := d.try("syncdir", path); err != nil {
		return err
	}
	for name, f := range d.files {
		if filepath.Dir(f.path) == path {
			d.named["file "+name] = true
		}
		if filepath.Dir(filepath.Dir(f.path)) == path {
			d.named["folder "+name] = true
			if f.gone != nil {
				delete(d.files, name)
			}
		}
	}
	return nil
}

func (d *simDisk) Truncate(path string, size int64) error {
	if err := d.try("truncate", path); err != nil {
		return err
	}
	f := d.files[filepath.Base(path)]
	f.before, _ = os.ReadFile(path)
	return d.realDisk.Truncate(path, size)
}

func (d *simDisk) RemoveAll(path string) error {
	if err := d.try("remove", path); err != nil {
		return err
	}
	if f := d.files[filepath.Base(path)]; f != nil {
		f.gone, _ = os.ReadFile(f.path)
	}
	return d.realDisk.RemoveAll(path)
}

func (d *simDisk) Settle(path string) error {
	if err := d.try("settle", path); err != nil {
		return err
	}
	f := d.files[filepath.Base(path)]
	if f == nil {
		return nil
	}
	p, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	f.drop(p)
	f.synced = int64(len(p))
	return os.WriteFile(path, p, 0o600)
}

// drop makes zeros of what a failed fsync has dropped.
func (f *simFile) drop(p []byte) {
	for _, r := range f.lost {
		clear(p[min(r[0], int64(len(p))):min(r[1], int64(len(p)))])
	}
}

type simEntries struct {
	d *simDisk
	f *simFile
}

func (e *simEntries) Write(n uint64, p []byte) error {
	if err := e.d.try("write", e.f.path); err != nil {
		file, _ := os.OpenFile(e.f.path, os.O_APPEND|os.O_WRONLY, 0)
		file.Write(p[:e.d.rand.IntN(len(p))])
		file.Close()
		return err
	}
	return e.f.real.Write(n, p)
}

func (e *simEntries) Sync() error {
	size, _ := size(e.f.path)
	if err := e.d.try("sync", e.f.path); err != nil {
		e.f.lost = append(e.f.lost, [2]int64{e.f.synced, size})
		return err
	}
	e.f.synced, e.f.before = size, nil
	return nil
}

func (e *simEntries) Close() error {
	if err := e.Sync(); err != nil {
		return err
	}
	return e.f.real.Close()
}

// release closes what a killed process had open.
func (d *simDisk) release() {
	for _, f := range d.files {
		if f.real != nil {
			f.real.Close()
		}
	}
}

// cut is the power cut: it makes the folder to what the disk has, with a coin for all that was not fsynced.
func (d *simDisk) cut(t testing.TB, dir string) {
	t.Helper()
	d.release()
	content := map[string][]byte{}
	for _, name := range slices.Sorted(maps.Keys(d.files)) {
		f := d.files[name]
		p, err := os.ReadFile(f.path)
		if f.gone != nil {
			p, err = f.gone, nil
			if d.coin() {
				continue
			}
		}
		if !d.named["folder "+name] && d.coin() || errors.Is(err, os.ErrNotExist) && d.coin() {
			continue
		}
		if !d.named["file "+name] && d.coin() {
			content[name] = nil
			continue
		}
		content[name] = d.survives(f, p)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	d.files, d.named = map[string]*simFile{}, map[string]bool{}
	for name, p := range content {
		path := filepath.Join(dir, name, name)
		writeFile(t, path, p)
		d.files[name] = &simFile{path: path, synced: int64(len(p))}
		d.named["folder "+name], d.named["file "+name] = true, true
	}
}

// survives is what the disk has of a file that the page cache shows as p.
func (d *simDisk) survives(f *simFile, p []byte) []byte {
	if f.before != nil && d.coin() {
		p = f.before
	}
	p = slices.Clone(p)
	f.drop(p)
	synced := min(f.synced, int64(len(p)))
	switch d.rand.IntN(4) {
	case 0:
		return p[:synced]
	case 1:
		return p[:synced+d.rand.Int64N(int64(len(p))-synced+1)]
	case 2: // some blocks of the disk, in any order
		for at := synced; at < int64(len(p)); at++ {
			if end := min((at/512+1)*512, int64(len(p))); d.coin() {
				clear(p[at:end])
				at = end - 1
			} else {
				at = end - 1
			}
		}
	}
	return p
}

func (d *simDisk) coin() bool { return d.rand.IntN(2) == 0 }

// failing fails each operation with a chance of one in n, until the count of failures is used up.
func failing(r *rand.Rand, n, count int) func(string) error {
	return func(op string) error {
		if count == 0 || r.IntN(n) > 0 {
			return nil
		}
		count--
		if op == "write" || op == "mkdir" || op == "create" {
			return fmt.Errorf("%s: %w", op, syscall.ENOSPC)
		}
		return fmt.Errorf("%s: %w", op, syscall.EIO)
	}
}
