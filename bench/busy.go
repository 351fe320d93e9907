package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

// ticks is a second in /proc/stat: USER_HZ, which Linux has at 100 for programs on every architecture that Go knows.
const ticks = 100

// machineTime is how long the processors of the machine have worked since its boot, for whomever.
type machineTime struct {
	busy time.Duration // of all processors together; time that the hypervisor took away counts as work for others
	cpus int
}

func readMachineTime() (machineTime, error) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return machineTime{}, err
	}
	return parseMachineTime(stat)
}

// parseMachineTime reads a /proc/stat (proc_stat(5)): user, nice, system, idle, iowait, irq, softirq, steal; then guest time,
// which is in user already.
func parseMachineTime(stat []byte) (t machineTime, err error) {
	found := false
	for line := range bytes.Lines(stat) {
		fields := bytes.Fields(line)
		if len(fields) < 9 || !bytes.HasPrefix(fields[0], []byte("cpu")) {
			continue
		}
		if len(fields[0]) > len("cpu") {
			t.cpus++
			continue
		}
		found = true
		for _, i := range []int{1, 2, 3, 6, 7, 8} {
			n, err := strconv.ParseInt(string(fields[i]), 10, 64)
			if err != nil {
				return machineTime{}, err
			}
			t.busy += time.Duration(n) * (time.Second / ticks)
		}
	}
	if !found || t.cpus == 0 {
		return machineTime{}, errors.New("/proc/stat tells no processor time")
	}
	return t, nil
}

// othersShare is the part of the machine, 0 to 1, that worked for none of ours between before and after.
func othersShare(before, after machineTime, wall, ours time.Duration) float64 {
	whole := wall * time.Duration(after.cpus)
	if whole <= 0 {
		return 0
	}
	return min(1, max(0, float64(after.busy-before.busy-ours)/float64(whole)))
}

// startCensus begins to watch the machine. What it returns is told what the agent took, and gives the part of the machine
// that worked neither for the agent nor for its backend nor for this program since.
func startCensus(b *backend) (func(agent usage) (float64, error), error) {
	ours := func() (time.Duration, error) {
		own, err := ownCPU()
		if err != nil {
			return 0, err
		}
		backend, err := runningCPU(b.process.cmd.Process.Pid)
		return own + backend, err
	}
	before, err := readMachineTime()
	if err != nil {
		return nil, err
	}
	oursBefore, err := ours()
	if err != nil {
		return nil, err
	}
	return func(agent usage) (float64, error) {
		after, err := readMachineTime()
		if err != nil {
			return 0, err
		}
		oursAfter, err := ours()
		return othersShare(before, after, agent.Wall, agent.cpu()+oursAfter-oursBefore), err
	}, nil
}

// runningCPU is what a process that still runs took so far (proc_pid_stat(5): fields 14 and 15, counted behind the name,
// which may hold anything but ends with the last parenthesis).
func runningCPU(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat is not whole", pid)
	}
	user, err := strconv.ParseInt(string(fields[11]), 10, 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseInt(string(fields[12]), 10, 64)
	return time.Duration(user+system) * (time.Second / ticks), err
}

// ownCPU is what this program took so far.
func ownCPU() (time.Duration, error) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0, err
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano()), nil
}
