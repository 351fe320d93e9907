package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// mutation is one way to break the product.
type mutation struct {
	name      string // <package>/<what>
	broken    string // what the broken code does, or does no more
	invariant string // the numbers of those that it breaks, see results.go
	file      string // path in the repository
	old, new  string // the change: old stands in file exactly once
	pkg       string // whose tests should notice
	test      string // the test that should, as a pattern; others are tried where it does not
}

// table is every mutation: one file a package.
var table = slices.Concat(walMutations, checkpointMutations, pipelineMutations, tailMutations, parseMutations, sinkMutations, letterMutations, toolMutations, podMutations, pageMutations)

// apply returns the broken text of m's file.
func (m *mutation) apply(root string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, m.file))
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(text), m.old); n != 1 {
		return "", fmt.Errorf("%s: what is to be broken stands there %d times, want once:\n%s", m.file, n, m.old)
	}
	return strings.Replace(string(text), m.old, m.new, 1), nil
}

// overlay writes the broken file into dir, and the file that tells the compiler of it, whose path it returns.
func (m *mutation) overlay(root, dir string) (string, error) {
	text, err := m.apply(root)
	if err != nil {
		return "", err
	}
	real, err := filepath.Abs(filepath.Join(root, m.file))
	if err != nil {
		return "", err
	}
	broken, path := filepath.Join(dir, filepath.Base(m.file)), filepath.Join(dir, "overlay.json")
	list, err := json.Marshal(map[string]map[string]string{"Replace": {real: broken}})
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(broken, []byte(text), 0o600); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, list, 0o600)
}
