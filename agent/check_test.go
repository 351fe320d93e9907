package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"logboom/agent/status"
)

// TestMain makes the test binary logboom itself, for tests that need another process.
func TestMain(m *testing.M) {
	if os.Getenv("LOGBOOM_TEST_COMMAND") != "" {
		os.Unsetenv("LOGBOOM_TEST_COMMAND")
		main()
	}
	os.Exit(m.Run())
}

// Who may not read the logs, or write to data_dir, is told so.
func TestCheckSaysWhichPrivilegesAreMissing(t *testing.T) {
	n := newNode(t, nowhere, "wal: {min_free: 1MiB}")
	n.write(t, "pods/shop_cart_u2/app/0.log", "2026-11-22T16:00:00.000000000Z stdout F hello\n")
	for path, mode := range map[string]os.FileMode{"": 0o555, "..": 0o755, "pods/shop_cart_u2": 0, "pods/shop_web_u1/app/0.log": 0, "logboom.yaml": 0o644} {
		if err := os.Chmod(n.dir+"/"+path, mode); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Chmod(n.dir+"/"+path, 0o755) })
	}
	out := unprivileged(t, "check", "-c", n.file)
	for _, want := range []string{"fail  inputs[0]: 2 of the folders and log files in " + n.dir + "/pods can't be read, such as: open ", "permission denied. The agent must own data_dir",
		"fail  data_dir: " + n.dir + "/data does not exist, and can't be made in " + n.dir + ": permission denied."} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// unprivileged runs a command, which fails, as a user who may do little, and returns what it says.
func unprivileged(t *testing.T, args ...string) string {
	t.Helper()
	var out strings.Builder
	nobody := exec.Command("/proc/self/exe", args...)
	nobody.Env = append(os.Environ(), "LOGBOOM_TEST_COMMAND=1")
	nobody.Stdout, nobody.Stderr = &out, &out
	if os.Getuid() == 0 { // who may read everything
		nobody.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	err := nobody.Run()
	if code := nobody.ProcessState.ExitCode(); code != 1 {
		t.Errorf("%v: %v: %s", args, err, &out)
	}
	return out.String()
}

// Who may not look is not told that no agent runs.
func TestAnAgentOfAnotherUserIsNotDenied(t *testing.T) {
	n := newNode(t, nowhere, "wal: {min_free: 1%}")
	n.run(t)
	n.status(t, func(*status.Status) bool { return true })
	for path, mode := range map[string]os.FileMode{"": 0o755, "..": 0o755, "data": 0o755, "data/agent.sock": 0, "data/LOCK": 0, "logboom.yaml": 0o644} {
		if err := os.Chmod(n.dir+"/"+path, mode); err != nil {
			t.Fatal(err)
		}
	}
	if out := unprivileged(t, "status", "-c", n.file); !strings.Contains(out, "permission denied\nThe agent must own data_dir") || strings.Contains(out, "no agent runs") {
		t.Error(out)
	}
	if out := unprivileged(t, "check", "-c", n.file); !strings.Contains(out, "warn  agent: whether one is running can't be seen: ") || strings.Contains(out, "not running") {
		t.Error(out)
	}
}

// keeper is a server that has no more than what logboom setup put there, and wants a password where one is given.
type keeper struct {
	mu       sync.Mutex
	has      map[string]string
	password string
	lacks    string // what _has_privileges answers; "": there is no security
}

func (k *keeper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if _, password, _ := r.BasicAuth(); password != k.password {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	body, _ := io.ReadAll(r.Body)
	known, ok := k.has[r.URL.Path]
	switch {
	case r.URL.Path == "/":
		io.WriteString(w, `{"version":{"number":"8.19.1"},"tagline":"You Know, for Search"}`)
	case r.Method == http.MethodPut:
		k.has[r.URL.Path] = string(body)
		io.WriteString(w, `{"acknowledged":true}`)
	case strings.HasPrefix(r.URL.Path, "/_security/") && k.lacks != "":
		io.WriteString(w, k.lacks)
	case strings.HasSuffix(r.URL.Path, "*"):
		io.WriteString(w, `{"data_streams":[]}`)
	case !ok:
		w.WriteHeader(http.StatusNotFound)
		kind := "index"
		if strings.HasPrefix(r.URL.Path, "/_") {
			kind = "resource"
		}
		io.WriteString(w, `{"error":{"type":"`+kind+`_not_found_exception","reason":"none"}}`)
	case strings.HasPrefix(r.URL.Path, "/_index_template/"):
		io.WriteString(w, `{"index_templates":[{"name":"n","index_template":`+known+`}]}`)
	default:
		io.WriteString(w, `{}`)
	}
}

// What setup installs is missed before, and found afterwards.
// A file may have any name, and a backend any words.
func TestCheckDoesNotChangeTheTerminal(t *testing.T) {
	var out strings.Builder
	k := checker{w: &out}
	k.fail("inputs[0]", "%s can't be read", "/var/log/app/\x1b]0;owned\x07\x1b[2J.log")
	if want := "fail  inputs[0]: /var/log/app/?]0;owned??[2J.log can't be read\n"; out.String() != want {
		t.Errorf("%q", out.String())
	}
}

func TestCheckMissesWhatSetupInstalls(t *testing.T) {
	k := &keeper{has: map[string]string{}}
	server := httptest.NewServer(k)
	defer server.Close()
	n := newNode(t, server.URL, "wal: {min_free: 1MiB}")
	check := func() string {
		t.Helper()
		code, out, stderr := logboom(t, t.Context(), "check", "-c", n.file)
		if code != 0 || stderr != "" {
			t.Errorf("%d %s", code, stderr)
		}
		return out
	}
	const missing = "warn  setup: index template logboom.logs-logboom-default is missing: without it the server guesses the types of fields. Run logboom setup -c FILE\n"
	if out := check(); !strings.Contains(out, missing) {
		t.Errorf("no %q in\n%s", missing, out)
	}
	if code, out, stderr := logboom(t, t.Context(), "setup", "-c", n.file); code != 0 {
		t.Fatalf("%d %s%s", code, out, stderr)
	}
	if out := check(); strings.Contains(out, "missing") || strings.Contains(out, "warn  setup") || !strings.Contains(out, "ok    setup: index template") {
		t.Error(out)
	}
	k.mu.Lock()
	k.lacks = `{"index":{"logs-logboom-default":{"create_doc":false,"auto_configure":false}}}`
	k.mu.Unlock()
	if out := check(); !strings.Contains(out, "warn  privileges: our user lacks create_doc and auto_configure on logs-logboom-default") {
		t.Error(out)
	}
	k.mu.Lock()
	k.password = "x"
	k.mu.Unlock()
	if out := check(); !strings.Contains(out, "warn  backend: ") || !strings.Contains(out, "does not accept our credentials (401). Until that is put right, logs wait in the WAL") {
		t.Error(out)
	}
}
