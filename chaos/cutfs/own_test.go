package cutfs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestBehavesLikeTheKernelsOwn makes the same random calls on a cutfs and on this machine's own file system: the answers
// and what is there afterwards must be the same.
func TestBehavesLikeTheKernelsOwn(t *testing.T) {
	_, mounted := mount(t, Options{})
	for seed := range uint64(30) {
		own, ours := t.TempDir(), filepath.Join(mounted, fmt.Sprint(seed))
		if err := os.Mkdir(ours, 0o755); err != nil {
			t.Fatal(err)
		}
		a := &caller{r: rand.New(rand.NewPCG(seed, 2)), root: own}
		b := &caller{r: rand.New(rand.NewPCG(seed, 2)), root: ours}
		for i := range 300 {
			what, want := a.call()
			_, got := b.call()
			if got != want {
				t.Fatalf("seed %d, call %d: %s says %v, want %v", seed, i, what, got, want)
			}
		}
		if want, got := describe(t, own), describe(t, ours); want != got {
			t.Fatalf("seed %d: there is\n%s\nwant\n%s", seed, got, want)
		}
		a.close()
		b.close()
	}
}

// caller makes random calls.
type caller struct {
	r    *rand.Rand
	root string
	open []*os.File
}

func (c *caller) path() string {
	p := c.root
	for range 1 + c.r.IntN(3) {
		p = filepath.Join(p, string(rune('a'+c.r.IntN(4))))
	}
	return p
}

// call makes one call, and returns it in words and the kernel's answer.
func (c *caller) call() (string, syscall.Errno) {
	p, q, size := c.path(), c.path(), c.r.IntN(9000)
	data := bytes.Repeat([]byte{byte(c.r.IntN(256))}, c.r.IntN(5000))
	words := func(op string) string {
		return fmt.Sprintf("%s %s %s %d", op, strings.TrimPrefix(p, c.root), strings.TrimPrefix(q, c.root), size)
	}
	switch c.r.IntN(13) {
	case 0, 1:
		return words("mkdir"), errno(os.Mkdir(p, 0o750))
	case 2, 3:
		return words("write"), errno(c.write(p, os.O_WRONLY|os.O_CREATE, int64(size), data))
	case 4:
		return words("append"), errno(c.write(p, os.O_WRONLY|os.O_APPEND, -1, data))
	case 5:
		return words("write anew"), errno(os.WriteFile(p, data, 0o640))
	case 6:
		return words("rename"), errno(os.Rename(p, q))
	case 7:
		return words("link"), errno(os.Link(p, q))
	case 8:
		return words("unlink"), errno(syscall.Unlink(p))
	case 9:
		return words("rmdir"), errno(syscall.Rmdir(p))
	case 10:
		return words("truncate"), errno(os.Truncate(p, int64(size)))
	case 11:
		return words("symlink"), errno(os.Symlink("a/b", p))
	default:
		return words("open"), errno(c.hold(p, data))
	}
}

// write writes at an offset, or at the end.
func (c *caller) write(p string, flags int, off int64, data []byte) error {
	f, err := os.OpenFile(p, flags, 0o640)
	if err != nil {
		return err
	}
	if off < 0 {
		_, err = f.Write(data)
	} else {
		_, err = f.WriteAt(data, off)
	}
	return errors.Join(err, f.Close())
}

// hold keeps some files open, and writes through the oldest handle, whatever became of the file.
func (c *caller) hold(p string, data []byte) error {
	f, err := os.OpenFile(p, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if c.open = append(c.open, f); len(c.open) > 4 {
		defer c.open[0].Close()
		f, c.open = c.open[0], c.open[1:]
		_, err = f.Write(data)
	}
	return err
}

func (c *caller) close() {
	for _, f := range c.open {
		f.Close()
	}
}

func errno(err error) syscall.Errno {
	var number syscall.Errno
	if err != nil && !errors.As(err, &number) {
		panic(err)
	}
	return number
}

// describe lists a tree: modes, link counts, sizes, contents.
func describe(t *testing.T, root string) string {
	t.Helper()
	var all strings.Builder
	err := fs.WalkDir(os.DirFS(root), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprint(&all, p, " ", info.Mode(), " ", info.Sys().(*syscall.Stat_t).Nlink)
		switch {
		case info.Mode().IsRegular():
			data, err := os.ReadFile(filepath.Join(root, p))
			fmt.Fprintf(&all, " %d %x", info.Size(), data)
			if err != nil {
				return err
			}
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(filepath.Join(root, p))
			fmt.Fprint(&all, " ", target)
			if err != nil {
				return err
			}
		}
		fmt.Fprintln(&all)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
