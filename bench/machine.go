package main

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Machine is what one has to know to compare figures. What can't be found out is empty.
type Machine struct {
	CPU        string  `json:"cpu"`
	Cores      int     `json:"cores"` // that this process may use
	Memory     int64   `json:"memory_bytes"`
	Kernel     string  `json:"kernel"`
	OS         string  `json:"os"`
	Arch       string  `json:"arch"`
	Go         string  `json:"go"` // of this program
	FileSystem string  `json:"file_system"`
	Load       float64 `json:"load_1m"` // when the measurement began
}

func describeMachine(dir string) Machine {
	m := Machine{Cores: runtime.NumCPU(), OS: runtime.GOOS, Arch: runtime.GOARCH, Go: runtime.Version()}
	m.CPU = cpuModel()
	m.Memory, _ = statusBytes("/proc/meminfo", "MemTotal:")
	var names unix.Utsname
	if unix.Uname(&names) == nil {
		m.Kernel = unix.ByteSliceToString(names.Release[:])
	}
	if mounts, err := os.ReadFile("/proc/self/mountinfo"); err == nil {
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			m.FileSystem = fileSystem(mounts, real)
		}
	}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		if fields := strings.Fields(string(load)); len(fields) > 0 {
			m.Load, _ = strconv.ParseFloat(fields[0], 64)
		}
	}
	return m
}

func cpuModel() string {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		if key, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// fileSystem returns the type of the mount that dir lies on, from the text of a mountinfo (proc_pid_mountinfo(5)): the
// fifth field is the mount point, the first behind " - " the type. Of mounts on one point the last hides the others.
func fileSystem(mounts []byte, dir string) (kind string) {
	longest := 0
	for line := range bytes.Lines(mounts) {
		before, after, found := strings.Cut(string(line), " - ")
		fields, types := strings.Fields(before), strings.Fields(after)
		if !found || len(fields) < 5 || len(types) < 1 {
			continue
		}
		point := fields[4]
		if inside := point == "/" || dir == point || strings.HasPrefix(dir, point+"/"); inside && len(point) >= longest {
			longest, kind = len(point), types[0]
		}
	}
	return kind
}
