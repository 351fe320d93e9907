package main

import (
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
)

// memoryShare of the cgroup's limit is Go's: the rest is for the page tables and the stacks of the kernel's side, and for
// the moment in which the collector is late.
const memoryShare = 0.9

// limitMemory tells Go's collector about the memory limit of the container, so that it works harder before the kernel
// kills. It returns the limit in bytes that holds now; 0 where there is none. GOMEMLIMIT, where it is set, has the word.
// root is / but in tests.
func limitMemory(root string) int64 {
	if os.Getenv("GOMEMLIMIT") == "" {
		if limit := cgroupLimit(root); limit > 0 {
			debug.SetMemoryLimit(int64(float64(limit) * memoryShare))
		}
	}
	if limit := debug.SetMemoryLimit(-1); limit != math.MaxInt64 {
		return limit
	}
	return 0
}

// cgroupLimit returns the smallest memory limit of our cgroup and those around it, in bytes; 0 for none. Version 2
// and 1 of the kernel's interface differ in names only; in a container the path that the kernel tells may lie outside of
// what is mounted, so the top of the mount counts always.
func cgroupLimit(root string) int64 {
	text, err := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	if err != nil {
		return 0
	}
	limit := int64(math.MaxInt64)
	for line := range strings.Lines(string(text)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3) // id:controllers:path
		if len(fields) != 3 {
			continue
		}
		top, name := "sys/fs/cgroup", "memory.max"
		if fields[1] != "" {
			top, name = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		}
		if fields[1] != "" && fields[1] != "memory" {
			continue
		}
		for dir := filepath.Clean("/" + fields[2]); ; dir = filepath.Dir(dir) {
			limit = min(limit, readLimit(filepath.Join(root, top, dir, name)))
			if dir == "/" {
				break
			}
		}
	}
	if limit >= 1<<60 { // version 1 says "no limit" with a number near the largest
		return 0
	}
	return limit
}

func readLimit(path string) int64 {
	text, err := os.ReadFile(path)
	if err != nil {
		return math.MaxInt64
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || n <= 0 { // "max"
		return math.MaxInt64
	}
	return n
}
