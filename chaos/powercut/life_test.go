package powercut

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"logboom/chaos/cutfs"
	"logboom/chaos/port"
)

// life is one node: some boots, each ended by a power cut, and a last one that drains.
type life struct {
	t    *testing.T
	seed uint64
	r    *rand.Rand
	rot  rotation
	run  func(l *life, drain bool) (*process, error) // starts the agent

	dir       string // of this life, on a disk that keeps its power
	disk      *cutfs.FS
	url, addr string // of the backend and of the agent
	agent     *process
	faulty    bool            // an operation is made to fail in this boot
	rotten    map[string]bool // Segments of which a byte was changed
	book      *book
	history   strings.Builder // of the cuts, for a failure
}

const index = "logs-logboom-default"

func (l *life) pods() string { return filepath.Join(l.dir, "disk", "pods") }
func (l *life) data() string { return filepath.Join(l.dir, "disk", "data") }

// newLife makes a life of which the seed decides everything.
func newLife(t *testing.T, seed uint64, run func(*life, bool) (*process, error)) *life {
	r := rand.New(rand.NewPCG(seed, 5))
	l := newLifeOn(t, seed, cutfs.Options{
		Mode: cutfs.Mode(r.IntN(2)),
		Age:  []time.Duration{300 * time.Millisecond, 2 * time.Second, 30 * time.Second}[r.IntN(3)],
	}, run)
	l.r, l.rot = r, rotation{on: r.IntN(3) == 0, speed: 8 + 8*r.Float64(), size: 64 << 10}
	return l
}

// newLifeOn makes a life on such a disk, without rotation.
func newLifeOn(t *testing.T, seed uint64, o cutfs.Options, run func(*life, bool) (*process, error)) *life {
	l := &life{t: t, seed: seed, r: rand.New(rand.NewPCG(seed, 5)), run: run, dir: t.TempDir(), book: newBook(), rotten: map[string]bool{}}
	fmt.Fprintf(&l.history, "seed %d: %+v\n", seed, o)
	var err error
	l.addr, err = port.Free()
	must(t, err)
	at := filepath.Join(l.dir, "disk")
	must(t, os.Mkdir(at, 0o755))
	l.disk, err = cutfs.Mount(at, o)
	must(t, err)
	t.Cleanup(func() {
		if err := l.disk.Unmount(); err != nil {
			t.Error(err)
		}
	})
	must(t, errors.Join(os.Mkdir(l.pods(), 0o755), os.Mkdir(l.data(), 0o700), l.disk.Sync()))
	return l
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// start starts the agent in a boot of its own.
func (l *life) start(boot int, drain bool) *process {
	l.t.Helper()
	id := fmt.Sprintf("%08x-0000-4000-8000-%012x\n", l.seed, boot)
	must(l.t, os.WriteFile(filepath.Join(l.dir, "boot_id"), []byte(id), 0o600))
	agent, err := l.run(l, drain)
	must(l.t, err)
	return agent
}

func (l *life) bootID() string { return filepath.Join(l.dir, "boot_id") }
func (l *life) log() string    { return filepath.Join(l.dir, "agent.log") }

// boot starts the node, lets it work until the power goes, and brings the power back.
func (l *life) boot(number int) {
	w := startWriters(l.r, l.pods(), number, l.rot)
	defer w.end()
	time.Sleep(time.Duration(l.r.IntN(200)) * time.Millisecond)
	l.weather()
	l.agent, l.faulty = l.start(number, false), false
	defer func() { l.agent.kill() }()
	said := newPromises(l.pods())
	ready := func() bool { return said.ask(l.addr) }
	if l.r.IntN(2) == 0 {
		l.await(ready)
	}
	liftFault := l.fault()
	limit, liftCut := l.arm()
	l.work(number, ready, limit)
	l.agent.kill()
	liftFault()
	liftCut()
	written, ended, err := w.stop()
	must(l.t, err)
	fmt.Fprintf(&l.history, "the writers of boot %d: %v\n", number, ended) // they had no power at last
	l.book.add(written)
	if !l.rot.on {
		said.keep(l.book, fmt.Sprintf("called durable in boot %d", number))
	}
	fmt.Fprintf(&l.history, "the cut of boot %d took:\n%s", number, l.disk.Lost())
	must(l.t, l.disk.Restart())
	must(l.t, l.book.survive([]string{l.pods(), filepath.Join(l.data(), "pins")}, fmt.Sprintf("survived the cut of boot %d", number)))
}

// await waits until the agent answers, or the power goes.
func (l *life) await(ready func() bool) {
	l.t.Helper()
	for deadline := time.Now().Add(patience); !ready(); time.Sleep(10 * time.Millisecond) {
		l.alive()
		if time.Now().After(deadline) {
			l.t.Fatalf("the agent does not answer; its last words:\n%s", tail(l.log()))
		}
	}
}

// alive says whether the agent runs or has no power. It must not end by itself, but where an operation was made to fail:
// then it may leave it to its supervisor to start it again.
func (l *life) alive() bool {
	l.t.Helper()
	select {
	case <-l.disk.Off():
		return true
	case <-l.agent.exited:
	default:
		return true
	}
	news := time.Minute // it may be quicker than the news of the cut
	if l.faulty {       // or has ended by itself
		news = 100 * time.Millisecond
	}
	select {
	case <-l.disk.Off():
		return true
	case <-time.After(news):
	}
	if !l.faulty {
		l.t.Fatalf("the agent ended by itself: %v; its last words:\n%s", l.agent.err, tail(l.log()))
	}
	return false
}

// work lets time pass until the power goes. In some boots the agent is killed and started again meanwhile.
func (l *life) work(number int, ask func() bool, limit time.Duration) {
	l.t.Helper()
	over, kill := time.After(limit), make(<-chan time.Time)
	if l.r.IntN(3) == 0 {
		kill = time.After(time.Duration(l.r.Int64N(int64(limit) + 1)))
	}
	for {
		select {
		case <-l.disk.Off():
			return
		case <-over:
			if err := l.disk.Cut(l.r.Uint64()); err != nil && !errors.Is(err, cutfs.ErrOff) {
				l.t.Fatal(err)
			}
			return
		case <-kill:
			l.agent.kill()
			fmt.Fprintf(&l.history, "boot %d: the agent was killed and started again\n", number)
			l.agent = l.start(number, false)
		case <-time.After(20 * time.Millisecond):
			ask()
			if !l.alive() {
				fmt.Fprintf(&l.history, "boot %d: the agent ended with %v and is started again\n", number, l.agent.err)
				l.agent = l.start(number, false)
			}
		}
	}
}

// drain is the last boot: nothing goes wrong any more, and everything must be delivered.
func (l *life) drain(number int) *verdict {
	l.t.Helper()
	l.clearSky()
	l.agent, l.faulty = l.start(number, false), false
	defer l.agent.kill()
	w := startWriters(l.r, l.pods(), number, l.rot)
	defer w.end()
	l.await(func() bool { return newPromises(l.pods()).ask(l.addr) })
	time.Sleep(500 * time.Millisecond)
	written, ended, err := w.stop()
	must(l.t, errors.Join(ended, err))
	l.book.addAll(written, "written after the last cut")
	l.agent.cmd.Process.Signal(syscall.SIGTERM)
	if err := l.agent.wait(patience, l.noteStatus); err != nil {
		l.t.Fatalf("after SIGTERM: %v", err)
	}
	return l.exitWhenDrained(number)
}

// exitWhenDrained runs the agent until all is delivered, and judges.
func (l *life) exitWhenDrained(number int) *verdict {
	l.t.Helper()
	last := l.start(number, true)
	defer last.kill()
	if err := last.wait(patience, l.noteStatus); err != nil {
		l.t.Errorf("--exit-when-drained: %v", err) // what is stored is worth a look all the same
	}
	v, err := judge(l.url, index, l.book)
	must(l.t, err)
	return v
}

// noteStatus keeps what the agent says of itself, for a failure.
func (l *life) noteStatus() {
	text := "no answer"
	if answer, err := http.Get("http://" + l.addr + "/api/v1/status"); err == nil {
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		text = string(body)
	}
	fmt.Fprintf(&l.history, "the agent's status at the end: %s\n", text)
}

// live lives a life of some cuts, and returns the verdict.
func (l *life) live(cuts int) *verdict {
	for i := range cuts {
		l.boot(i)
	}
	return l.drain(cuts)
}

// keep saves what helps to understand a failure: the disk, the agent's log and what the cuts took.
func (l *life) keep(to string, v *verdict) {
	if err := l.disk.Restart(); err != nil && !errors.Is(err, cutfs.ErrOn) {
		l.t.Error(err)
	}
	err := errors.Join(
		os.RemoveAll(to), os.MkdirAll(to, 0o755),
		os.CopyFS(filepath.Join(to, "disk"), os.DirFS(filepath.Join(l.dir, "disk"))),
		os.Rename(l.log(), filepath.Join(to, "agent.log")),
		os.WriteFile(filepath.Join(to, "cuts.txt"), []byte(l.history.String()), 0o600),
	)
	if v != nil {
		list := func(what string, all []string) string { return what + "\n" + strings.Join(all, "\n") + "\n" }
		text := v.String() + "\n" + list("missing", v.missing) + list("double", v.double) + list("unexplained", v.unexplained)
		err = errors.Join(err, os.WriteFile(filepath.Join(to, "verdict.txt"), []byte(text), 0o600))
	}
	l.t.Logf("kept in %s: %v", to, err)
}
