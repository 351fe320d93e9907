package powercut

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"logboom/chaos/cutfs"
)

// disease is one way in which a disk fails.
type disease struct {
	name   string
	rules  []cutfs.Rule // of which some are at work, each from some operation on, a few times or until it is well again
	errs   []syscall.Errno
	rotate bool // also while the kubelet rotates and deletes
	rot    bool // between the spells, bytes of the WAL change: that is lost, and must be in the ledger
}

// ours is what the agent writes in data_dir. The pins are log files, which others write.
const ours = "data/{*,wal/**,deadletter/**,damaged/**}"

// diseases keep apart what costs lines, a WAL that rots, from what must not; and from what may cost the ledger, a checkpoint
// that can't be read.
var diseases = []disease{
	{name: "writes of the WAL", errs: []syscall.Errno{syscall.EIO, syscall.ENOSPC, 0}, rotate: true, rules: []cutfs.Rule{
		{Op: cutfs.Write, Path: "data/wal/**"},
		{Op: cutfs.Write | cutfs.Create | cutfs.Truncate, Path: "data/wal/**"},
	}},
	{name: "fsyncs of the WAL", errs: []syscall.Errno{syscall.EIO}, rotate: true, rules: []cutfs.Rule{
		{Op: cutfs.Sync, Path: "data/wal/**"},
		{Op: cutfs.Sync, Path: "data/wal/**", Cold: true},
		{Op: cutfs.SyncDir, Path: "data/wal/**"},
	}},
	{name: "names of the WAL", errs: []syscall.Errno{syscall.EIO, syscall.ENOSPC}, rotate: true, rules: []cutfs.Rule{
		{Op: cutfs.Create, Path: "data/wal/**"},
		{Op: cutfs.Remove, Path: "data/wal/**"},
		{Op: cutfs.SyncDir | cutfs.Truncate, Path: "data/wal/**"},
	}},
	{name: "the checkpoint", errs: []syscall.Errno{syscall.EIO, syscall.ENOSPC, 0}, rotate: true, rules: []cutfs.Rule{
		{Op: cutfs.Write | cutfs.Truncate, Path: "data/checkpoint.db*"},
		{Op: cutfs.Sync, Path: "data/checkpoint.db*"},
		{Op: cutfs.Sync, Path: "data/checkpoint.db*", Cold: true},
		{Op: cutfs.Read, Path: "data/checkpoint.db*"},
	}},
	{name: "all of data_dir", errs: []syscall.Errno{syscall.EIO, syscall.ENOSPC}, rules: []cutfs.Rule{
		{Op: cutfs.Change, Path: ours},
		{Op: cutfs.Write | cutfs.Create | cutfs.Link, Path: ours},
		{Op: cutfs.Sync | cutfs.SyncDir, Path: ours, Cold: true},
		{Op: cutfs.Create | cutfs.Link | cutfs.SyncDir, Path: "data/pins/**"},
	}},
	{name: "reads of the WAL", errs: []syscall.Errno{syscall.EIO}, rotate: true, rules: []cutfs.Rule{
		{Op: cutfs.Read, Path: "data/wal/**", From: 1, To: 2}, // a sector somewhere
		{Op: cutfs.Read, Path: "data/wal/**"},
	}},
	{name: "a WAL that rots", rot: true},
	{name: "reads of the logs", errs: []syscall.Errno{syscall.EIO}, rules: []cutfs.Rule{
		{Op: cutfs.Read, Path: "{pods,data/pins}/**"},
	}},
}

// TestIOErrors lets disks fail under the agent, without a power cut: it goes on, or ends and is started again, and in the end
// every line is stored once, or is in the ledger.
func TestIOErrors(t *testing.T) {
	lives, seed := number(t, "LOGBOOM_IOERRORS", 4), uint64(number(t, "LOGBOOM_IOERRORS_SEED", int(time.Now().UnixNano()%1e6)))
	backend, logboom := buildBackend(t), build(t, "logboom", "../../agent")
	var sick, wrong, lost atomic.Int64
	t.Run("lives", func(t *testing.T) {
		for range lives {
			seed++ // and with it the disease
			seed, d := seed, diseases[seed%uint64(len(diseases))]
			t.Run(fmt.Sprintf("%s/seed=%d", d.name, seed), func(t *testing.T) {
				t.Parallel()
				w, n := suffer(t, seed, d, logboom, backend)
				if len(d.rules) > 0 {
					sick.Add(1)
				}
				wrong.Add(int64(w))
				lost.Add(int64(n))
			})
		}
	})
	t.Logf("%d lives: %d operations failed, %d messages are in the ledger and nowhere else", lives, wrong.Load(), lost.Load())
	if wrong.Load() == 0 && sick.Load() > 2 {
		t.Error("no operation failed: this shows nothing")
	}
}

// suffer is a life with a disk that fails in such a way.
func suffer(t *testing.T, seed uint64, d disease, logboom, backend string) (wrong, lost int) {
	l := newLife(t, seed, runLogboom(logboom))
	l.rot.on, l.rot.tame = l.rot.on && d.rotate, true
	startBackend(t, l, backend)
	l.configure()
	var v *verdict
	defer func() {
		if t.Failed() {
			l.keep(filepath.Join(artifacts, fmt.Sprint("ioerrors-", seed)), v)
		}
	}()
	const spells = 4
	for i := range spells {
		l.spell(i, d)
	}
	v = l.drain(spells)
	v.missing, lost = l.excuse(logboom, d, v.missing)
	t.Logf("%d operations failed: %v, %d in the ledger", l.disk.Wrong(), v, lost)
	for what, all := range map[string][]string{"missing": v.missing, "double": v.double, "unexplained": v.unexplained} {
		for _, one := range all[:min(3, len(all))] {
			t.Errorf("%s: %s", what, one)
		}
	}
	return l.disk.Wrong(), lost
}

// spell is some time in which pods write and the disk fails, and then does no more.
func (l *life) spell(number int, d disease) {
	l.t.Helper()
	w := startWriters(l.r, l.pods(), number, l.rot)
	defer w.end()
	if d.rot {
		for range 3 {
			l.decay()
		}
	}
	l.weather()
	l.agent, l.faulty = l.start(0, false), true // always the same boot
	defer func() { l.agent.kill() }()
	if l.r.IntN(2) == 0 {
		l.await(l.answers)
	}
	var lifts []func()
	for range min(len(d.rules), 1+l.r.IntN(2)) {
		lifts = append(lifts, l.disk.Inject(d.pick(l.r, &l.history)))
	}
	l.bear(number, time.Duration(500+l.r.IntN(1500))*time.Millisecond)
	for _, lift := range lifts {
		lift()
	}
	written, ended, err := w.stop()
	must(l.t, err)
	must(l.t, ended)
	l.book.addAll(written, fmt.Sprintf("written in spell %d", number))
	if l.r.IntN(2) == 0 {
		l.recovers(number)
	}
}

// pick makes a Rule of d.
func (d *disease) pick(r *rand.Rand, history *strings.Builder) cutfs.Rule {
	rule := d.rules[r.IntN(len(d.rules))]
	rule.Err = d.errs[r.IntN(len(d.errs))]
	rule.Skip = r.IntN([]int{1, 5, 50}[r.IntN(3)])
	if r.IntN(2) == 0 {
		rule.Times = 1 + r.IntN(5)
	}
	if rule.To > 0 {
		rule.From = int64(r.IntN(256)) * 512
		rule.To, rule.Times = rule.From+512, 0
	}
	if rule.Err == 0 {
		rule.Op, rule.Short = cutfs.Write, true
	}
	fmt.Fprintf(history, "fault: %+v\n", rule)
	return rule
}

// bear lets time pass while the disk fails. An agent that ends is started again; sometimes it is killed.
func (l *life) bear(number int, d time.Duration) {
	l.t.Helper()
	over, kill := time.After(d), time.After(time.Duration(l.r.Int64N(int64(2*d))))
	for {
		select {
		case <-over:
			return
		case <-kill:
			l.agent.kill()
			fmt.Fprintf(&l.history, "spell %d: the agent was killed and started again\n", number)
			l.agent = l.start(0, false)
		case <-time.After(20 * time.Millisecond):
			l.revive(number)
		}
	}
}

// revive starts the agent again if it has ended.
func (l *life) revive(number int) {
	l.t.Helper()
	if !l.alive() {
		fmt.Fprintf(&l.history, "spell %d: the agent ended with %v and is started again\n", number, l.agent.err)
		l.agent = l.start(0, false)
	}
}

// recovers waits until the agent has secured everything, now that its disk is well. It may be started again for that once.
func (l *life) recovers(number int) {
	l.t.Helper()
	l.revive(number)
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		if n, ok := l.unread(); ok && n == 0 {
			return
		}
		if time.Now().After(deadline) {
			l.noteStatus()
			l.t.Fatalf("the disk is well again, and the agent does not go on; its last words:\n%s", tail(l.log()))
		}
		l.revive(number)
	}
}

func (l *life) answers() bool {
	_, ok := l.unread()
	return ok
}

// unread asks the agent how many bytes it has not secured yet, once it has looked at the files.
func (l *life) unread() (bytes int64, ok bool) {
	client := http.Client{Timeout: 5 * time.Second}
	answer, err := client.Get("http://" + l.addr + "/api/v1/status")
	if err != nil {
		return 0, false
	}
	defer answer.Body.Close()
	var status struct {
		Intake struct {
			Unread int64 `json:"unread_bytes"`
		} `json:"intake"`
		Files int `json:"file_count"`
	}
	if answer.StatusCode != http.StatusOK || json.NewDecoder(answer.Body).Decode(&status) != nil {
		return 0, false
	}
	return status.Intake.Unread, status.Files > 0
}

// decay changes a byte of a Segment, once in its life: what a File is stands in two of its Blocks, and where both are damaged
// the ledger knows offsets, but no names. No agent runs.
func (l *life) decay() {
	l.t.Helper()
	segments, err := filepath.Glob(filepath.Join(l.data(), "wal", "*", "*"))
	must(l.t, err)
	if len(segments) == 0 {
		return
	}
	path := segments[l.r.IntN(len(segments))]
	data := l.read(path)
	if len(data) == 0 || l.rotten[path] {
		return
	}
	l.rotten[path] = true
	at := l.r.IntN(len(data))
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	must(l.t, err)
	_, err = f.WriteAt([]byte{data[at] ^ 0x41}, int64(at))
	must(l.t, errors.Join(err, f.Sync(), f.Close()))
	fmt.Fprintf(&l.history, "byte %d of %s changed\n", at, path)
}

// logs returns the log files that are there.
func (l *life) logs() []string {
	l.t.Helper()
	logs, err := filepath.Glob(filepath.Join(l.pods(), "*", "*", "*.log"))
	must(l.t, err)
	return logs
}

// read is os.ReadFile.
func (l *life) read(path string) []byte {
	l.t.Helper()
	data, err := os.ReadFile(path)
	must(l.t, err)
	return data
}
