package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// process is one child, which may be started several times. It belongs to the main goroutine.
type process struct {
	name string
	args []string
	log  string // file that gets its output

	cmd    *exec.Cmd
	exited chan struct{} // closed when the child has ended
	err    error         // how it ended; valid after exited
}

// start runs the program in a process group of its own.
func (p *process) start() error {
	log, err := os.OpenFile(p.log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(p.args[0], p.args[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	exited := make(chan struct{})
	p.cmd, p.exited, p.err = cmd, exited, nil
	go func() {
		p.err = cmd.Wait()
		close(exited)
	}()
	return nil
}

func (p *process) running() bool {
	if p.cmd == nil {
		return false
	}
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// kill ends the child with SIGKILL and waits for it.
func (p *process) kill() {
	if p.running() {
		p.cmd.Process.Kill()
		<-p.exited
	}
}

// killed says whether SIGKILL ended the child.
func (p *process) killed() bool {
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// stop asks the child to end, and kills it when it hasn't after the grace time. An exit code other than 0 is an error.
func (p *process) stop(grace time.Duration) error {
	if !p.running() {
		return p.ended()
	}
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
		return p.ended()
	case <-time.After(grace):
		p.kill()
		return fmt.Errorf("%s did not end within %v of SIGTERM", p.name, grace)
	}
}

// ended says how a child that runs no more came to its end.
func (p *process) ended() error {
	if p.err != nil {
		return fmt.Errorf("%s ended with %w; its last words:\n%s", p.name, p.err, lastLines(p.log))
	}
	return nil
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
