package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"logboom/agent/socket"
	"logboom/checkpoint"
	"logboom/wal"
)

// patience is how long something may take on a busy machine.
const patience = 3 * time.Minute

// node is a folder with a pod's log, and a configuration file for it.
type node struct{ dir, file string }

// newNode makes a node; more goes to the end of the configuration. Unless that says something else of the WAL, an agent reads
// however full the disk is.
func newNode(t *testing.T, backend, more string) node {
	t.Helper()
	if !strings.Contains(more, "wal: ") {
		more += "\nwal: {min_free: 1MiB}\n"
	}
	n := node{dir: t.TempDir()}
	n.file = filepath.Join(n.dir, "logboom.yaml")
	n.write(t, "pods/shop_web_u1/app/0.log", "2026-11-22T16:00:00.000000000Z stdout F hello\n")
	n.write(t, "logboom.yaml", fmt.Sprintf(`data_dir: %s/data
inputs: [{kubernetes: {root: %s/pods}}]
sink: {elasticsearch: {urls: [%q]}}
http: {listen: "off"}
lock_wait: 0s
delivery: {grace: 0s}
%s`, n.dir, n.dir, backend, more))
	return n
}

func (n node) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(n.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// logboom runs one command line.
func logboom(t *testing.T, ctx context.Context, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = execute(ctx, args, &out, &err)
	return code, out.String(), err.String()
}

func elasticsearch(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(`{"version":{"number":"8.19.1"},"tagline":"You Know, for Search"}`))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

const nowhere = "http://127.0.0.1:1" // refuses connections

func TestExitCodesTellUsageFromFailure(t *testing.T) {
	n := newNode(t, nowhere, "wal: {min_free: 1MiB}")
	n.write(t, "bad.yaml", "data_dirr: /x\n")
	bad := filepath.Join(n.dir, "bad.yaml")
	for _, c := range []struct {
		args   string
		code   int
		stdout string
		stderr string
	}{
		{"version", 0, "^logboom .* go1", "^$"},
		{"", 0, "What became of the logs:", "^$"},
		{"help", 0, "What became of the logs:", "^$"},
		{"run --help", 0, "exit-when-drained", "^$"},
		{"check -c " + n.file, 0, "(?m)^ok +configuration", "^$"},
		{"nonsense", 2, "^$", "unknown command \"nonsense\".*\n.*logboom help"},
		{"run", 2, "^$", "add -c FILE"},
		{"run --nonsense", 2, "^$", "unknown flag: --nonsense"},
		{"statsu", 2, "^$", "did you mean status\\?\n"},
		{"wal verfy", 2, "^$", "unknown command \"verfy\" for \"logboom wal\"; did you mean verify\\?\n"},
		{"version x", 2, "^$", "logboom version takes no \"x\""},
		{"check -c " + n.file + " x", 2, "^$", "logboom check takes no \"x\""},
		{"completion tcsh", 2, "^$", "bash, zsh or fish"},
		{"prepare", 2, "^$", "say which DIR"},
		{"stream", 2, "^$", "say which PATH"},
		{"deadletter replay -c " + n.file, 1, "^$", "no agent runs with data_dir .*: it is the agent that .* start it first"},
		{"run -c /nowhere/x.yaml", 2, "^$", "read configuration: .*no such file"},
		{"run -c " + bad, 2, "^$", "(?s)bad.yaml:1:1: unknown key \"data_dirr\"; did you mean data_dir\\?.*docs/configuration.md"},
		{"ledger -c " + n.file, 1, "^$", "no agent has run with this data_dir"},
	} {
		t.Run(c.args, func(t *testing.T) {
			code, stdout, stderr := logboom(t, t.Context(), strings.Fields(c.args)...)
			if code != c.code || !regexp.MustCompile(c.stdout).MatchString(stdout) || !regexp.MustCompile(c.stderr).MatchString(stderr) {
				t.Errorf("code %d, want %d\nstdout: %s\nstderr: %s", code, c.code, stdout, stderr)
			}
		})
	}
}

// broken panics as a command might.
type broken struct{}

func (broken) Write([]byte) (int, error) { panic("BUG: broken") }

func TestAPanicIsNoUsageError(t *testing.T) {
	var stderr bytes.Buffer
	code := execute(t.Context(), []string{"version"}, broken{}, &stderr)
	if code != exitFailed || !regexp.MustCompile(`(?s)^panic: BUG: broken\n\ngoroutine .*broken\.Write`).MatchString(stderr.String()) {
		t.Errorf("%d %s", code, stderr.String())
	}
}

// safe is a buffer for a command that is still running.
type safe struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safe) Write(p []byte) (int, error) { s.mu.Lock(); defer s.mu.Unlock(); return s.b.Write(p) }
func (s *safe) String() string              { s.mu.Lock(); defer s.mu.Unlock(); return s.b.String() }

// run starts an agent and returns when its first Segment is there. stop ends it well, and fails the test if that ends with
// anything but 0.
func (n node) run(t *testing.T) (stderr *safe, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	stderr = &safe{}
	done := make(chan int, 1)
	go func() { done <- execute(ctx, []string{"run", "-c", n.file}, stderr, stderr) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if code := <-done; code != 0 {
			t.Errorf("code %d\n%s", code, stderr)
		}
	})
	t.Cleanup(stop)
	segments := filepath.Join(n.dir, "data", "wal", "*", "*")
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if found, _ := filepath.Glob(segments); len(found) > 0 {
			return stderr, stop
		}
		if time.Now().After(deadline) {
			t.Fatalf("nothing is secured:\n%s", stderr)
		}
	}
}

func TestRunEndsWithZeroWhenAskedTo(t *testing.T) {
	n := newNode(t, nowhere, "wal: {min_free: 1MiB}\nlog: {format: json}")
	stderr, stop := n.run(t)
	code, _, text := logboom(t, t.Context(), "run", "-c", n.file)
	if want := fmt.Sprintf("locked by process %d", os.Getpid()); code != 1 || !strings.Contains(text, want) {
		t.Errorf("a second agent: %d %s", code, text)
	}
	if _, out, _ := logboom(t, t.Context(), "check", "-c", n.file); !strings.Contains(out, "ok    agent: running: process ") {
		t.Error(out)
	}
	stop()
	for line := range strings.Lines(stderr.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
	if code, out, text := logboom(t, t.Context(), "ledger", "-c", n.file); code != 0 || out != "Nothing was lost.\n" {
		t.Errorf("%d %s%s", code, out, text)
	}
	if _, err := os.Lstat(filepath.Join(n.dir, "data", socket.Name)); !os.IsNotExist(err) {
		t.Errorf("the socket is left: %v", err)
	}
}

// lost puts some hundred losses into the node's ledger.
func (n node) lost(t *testing.T) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(n.dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := checkpoint.Open(filepath.Join(n.dir, "data", "checkpoint.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var c checkpoint.Change
	for i := range 700 {
		c.Losses = append(c.Losses, checkpoint.Loss{Time: time.Now(), File: &wal.File{ID: wal.FileID{byte(i), byte(i >> 8)}, Path: fmt.Sprintf("/%d & more.log", i)},
			Start: 10, End: 20, Cause: checkpoint.CauseDeleted})
	}
	if err := s.Commit(c); err != nil {
		t.Fatal(err)
	}
}

func TestLedgerIsTheSameBesideAnAgent(t *testing.T) {
	n := newNode(t, nowhere, "wal: {min_free: 1MiB}")
	n.lost(t)
	say := func(args ...string) string {
		t.Helper()
		code, out, stderr := logboom(t, t.Context(), append(args, "-c", n.file)...)
		if code != 0 {
			t.Errorf("%d %s", code, stderr)
		}
		return out
	}
	table, lines := say("ledger"), say("ledger", "--json")
	if !strings.HasSuffix(table, "7000 bytes in 700 entries.\n") || strings.Count(lines, "\n") != 700 {
		t.Fatalf("%.300s\n%.300s", table, lines)
	}
	_, stop := n.run(t)
	if diff := cmp.Diff(table, say("ledger")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(lines, say("ledger", "--json")); diff != "" {
		t.Error(diff)
	}
	stop()
}

// Logs come first: what hinders the socket must not hinder them.
func TestAnAgentWithoutItsSocketSecuresLogsAllTheSame(t *testing.T) {
	n := newNode(t, nowhere, "wal: {min_free: 1MiB}")
	n.write(t, "data/agent.sock/x", "")
	stderr, stop := n.run(t)
	if !strings.Contains(stderr.String(), "other commands can't talk to this agent") {
		t.Error(stderr)
	}
	code, _, text := logboom(t, t.Context(), "ledger", "-c", n.file)
	if code != 1 || !strings.Contains(text, "locked by process") || !strings.Contains(text, "no agent answers") || !strings.Contains(text, "try again in a few seconds") {
		t.Errorf("%d %s", code, text)
	}
	stop()
}

func TestRunThatIsStoppedBeforeItHasTheLockEndsWithZero(t *testing.T) {
	n := newNode(t, nowhere, "wal: {min_free: 1MiB}")
	l, err := checkpoint.TakeLock(t.Context(), filepath.Join(n.dir, "data"), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if code, _, stderr := logboom(t, ctx, "run", "-c", n.file); code != 0 {
		t.Errorf("%d %s", code, stderr)
	}
}

func TestCheckSaysWhatIsWrongAndWhatHelps(t *testing.T) {
	es := elasticsearch(t)
	for name, c := range map[string]struct {
		backend, more string
		prepare       func(n node)
		code          int
		want          []string
	}{
		"all is well": {backend: es, more: "wal: {min_free: 1MiB, max_size: 32MiB}", code: 0, want: []string{
			`ok    inputs\[0\]: .*/pods can be read: 1 pods, 1 log files`, `ok    pins: hard links from .* work`, `ok    data_dir: .*/data will be made in`,
			`ok    space: .* free of `, `ok    agent: not running`, `ok    backend: http://.* answers: elasticsearch 8.19.1`}},
		"backend down": {backend: nowhere, more: "wal: {min_free: 1MiB}", code: 0, want: []string{
			`warn  backend: can't be reached: .*connection refused.*logs wait in the WAL`}},
		"no logs yet": {backend: es, more: "wal: {min_free: 1MiB}", prepare: func(n node) { os.RemoveAll(filepath.Join(n.dir, "pods/shop_web_u1/app")) },
			code: 0, want: []string{`ok    inputs\[0\]: .* 1 pods, no log file yet`, `ok    pins: .* on one mount`}},
		"no root": {backend: es, more: "wal: {min_free: 1MiB}", prepare: func(n node) { os.RemoveAll(filepath.Join(n.dir, "pods")) },
			code: 1, want: []string{`fail  inputs\[0\]: .*/pods does not exist\. Mount`}},
		"no space": {backend: es, more: "wal: {min_free: 1000TiB}", code: 1, want: []string{
			`fail  space: .* must stay free \(wal.min_free: 1000TiB\), so nothing would be read. Free space`}},
		"little space": {backend: es, more: "wal: {min_free: 1MiB, max_size: 1000TiB}", code: 0, want: []string{
			`warn  space: .* the WAL can grow to .*, not to wal.max_size \(1000TiB\)`}},
		"damage": {backend: es, more: "wal: {min_free: 1MiB}", prepare: func(n node) {
			n.write(t, "data/damaged/wal/00000000000000000007/00000000000000000007", strings.Repeat("x", 1<<20))
			n.write(t, "data/damaged/deadletter/00000000000000000001/00000000000000000001", strings.Repeat("x", 1<<19))
		}, code: 0, want: []string{`warn  damaged: Segments that could not be read whole: 2 \(1\.5MiB\), kept in .*/data/damaged; .*ledger`}},
		"data_dir is a file": {backend: es, more: "wal: {min_free: 1MiB}", prepare: func(n node) { n.write(t, "data", "x") }, code: 1, want: []string{
			`fail  data_dir: can't write: .*not a directory`}},
		"no certificate": {backend: "https://127.0.0.1:1", more: "wal: {min_free: 1MiB}", prepare: func(n node) {
			n.write(t, "logboom.yaml", fmt.Sprintf("inputs: [{files: {paths: [%s/*.log]}}]\ndata_dir: %s/data\nwal: {min_free: 1MiB}\n"+
				"sink: {elasticsearch: {urls: [https://x], tls: {ca_file: /nowhere}}}\n", n.dir, n.dir))
		}, code: 1, want: []string{`fail  backend: .*/nowhere`, `warn  inputs\[0\]: no file matches`}},
		"files": {backend: es, prepare: func(n node) {
			n.write(t, "a/b/x.log", "x")
			n.write(t, "logboom.yaml", fmt.Sprintf("inputs: [{files: {paths: [\"%s/a/**/*.log\"]}}]\ndata_dir: %s/data\nwal: {min_free: 1MiB}\n"+
				"sink: {elasticsearch: {urls: [%q]}}\n", n.dir, n.dir, es))
		}, code: 0, want: []string{`ok    inputs\[0\]: 1 files match and can be read`}},
		"a link to elsewhere": {backend: es, prepare: func(n node) {
			n.write(t, "b/x", "x")
			n.write(t, "a/x.log", "x")
			if err := os.Symlink(n.dir+"/b/x", n.dir+"/a/y.log"); err != nil {
				t.Fatal(err)
			}
			n.write(t, "logboom.yaml", fmt.Sprintf("inputs: [{files: {paths: [\"%s/a/*.log\"]}}]\ndata_dir: %s/data\nwal: {min_free: 1MiB}\n"+
				"sink: {elasticsearch: {urls: [%q]}}\n", n.dir, n.dir, es))
		}, code: 1, want: []string{`fail  inputs\[0\]: .*/a/y.log, which is .*/b/x: .*allowed_roots`}},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t, c.backend, c.more)
			if c.prepare != nil {
				c.prepare(n)
			}
			before := tree(t, n.dir)
			code, out, stderr := logboom(t, t.Context(), "check", "-c", n.file)
			if code != c.code || stderr != "" {
				t.Errorf("code %d, want %d; stderr %q", code, c.code, stderr)
			}
			for _, want := range c.want {
				if !regexp.MustCompile("(?m)^" + want).MatchString(out) {
					t.Errorf("no line %s in\n%s", want, out)
				}
			}
			if diff := cmp.Diff(before, tree(t, n.dir)); diff != "" {
				t.Errorf("check changed something: %s", diff)
			}
		})
	}
}

func tree(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	if err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		names = append(names, path)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return names
}

// Two mounts of one file system do not take hard links, and a container has many mounts.
func TestCheckTellsMountsApart(t *testing.T) {
	n := newNode(t, nowhere, "")
	n.write(t, "logboom.yaml", fmt.Sprintf("inputs: [{kubernetes: {root: %s/pods}}]\ndata_dir: %s/data\nsink: {elasticsearch: {urls: [%q]}}\nwal: {min_free: 0%%}\n",
		n.dir, otherMount(t), nowhere))
	for range 2 {
		_, out, _ := logboom(t, t.Context(), "check", "-c", n.file)
		if !strings.Contains(out, "warn  pins: no hard links") || !strings.Contains(out, "Open descriptors protect") {
			t.Error(out)
		}
		os.RemoveAll(filepath.Join(n.dir, "pods/shop_web_u1/app")) // now without a log file to try it with
	}
}

// otherMount is a folder under a mount that t.TempDir is not under: one of our own where we may mount, or else /dev/shm.
func otherMount(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m,mode=0700"); err == nil {
		t.Cleanup(func() {
			if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
				t.Error(err)
			}
		})
		return dir
	}
	shm, err := os.MkdirTemp("/dev/shm", "logboom-check-*")
	if err != nil {
		t.Fatalf("nothing can be mounted here, and there is no other mount: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(shm) })
	return shm
}

func TestLedgerListsEveryLoss(t *testing.T) {
	n := newNode(t, nowhere, "")
	if err := os.Mkdir(filepath.Join(n.dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := checkpoint.Open(filepath.Join(n.dir, "data", "checkpoint.db"))
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 22, 16, 0, 0, 0, time.UTC)
	all := []checkpoint.Loss{
		{Time: at, File: &wal.File{ID: wal.FileID{1}, Path: "/a.log"}, Start: 10, End: 110, Cause: checkpoint.CauseTruncated, Since: at, Until: at.Add(time.Second), AtLeast: true},
		{Time: at, File: &wal.File{ID: wal.FileID{2}, Path: "/b\x1b[31m.log"}, Start: 0, End: 7, Cause: checkpoint.CauseDeleted, Detail: "pod & all\tgone"},
		{Time: at, File: &wal.File{ID: wal.FileID{3}, Path: "/c.gz"}, Start: 7, End: 7, Cause: checkpoint.CauseDamaged, AtLeast: true},
	}
	if err := s.Commit(checkpoint.Change{Losses: all}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	code, out, stderr := logboom(t, t.Context(), "ledger", "-c", n.file)
	want := `FOUND                 CAUSE      BYTES         FROM  TO   WRITTEN                                       FILE             DETAIL
2026-11-22T16:00:00Z  truncated  at least 100  10    110  2026-11-22T16:00:00Z to 2026-11-22T16:00:01Z  "/a.log"         ""
2026-11-22T16:00:00Z  deleted    7             0     7    ?                                             "/b\x1b[31m.log"  "pod & all\tgone"
2026-11-22T16:00:00Z  damaged    unknown       7     7    ?                                             "/c.gz"          ""
107 bytes in 3 entries.
`
	if squeeze(out) != squeeze(want) || code != 0 {
		t.Errorf("%d %s\n%s", code, stderr, cmp.Diff(want, out))
	}
	_, out, _ = logboom(t, t.Context(), "ledger", "--json", "-c", n.file)
	var got []checkpoint.Loss
	for d := json.NewDecoder(strings.NewReader(out)); d.More(); {
		var l checkpoint.Loss
		if err := d.Decode(&l); err != nil {
			t.Fatal(err)
		}
		got = append(got, l)
	}
	if diff := cmp.Diff(all, got); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(out, "pod & all") || strings.Count(out, "\n") != len(all) {
		t.Error(out)
	}

	n.write(t, "data/checkpoint.db", "damaged")
	code, _, stderr = logboom(t, t.Context(), "ledger", "-c", n.file)
	if code != 1 || !strings.Contains(stderr, "damaged") || !strings.Contains(stderr, "sets it aside") {
		t.Errorf("%d %s", code, stderr)
	}
}

func squeeze(s string) string { return regexp.MustCompile(` +`).ReplaceAllString(s, " ") }

func TestTheFirstSignalEndsWellAndTheSecondAtOnce(t *testing.T) {
	codes := make(chan int, 1)
	ctx, stop := untilSignal(t.Context(), func(code int) { codes <- code })
	defer stop()
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	select {
	case code := <-codes:
		t.Fatalf("exit %d after one signal", code)
	default:
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if code := <-codes; code != exitFailed {
		t.Errorf("code %d", code)
	}
}

func TestMemoryLimitOfTheContainerIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"none":                {nil, 0},
		"v2":                  {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "104857600\n"}, 100 << 20},
		"v2 max":              {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, 0},
		"v2 parent":           {map[string]string{"proc/self/cgroup": "0::/a/b/c\n", "sys/fs/cgroup/a/memory.max": "1000\n", "sys/fs/cgroup/a/b/memory.max": "2000\n", "sys/fs/cgroup/a/b/c/memory.max": "max\n"}, 1000},
		"v2 path of the host": {map[string]string{"proc/self/cgroup": "0::/../../pod1\n", "sys/fs/cgroup/memory.max": "5000\n"}, 5000},
		"v1": {map[string]string{"proc/self/cgroup": "5:cpu,cpuacct:/x\n4:memory:/x\n0::/\n", "sys/fs/cgroup/memory/x/memory.limit_in_bytes": "3000\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 3000},
		"v1 none": {map[string]string{"proc/self/cgroup": "4:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 0},
		"garbage": {map[string]string{"proc/self/cgroup": "x\n0::/\n", "sys/fs/cgroup/memory.max": "many\n"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			n := node{dir: t.TempDir()}
			for file, text := range c.files {
				n.write(t, file, text)
			}
			if got := cgroupLimit(n.dir); got != c.want {
				t.Errorf("%d; want %d", got, c.want)
			}
		})
	}
}

func TestGoKeepsBelowTheLimitOfTheContainerUnlessToldOtherwise(t *testing.T) {
	old := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(old)
	n := node{dir: t.TempDir()}
	n.write(t, "proc/self/cgroup", "0::/\n")
	n.write(t, "sys/fs/cgroup/memory.max", "1000000000\n")
	t.Setenv("GOMEMLIMIT", "1GiB")
	debug.SetMemoryLimit(1 << 30)
	if got := limitMemory(n.dir); got != 1<<30 {
		t.Errorf("with GOMEMLIMIT: %d", got)
	}
	t.Setenv("GOMEMLIMIT", "")
	if got := limitMemory(n.dir); got != 900_000_000 {
		t.Errorf("%d; want nine tenths", got)
	}
}
