package scenarios

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// process is one child, which may be started several times. It belongs to the test's goroutine.
type process struct {
	t    *testing.T
	name string
	args []string
	env  []string
	log  string // path of what all its runs said

	film *film // notes when it is down or stopped; nil: nobody looks

	cmd    *exec.Cmd
	exited chan struct{} // closed when the run has ended
	err    error         // how it ended; valid after exited
}

// start runs the program, with further arguments. It is killed when the test ends.
func (p *process) start(args ...string) {
	p.t.Helper()
	log, err := os.OpenFile(p.log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	must(p.t, err)
	defer log.Close()
	cmd := exec.Command(p.args[0], append(p.args[1:len(p.args):len(p.args)], args...)...)
	cmd.Stdout, cmd.Stderr, cmd.Env = log, log, append(os.Environ(), p.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(p.t, cmd.Start())
	exited := make(chan struct{})
	p.cmd, p.exited = cmd, exited
	p.film.over(p.name + " down")
	go func() {
		p.err = cmd.Wait()
		close(exited)
	}()
}

func (p *process) runs() bool {
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

// signal sends a signal to a process that must still run.
func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if !p.runs() {
		p.t.Fatalf("the %s ended by itself: %v\n%s", p.name, p.err, p.lastWords())
	}
	must(p.t, p.cmd.Process.Signal(s))
}

// kill is SIGKILL.
func (p *process) kill() {
	p.t.Helper()
	p.signal(syscall.SIGKILL)
	<-p.exited
	p.film.over(p.name + " stopped")
	p.film.fault(p.name + " down")
	var exit *exec.ExitError
	if !errors.As(p.err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		p.t.Fatalf("the %s ended before it was killed: %v\n%s", p.name, p.err, p.lastWords())
	}
}

// pause is SIGSTOP. It returns when the process stands still.
func (p *process) pause() {
	p.t.Helper()
	p.signal(syscall.SIGSTOP)
	p.film.fault(p.name + " stopped")
	stat := fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid)
	await(p.t, p.name+" stops", func() bool {
		data, err := os.ReadFile(stat)
		must(p.t, err)
		state := data[bytes.LastIndexByte(data, ')'):]
		return bytes.HasPrefix(state, []byte(") T"))
	})
}

// goOn is SIGCONT.
func (p *process) goOn() {
	p.t.Helper()
	p.signal(syscall.SIGCONT)
	p.film.over(p.name + " stopped")
}

// end is SIGTERM, which must end in exit code 0.
func (p *process) end(limit time.Duration) {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	p.film.fault(p.name + " down")
	p.wait("after SIGTERM", limit)
}

// wait waits for exit code 0.
func (p *process) wait(when string, limit time.Duration) {
	p.t.Helper()
	select {
	case <-p.exited:
	case <-time.After(limit):
		words := p.lastWords()
		p.cmd.Process.Signal(syscall.SIGQUIT) // the log then shows where it hangs
		time.Sleep(time.Second)
		p.cmd.Process.Kill()
		<-p.exited
		p.t.Fatalf("the %s has not ended %v %s:\n%s", p.name, limit, when, words)
	}
	if p.err != nil {
		p.t.Fatalf("the %s %s: %v, want exit code 0\n%s", p.name, when, p.err, p.lastWords())
	}
}

// cleanUp kills what still runs.
func (p *process) cleanUp() {
	if p.runs() {
		p.cmd.Process.Kill()
		<-p.exited
	}
	if p.t.Failed() {
		p.t.Logf("the last words of the %s:\n%s", p.name, p.lastWords())
		p.film.keep(p.log)
	}
}

func (p *process) lastWords() []byte {
	data, err := os.ReadFile(p.log)
	if err != nil {
		return []byte(err.Error())
	}
	return bytes.TrimSpace(data[max(0, len(data)-4096):])
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// patience is how long something may take on a busy machine.
const patience = 3 * time.Minute

// await waits for what must come true.
func await(t testing.TB, what string, true func() bool) {
	t.Helper()
	awaitFor(t, patience, what, true)
}

func awaitFor(t testing.TB, limit time.Duration, what string, true func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !true(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in %v: %s", limit, what)
		}
	}
}
