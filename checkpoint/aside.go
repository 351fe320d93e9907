package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// maxAside is how many damaged files are kept for a person to look at.
const maxAside = 3

// SetAside renames a damaged checkpoint to <path>.corrupt-<UTC time>, durably, so that Open makes a new one, and returns
// the new name. Of those that were set aside before it keeps the newest. The path must not be open.
func SetAside(path string) (string, error) {
	name := path + ".corrupt-" + time.Now().UTC().Format("20060102T150405.000000000Z")
	if err := os.Rename(path, name); err != nil {
		return "", fmt.Errorf("set checkpoint aside: %w", err)
	}
	old, err := asides(path)
	if err != nil {
		return "", fmt.Errorf("set checkpoint aside: %w", err)
	}
	for len(old) > maxAside {
		if err := os.RemoveAll(old[0]); err != nil {
			return "", fmt.Errorf("remove the oldest checkpoint set aside: %w", err)
		}
		old = old[1:]
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return "", fmt.Errorf("set checkpoint aside: %w", err)
	}
	return name, nil
}

// asides lists what was set aside, oldest first.
func asides(path string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	prefix := filepath.Base(path) + ".corrupt-"
	var names []string
	for _, e := range entries {
		if len(e.Name()) > len(prefix) && e.Name()[:len(prefix)] == prefix {
			names = append(names, filepath.Join(filepath.Dir(path), e.Name()))
		}
	}
	slices.Sort(names) // the time in the name sorts
	return names, nil
}
