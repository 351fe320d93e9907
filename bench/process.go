package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// usage is what a process took from its start to its end, its threads included.
type usage struct {
	Wall, User, System time.Duration
	PeakRSS            int64 // bytes
	DiskWritten        int64 // bytes, as the kernel counts pages that a process made dirty
}

func (u usage) cpu() time.Duration { return u.User + u.System }

// process is a child that is measured. It ends at the latest with this program.
type process struct {
	name string
	log  string // file that has what it wrote to stdout and stderr
	cmd  *exec.Cmd
	from time.Time     // when it was started
	done chan struct{} // closed when used and err are final
	used usage
	err  error
}

// start runs a program. With discard, stdout goes nowhere and only stderr into the log.
func start(name, log string, discard bool, program string, args ...string) (*process, error) {
	f, err := os.OpenFile(log, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	p := &process{name: name, log: log, cmd: exec.Command(program, args...), done: make(chan struct{})}
	p.cmd.Stderr = f
	if !discard {
		p.cmd.Stdout = f
	}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p.from = time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go p.follow()
	return p, nil
}

// follow measures the child until it has ended.
func (p *process) follow() {
	defer close(p.done)
	pid := p.cmd.Process.Pid
	peak := make(chan int64, 1)
	ended := make(chan struct{})
	go func() { peak <- sampleRSS(pid, ended) }()
	waitErr := waitEnd(pid)
	p.used.Wall = time.Since(p.from)
	close(ended)
	// The child is a zombie: the kernel still has the account of its writes, now a final one.
	written, ioErr := writtenBytes(pid)
	exitErr := p.cmd.Wait()
	p.err = errors.Join(exitErr, waitErr, ioErr)
	p.used.DiskWritten = written
	rusage, ok := p.cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		p.err = errors.Join(p.err, errors.New("the kernel gave no account of it"))
		return
	}
	p.used.User = time.Duration(rusage.Utime.Nano())
	p.used.System = time.Duration(rusage.Stime.Nano())
	p.used.PeakRSS = peakRSS(rusage.Maxrss<<10, <-peak)
}

// peakRSS chooses between two accounts of a child's memory. The kernel begins ru_maxrss of a child with the memory of the
// process that started it, so it is exact only when it is above our own; samples miss what happens after the last one. Of
// a child that ended before the first sample nothing better is known than that it had no more than ru_maxrss.
func peakRSS(rusage, sampled int64) int64 {
	if own, err := statusBytes("/proc/self/status", "VmHWM:"); sampled == 0 || err == nil && rusage > own {
		return rusage
	}
	return sampled
}

// sampleRSS follows the highest RSS of a process, in bytes, until ended is closed. The kernel keeps the mark itself.
func sampleRSS(pid int, ended <-chan struct{}) (peak int64) {
	path := fmt.Sprintf("/proc/%d/status", pid)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if now, err := statusBytes(path, "VmHWM:"); err == nil {
			peak = max(peak, now)
		}
		select {
		case <-ended:
			return peak
		case <-tick.C:
		}
	}
}

// waitEnd waits until the child has ended, and leaves it to be reaped.
func waitEnd(pid int) error {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// wait returns what the child took. An exit code other than 0 is an error; when ctx ends first, the child is killed.
func (p *process) wait(ctx context.Context) (usage, error) {
	select {
	case <-p.done:
	case <-ctx.Done():
		p.kill()
		return usage{}, fmt.Errorf("%s: %w; its last words:\n%s", p.name, context.Cause(ctx), lastLines(p.log))
	}
	if p.err != nil {
		return usage{}, fmt.Errorf("%s: %w; its last words:\n%s", p.name, p.err, lastLines(p.log))
	}
	return p.used, nil
}

// kill ends the child, if it still runs, and waits for its end.
func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.done
}

// writtenBytes reads how much a process made the kernel write to disks.
func writtenBytes(pid int) (int64, error) {
	return procNumber(fmt.Sprintf("/proc/%d/io", pid), "write_bytes:")
}

func statusBytes(path, key string) (int64, error) {
	n, err := procNumber(path, key)
	return n << 10, err
}

// procNumber reads the number behind key from a file of "key number" lines.
func procNumber(path, key string) (int64, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(data) {
		if fields := bytes.Fields(line); len(fields) > 1 && string(fields[0]) == key {
			return strconv.ParseInt(string(fields[1]), 10, 64)
		}
	}
	return 0, fmt.Errorf("%s has no %s", path, key)
}

// lastLines returns the last few lines of a file, as far as it can be read.
func lastLines(path string) []byte {
	data, err := os.ReadFile(path)
	if err != nil {
		return []byte(err.Error())
	}
	data = bytes.TrimSpace(data[max(0, len(data)-4096):])
	lines := bytes.Split(data, []byte{'\n'})
	return bytes.Join(lines[max(0, len(lines)-8):], []byte{'\n'})
}
