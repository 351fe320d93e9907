package powercut

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long something may take on a busy machine.
const patience = 3 * time.Minute

// process is a child that was started once. It is killed when this process ends.
type process struct {
	cmd    *exec.Cmd
	log    string
	exited chan struct{}
	err    error // how it ended; valid after exited
}

// start starts a program. Its output goes behind what is in log.
func start(log string, env []string, attr syscall.SysProcAttr, args ...string) (*process, error) {
	out, err := os.OpenFile(log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	attr.Pdeathsig = syscall.SIGKILL
	p := &process{cmd: exec.Command(args[0], args[1:]...), log: log, exited: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.SysProcAttr = out, out, &attr
	p.cmd.Env = append(os.Environ(), env...)
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", args[0], err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

// kill ends p with SIGKILL and waits for it.
func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.exited
}

// wait waits for p to end by itself. If it does not, last is called before it is killed.
func (p *process) wait(limit time.Duration, last func()) error {
	select {
	case <-p.exited:
		if p.err != nil {
			return fmt.Errorf("%w; its last words:\n%s", p.err, tail(p.log))
		}
		return nil
	case <-time.After(limit):
		words := tail(p.log)
		last()
		p.cmd.Process.Signal(syscall.SIGQUIT) // the log then shows where it hangs
		time.Sleep(time.Second)
		p.kill()
		return fmt.Errorf("did not end within %v; its last words before SIGQUIT:\n%s", limit, words)
	}
}

// tail returns the last few KB of a file.
func tail(path string) []byte {
	data, err := os.ReadFile(path)
	if err != nil {
		return []byte(err.Error())
	}
	return bytes.TrimSpace(data[max(0, len(data)-3000):])
}

// The agent asks the kernel which boot this is. So it is started through this test binary, in a mount namespace of its
// own where another file lies over the kernel's answer.
const (
	bootEnv   = "LOGBOOM_POWERCUT_BOOT"
	bootIDAt  = "/proc/sys/kernel/random/boot_id"
	naiveWord = "naive"
)

func startBooted(log, bootID string, args ...string) (*process, error) {
	attr := syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS} // which makes all mounts private
	return start(log, []string{bootEnv + "=" + bootID}, attr, append([]string{os.Args[0]}, args...)...)
}

func TestMain(m *testing.M) {
	id := os.Getenv(bootEnv)
	if id == "" {
		os.Exit(m.Run())
	}
	if err := becomeAgent(id, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// becomeAgent runs a program that sees this boot id.
func becomeAgent(id string, args []string) error {
	if err := unix.Mount(id, bootIDAt, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("lay a boot id over the kernel's: %w", err)
	}
	os.Unsetenv(bootEnv)
	if args[0] == naiveWord {
		return naive(args[1:])
	}
	return unix.Exec(args[0], args, os.Environ())
}
