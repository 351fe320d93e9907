package socket

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// answer serves handler in dir until the test ends, or until the listener is closed.
func answer(t *testing.T, dir string, handler http.HandlerFunc) net.Listener {
	t.Helper()
	l, err := Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() { server.Close(); <-done })
	return l
}

func hello(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Method+" "+r.URL.Path) }

func get(t *testing.T, dir, path string) (string, error) {
	t.Helper()
	body, err := NewClient(dir).Get(t.Context(), path)
	if err != nil {
		return "", err
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	return string(text), err
}

func TestTheAgentIsReachedWhateverTheLengthOfThePath(t *testing.T) {
	long := t.TempDir()
	for len(long) < 300 {
		long = filepath.Join(long, strings.Repeat("x", 50))
	}
	if err := os.MkdirAll(long, 0o700); err != nil {
		t.Fatal(err)
	}
	short, err := os.MkdirTemp("", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(short) })
	for _, dir := range []string{short, long} {
		l := answer(t, dir, hello)
		if text, err := get(t, dir, "/a/b"); err != nil || text != "GET /a/b" {
			t.Errorf("%d bytes: %q %v", len(dir), text, err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(filepath.Join(dir, Name)); !os.IsNotExist(err) {
			t.Errorf("%d bytes: the socket is left: %v", len(dir), err)
		}
	}
}

// With any umask, and before anybody could connect.
func TestOnlyTheOwnerCanConnect(t *testing.T) {
	old := unix.Umask(0)
	defer unix.Umask(old)
	dir := t.TempDir()
	l, err := Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	info, err := os.Lstat(filepath.Join(dir, Name))
	if err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}

func TestTheSocketOfADeadAgentIsReplaced(t *testing.T) {
	dir := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(dir, Name))
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	if _, err := get(t, dir, "/"); !errors.Is(err, ErrNoAgent) {
		t.Errorf("a dead agent answers: %v", err)
	}
	answer(t, dir, hello)
	if text, err := get(t, dir, "/"); text != "GET /" {
		t.Errorf("%q %v", text, err)
	}
}

func TestNoAgentIsToldFromAnAgentThatComplains(t *testing.T) {
	for _, dir := range []string{t.TempDir(), "/nowhere", "/nowhere/" + strings.Repeat("x/", 100)} {
		if _, err := get(t, dir, "/"); !errors.Is(err, ErrNoAgent) {
			t.Errorf("%s: %v", dir, err)
		}
	}
	dir := t.TempDir()
	answer(t, dir, func(w http.ResponseWriter, r *http.Request) { http.Error(w, "the checkpoint is damaged", 500) })
	var v struct{}
	err := NewClient(dir).GetJSON(t.Context(), "/ledger", &v)
	if err == nil || errors.Is(err, ErrNoAgent) || !strings.Contains(err.Error(), "the checkpoint is damaged") {
		t.Error(err)
	}
}
