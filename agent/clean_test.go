package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// cleaned runs clean with an answer.
func (n node) cleaned(t *testing.T, answer string, args ...string) (code int, out string) {
	t.Helper()
	var b bytes.Buffer
	c := cleanCommand()
	c.SilenceErrors, c.SilenceUsage = true, true
	c.SetArgs(append([]string{"-c", n.file}, args...))
	c.SetIn(strings.NewReader(answer))
	c.SetOut(&b)
	err := c.ExecuteContext(t.Context())
	var f *failure
	if errors.As(err, &f) {
		return f.code, b.String() + f.Error()
	} else if err != nil {
		t.Fatal(err)
	}
	return 0, b.String()
}

func TestCleanAsksAndRemovesWhatIsOurs(t *testing.T) {
	n, stop := newBuffer(t, nowhere)
	code, out := n.cleaned(t, "yes\n")
	if want := fmt.Sprintf("locked by process %d", os.Getpid()); code != 1 || !strings.Contains(out, want) {
		t.Errorf("beside an agent: %d %s", code, out)
	}
	stop()
	gone := filepath.Join(n.dir, "pods/shop_web_u1/app/0.log")
	logs, err := os.ReadFile(gone)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(gone); err != nil { // its pin is the last name
		t.Fatal(err)
	}
	before := files(t, n.data())
	for _, answer := range []string{"", "no\n", "YES\n"} {
		if code, out = n.cleaned(t, answer); code != 1 || !strings.Contains(out, "nothing was removed") {
			t.Errorf("%q: %d %s", answer, code, out)
		}
	}
	after := files(t, n.data())
	lock := filepath.Join(n.data(), "LOCK") // signed by who has it
	delete(before, lock)
	delete(after, lock)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("removed without a yes: %.1000s", diff)
	}
	for _, want := range []string{`NOT DELIVERED: up to 17\.\d KiB of text in the buffer\.`, fmt.Sprintf(`PERHAPS NOT READ: 1 log files \(%s\) exist only as pins`, size(int64(len(logs)))),
		`\d+ files and folders are to be removed from .*/data, 2 pins among them; that frees \d.*iB\.`} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("no %s in %s", want, out)
		}
	}
	if code, out = n.cleaned(t, "yes\n"); code != 0 || !strings.Contains(out, "Removed.") {
		t.Errorf("%d %s", code, out)
	}
	if diff := cmp.Diff([]string{n.data(), lock}, tree(t, n.data())); diff != "" {
		t.Errorf("left: %s", diff)
	}
	if _, err := os.Stat(filepath.Join(n.dir, "pods/bank_cash-7_u2/app/0.log")); err != nil {
		t.Errorf("a log file is gone: %v", err)
	}
	if code, out = n.cleaned(t, ""); code != 0 || !strings.Contains(out, "0 files and folders") {
		t.Errorf("again: %d %s", code, out)
	}
}

// Whatever lies in data_dir besides, or stands there in place of ours, stays; and where a link leads nothing is touched.
func TestCleanRemovesNothingElse(t *testing.T) {
	n := newNode(t, nowhere, "")
	outside := []string{"outside/00000000000000000001/00000000000000000001", "outside/a/b/c.log.1", "outside/checkpoint.db", "outside/wal/00000000000000000001/00000000000000000001"}
	strangers := []string{"data/notes.txt", "data/wal/notes", "data/wal/00000000000000000001/notes", "data/wal/123/00000000000000000001", "data/pins/top.log",
		"data/pins/a/middle.log", "data/pins/a/b/c/deep.log", "data/checkpoint.db/x", "data/RESERVE.old", "data/lost/wal/00000000000000000001/00000000000000000001"}
	ours := []string{"data/LOCK", "data/FORMAT", "data/RESERVE", "data/wal/00000000000000000001/00000000000000000001", "data/wal/00000000000000000002/00000000000000000002",
		"data/pins/a/b/c.log.77", "data/damaged/wal/00000000000000000001/00000000000000000001", "data/checkpoint.db.corrupt-20261122"}
	for _, name := range append(append(outside, strangers...), ours...) {
		n.write(t, name, "x")
	}
	links := map[string]string{"data/deadletter": "outside", "data/pins/link": "outside", "data/pins/a/link": "outside/a", "data/wal/00000000000000000009": "outside/00000000000000000001",
		"data/checkpoint.db.new": "outside/checkpoint.db", "data/pins/a/b/link": "outside/a/b/c.log.1"}
	for name, target := range links {
		if err := os.Symlink(filepath.Join(n.dir, target), filepath.Join(n.dir, name)); err != nil {
			t.Fatal(err)
		}
		strangers = append(strangers, name)
	}
	code, out := n.cleaned(t, "", "--yes")
	if code != 0 {
		t.Fatalf("%d %s", code, out)
	}
	for _, name := range append(append(outside, strangers...), "data/LOCK") {
		if _, err := os.Lstat(filepath.Join(n.dir, name)); err != nil {
			t.Errorf("gone: %v", err)
		}
	}
	for _, name := range ours[1:] {
		if _, err := os.Lstat(filepath.Join(n.dir, name)); !os.IsNotExist(err) {
			t.Errorf("left: %s %v", name, err)
		}
	}
	if !strings.Contains(out, `Not ours, stays: "`) || !strings.Contains(out, "more.\n") {
		t.Error(out)
	}
}

// An agent reads pins only for an input that they are of, so that it may end with everything delivered but these.
func TestCleanKeepsPinsThatItsAgentCannotRead(t *testing.T) {
	b := newBackend(t)
	n, stop := newBuffer(t, nowhere)
	stop()
	n.config(t, b.url)
	n.write(t, "data/pins/shop_gone_u9/app/0.log.7", "2026-11-22T18:00:00Z stdout F last words\n")
	n.edit(t, fmt.Sprintf("{kubernetes: {root: %s/pods}}", n.dir), fmt.Sprintf("{files: {paths: [%s/app/*.log]}}", n.dir))
	rows, complaint := facts(t, 1, "files_only_pinned files_only_pinned_bytes removed", "clean", "-c", n.file, "--deliver")
	if diff := cmp.Diff([]string{"files_only_pinned=1 files_only_pinned_bytes=41 removed=false"}, rows); diff != "" || !strings.Contains(complaint, "nothing was removed") {
		t.Error(diff, complaint)
	}
	n.config(t, b.url)
	if code, out, complaints := logboom(t, t.Context(), "clean", "-c", n.file, "--deliver"); code != 0 || !strings.Contains(out, "Removed.") {
		t.Errorf("%d %s%s", code, out, complaints)
	}
	if !strings.Contains(fmt.Sprint(b.docs), "last words") {
		t.Error("the pin is gone and was not delivered")
	}
}

func TestCleanOfAnotherFolderDoesNothing(t *testing.T) {
	n := newNode(t, nowhere, "")
	n.write(t, "data/RESERVE", "somebody's")
	if code, out := n.cleaned(t, "", "--yes"); code != 0 || !strings.Contains(out, "No agent has run with data_dir") {
		t.Errorf("%d %s", code, out)
	}
	if _, err := os.Stat(filepath.Join(n.data(), "RESERVE")); err != nil {
		t.Error(err)
	}
}

// What a pod does at uninstall: nobody is there to answer, so it must not remove what nobody else has.
func TestCleanDeliversFirst(t *testing.T) {
	n, stop := newBuffer(t, nowhere)
	stop()
	const pin = "data/pins/shop_gone_u9/app/0.log.7" // its log file went while nobody looked
	n.write(t, pin, "2026-11-22T18:00:00Z stdout F last words\n")
	keeps := func(code int, out, why string) {
		t.Helper()
		if code != 1 || !strings.Contains(out, why) || !strings.Contains(out, "nothing was removed") || strings.Contains(out, "Remove it all?") {
			t.Errorf("%d %s", code, out)
		}
		if _, err := os.Stat(filepath.Join(n.data(), "checkpoint.db")); err != nil {
			t.Error(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer time.AfterFunc(time.Second, cancel).Stop()
	code, out, complaints := logboom(t, ctx, "clean", "-c", n.file, "--deliver")
	keeps(code, out+complaints, "asked to end before all was delivered")

	b := newBackend(t)
	b.accept = func(_, document string) string {
		if strings.Contains(document, "line 7 ") {
			return `{"status":400,"error":{"type":"document_parsing_exception","reason":"x"}}`
		}
		return ""
	}
	n.config(t, b.url)
	code, out, complaints = logboom(t, t.Context(), "clean", "-c", n.file, "--deliver")
	keeps(code, out+complaints, "NOT DELIVERED: 1 events that are kept as dead letters")
	if code, out := n.cleaned(t, "", "--yes"); code != 0 {
		t.Fatal(out)
	}
	b.accept = nil
	n.write(t, pin, "2026-11-22T18:00:00Z stdout F last words\n")
	if code, out, complaints = logboom(t, t.Context(), "clean", "-c", n.file, "--deliver"); code != 0 || !strings.Contains(out, "Removed.") {
		t.Errorf("%d %s%s", code, out, complaints)
	}
	if diff := cmp.Diff([]string{n.data(), filepath.Join(n.data(), "LOCK")}, tree(t, n.data())); diff != "" {
		t.Errorf("left: %s", diff)
	}
	words := 0
	for _, document := range b.docs {
		if strings.Contains(document, "last words") {
			words++
		}
	}
	if words != 1 || len(b.docs) != 303 {
		t.Errorf("%d documents, the pin's %d times", len(b.docs), words)
	}
}
