package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// format is the version of the layout of the data directory.
const format = "1\n"

// checkFormat refuses a data directory of a layout that this release does not know, and signs a new one. A power cut may
// have left the signature without its bytes; there was no other release before this one.
func checkFormat(dir string) error {
	path := filepath.Join(dir, "FORMAT")
	text, err := os.ReadFile(path)
	switch {
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("read layout of data directory: %w", err)
	case len(bytes.Trim(text, "\x00")) == 0:
		return sign(path)
	case string(text) != format:
		return fmt.Errorf("%s says layout %q; this release knows %q: use the release that wrote it", path,
			strings.TrimSpace(string(text)), strings.TrimSpace(format))
	}
	return nil
}

// sign writes the version of the layout so that it is there whole or not at all.
func sign(path string) error {
	f, err := os.Create(path + ".new")
	if err != nil {
		return fmt.Errorf("sign data directory: %w", err)
	}
	_, err = f.WriteString(format)
	if err := errors.Join(err, f.Chmod(0o600), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("sign data directory: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("sign data directory: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
