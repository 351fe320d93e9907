package main

import (
	"compress/gzip"
	"io"
	"os"
	"os/exec"
)

// unit is the yardstick: a program that compresses the files in its arguments as `gzip -1` does. What it prints is thrown
// away.
type unit struct {
	name    string // as the result calls it
	program string
	args    []string
}

// unitCommand as the first argument makes this program the unit, where the system has no gzip.
const unitCommand = "compress-level-1"

// findUnit takes the system's gzip, or Go's, which is another unit and has another name.
func findUnit() (unit, error) {
	if path, err := exec.LookPath("gzip"); err == nil {
		return unit{name: "gzip -1", program: path, args: []string{"-1", "-c"}}, nil
	}
	own, err := os.Executable()
	return unit{name: "Go's compress/gzip, level 1", program: own, args: []string{unitCommand}}, err
}

// compressAll is the unit in Go.
func compressAll(paths []string) error {
	w, err := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
	if err != nil {
		return err
	}
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		w.Reset(io.Discard)
		_, err = io.Copy(w, f)
		f.Close()
		if err != nil {
			return err
		}
		if err := w.Close(); err != nil {
			return err
		}
	}
	return nil
}
