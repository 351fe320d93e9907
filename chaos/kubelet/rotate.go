package kubelet

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// rotateIfLarge does what the kubelet does with the log of a running container at each tick.
func (a *attempt) rotateIfLarge() error {
	a.rotating <- struct{}{}
	defer func() { <-a.rotating }()
	if !a.runs() {
		return nil
	}
	info, err := os.Stat(a.path)
	if err != nil || info.Size() <= a.node.cfg.MaxSize {
		return err
	}
	return a.rotate()
}

func (a *attempt) runs() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.file != nil
}

// rotate takes the steps of a rotation in their order; each is a moment in which an agent can be killed.
func (a *attempt) rotate() error {
	rotated, err := a.rotated()
	if err != nil {
		return err
	}
	if rotated, err = a.removeExcess(rotated); err != nil {
		return err
	}
	for _, path := range rotated {
		if err := compress(path); err != nil {
			return fmt.Errorf("compress %s: %w", path, err)
		}
	}
	if err := os.Rename(a.path, a.path+"."+a.node.clock().Format("20060102-150405")); err != nil {
		return err
	}
	select {
	case a.nudge <- 3: // what the container writes now still goes into the renamed file
	default:
	}
	time.Sleep(a.node.between(700*time.Microsecond, 2700*time.Microsecond)) // no file has the first name
	a.node.Rotations.Add(1)
	return a.reopen()
}

// rotated lists the rotated files of the attempt, oldest first.
func (a *attempt) rotated() ([]string, error) {
	paths, err := filepath.Glob(escape(a.path) + ".*")
	slices.Sort(paths)
	return paths, err
}

// removeExcess unlinks the oldest rotated files until, after one more rotation, MaxFiles are there.
func (a *attempt) removeExcess(rotated []string) ([]string, error) {
	for len(rotated) > a.node.cfg.MaxFiles-2 {
		if err := os.Remove(rotated[0]); err != nil {
			return nil, err
		}
		a.node.Deleted.Add(1)
		rotated = rotated[1:]
	}
	return rotated, nil
}

// compress replaces a rotated file with its .gz, which is whole as soon as it has that name.
func compress(path string) error {
	if strings.HasSuffix(path, ".gz") {
		return nil
	}
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	tmp := path + ".tmp"
	out, err := os.OpenFile(tmp, os.O_WRONLY|os.O_TRUNC|os.O_CREATE, 0o640)
	if err != nil {
		return err
	}
	defer out.Close()
	z, err := gzip.NewWriterLevel(out, gzip.BestSpeed) // a busy machine should rotate faster than it writes
	if err != nil {
		return err
	}
	if _, err := io.Copy(z, in); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	if err := os.Rename(tmp, path+".gz"); err != nil {
		return err
	}
	return os.Remove(path)
}

// reopen gives the container a new file, and closes the old one a moment later.
func (a *attempt) reopen() error {
	file, err := create(a.path)
	if err != nil {
		return err
	}
	a.mu.Lock()
	old := a.file
	a.file = file
	a.mu.Unlock()
	time.Sleep(500 * time.Microsecond)
	return old.Close()
}

// remove unlinks all files of an attempt that has ended.
func (a *attempt) remove() error {
	a.rotating <- struct{}{}
	defer func() { <-a.rotating }()
	paths, err := a.rotated()
	if err != nil {
		return err
	}
	for _, path := range append(paths, a.path) {
		if err := os.Remove(path); err != nil {
			return err
		}
		a.node.Deleted.Add(1)
	}
	return nil
}
