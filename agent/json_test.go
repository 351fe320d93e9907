package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"logboom/agent/status"
)

// Each command that answers something does so for programs, too, and refuses what it does not know.
func TestWhatAnswersTakesOutputJSON(t *testing.T) {
	n := newNode(t, nowhere, "wal: {min_free: 1MiB}")
	n.lost(t)
	n.run(t)
	n.status(t, func(s *status.Status) bool { return s.Account.Waiting == 46 }) // nothing changes from here on
	for command, field := range map[string]string{"version": "go", "check -c FILE": "verdict", "status -c FILE": "account", "ledger -c FILE": "cause", "wal ls -c FILE": "segment",
		"deadletter replay -c FILE": "stored", "deadletter ls -c FILE": "", "wal verify -c FILE": "what", "setup -c FILE --print --server elasticsearch": "state",
		"prepare " + t.TempDir(): "mode"} {
		args := strings.Fields(strings.ReplaceAll(command, "FILE", n.file))
		_, short, _ := logboom(t, t.Context(), append(args, "--json")...)
		code, out, stderr := logboom(t, t.Context(), append(args, "--output", "json")...)
		if code != 0 || stderr != "" || strings.Count(short, "\n") != strings.Count(out, "\n") || out == "" && field != "" {
			t.Errorf("%s: %d %s\n%s\n%s", command, code, stderr, out, short)
		}
		for line := range strings.Lines(out) {
			var v map[string]any
			if err := json.Unmarshal([]byte(line), &v); err != nil || v[field] == nil {
				t.Errorf("%s: %v in %s", command, err, line)
			}
		}
		_, text, _ := logboom(t, t.Context(), append(args, "--output", "text")...)
		if json.Valid([]byte(text)) {
			t.Errorf("%s: text is %s", command, text)
		}
		if code, _, stderr := logboom(t, t.Context(), append(args, "--output", "xml")...); code != exitUsage || !strings.Contains(stderr, "want text or json") {
			t.Errorf("%s: %d %s", command, code, stderr)
		}
	}
}

// A command either answers in both forms or is one that has only the one that others expect of it.
func TestEveryCommandHasOutput(t *testing.T) {
	one := []string{"logboom completion", "logboom deadletter cat", "logboom run", "logboom stream", "logboom wal cat"}
	commands(rootCommand(), func(c *cobra.Command) {
		if has := c.Flags().Lookup("output") != nil; has == slices.Contains(one, c.CommandPath()) && !c.HasSubCommands() {
			t.Errorf("%s: --output is %v", c.CommandPath(), has)
		}
	})
}

// facts runs a command with --json and returns the objects that it prints: the values of the fields named, those of an object in a line.
func facts(t *testing.T, code int, fields string, args ...string) (rows []string, stderr string) {
	t.Helper()
	got, out, stderr := logboom(t, t.Context(), append(args, "--json")...)
	if got != code {
		t.Errorf("%v: %d, want %d: %s%s", args, got, code, out, stderr)
	}
	for line := range strings.Lines(out) {
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Errorf("%v: %v in %s", args, err, line)
		}
		var row []string
		for _, f := range strings.Fields(fields) {
			if value, has := v[f]; has {
				row = append(row, fmt.Sprintf("%s=%v", f, value))
			}
		}
		rows = append(rows, strings.Join(row, " "))
	}
	return rows, stderr
}

func want(t *testing.T, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestVerifyTellsProgramsWhatIsHit(t *testing.T) {
	n, stop := newBuffer(t, nowhere)
	stop()
	rows, stderr := facts(t, 0, "what folder blocks files faults acked", "wal", "verify", n.data())
	want(t, rows, "what=read folder=wal blocks=1 files=2 faults=0", "what=read folder=deadletter blocks=0 files=0 faults=0", "what=delivery acked=0")
	if stderr != "" {
		t.Error(stderr)
	}
	segment, _ := filepath.Glob(filepath.Join(n.data(), "wal", "*", "*"))
	p, err := os.ReadFile(segment[0])
	if err != nil {
		t.Fatal(err)
	}
	p[len(p)/2] ^= 1
	if err := os.WriteFile(segment[0], p, 0o600); err != nil {
		t.Fatal(err)
	}
	rows, stderr = facts(t, 1, "what folder path block faults", "wal", "verify", n.data())
	if len(rows) < 3 || stderr != "" || rows[0] != "what=fault folder=wal path="+n.dir+"/pods/bank_cash-7_u2/app/0.log block=1" &&
		rows[0] != "what=fault folder=wal path="+n.dir+"/pods/shop_web_u1/app/0.log block=1" {
		t.Error(rows, stderr)
	}
}

// Where the facts are for a program, nobody is asked, and so nothing is removed.
func TestCleanTellsProgramsWhatThereIs(t *testing.T) {
	n, stop := newBuffer(t, nowhere)
	stop()
	const fields = "used dead_letters delivery_unknown files_only_pinned pins removed not_ours"
	n.write(t, "data/notes", "x")
	if err := os.Remove(filepath.Join(n.dir, "pods/shop_web_u1/app/0.log")); err != nil {
		t.Fatal(err)
	}
	rows, stderr := facts(t, 1, fields, "clean", "-c", n.file)
	want(t, rows, "used=true dead_letters=0 files_only_pinned=1 pins=2 removed=false not_ours=[notes]")
	if stderr != "logboom: nothing was removed: with --json nobody is asked. Add --yes\n" {
		t.Error(stderr)
	}
	rows, _ = facts(t, 1, "undelivered_text_bytes", "clean", "-c", n.file)
	if len(rows) != 1 || rows[0] == "undelivered_text_bytes=0" {
		t.Error(rows)
	}
	if segments, _ := filepath.Glob(filepath.Join(n.data(), "wal", "*")); len(segments) == 0 {
		t.Error("the buffer is gone")
	}
	if err := os.WriteFile(filepath.Join(n.data(), "checkpoint.db"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	rows, _ = facts(t, 1, "delivery_unknown", "clean", "-c", n.file)
	if len(rows) != 1 || !strings.Contains(rows[0], "what of it is delivered is not known") {
		t.Error(rows)
	}
	rows, _ = facts(t, 0, "removed pins", "clean", "-c", n.file, "--yes")
	want(t, rows, "removed=true pins=2")
	want(t, tree(t, n.data()), n.data(), filepath.Join(n.data(), "LOCK"), filepath.Join(n.data(), "notes"))
	rows, _ = facts(t, 0, "used paths removed", "clean", "-c", n.file)
	want(t, rows, "used=true paths=0 removed=false")
	if err := os.RemoveAll(n.data()); err != nil {
		t.Fatal(err)
	}
	rows, _ = facts(t, 0, "used removed", "clean", "-c", n.file)
	want(t, rows, "used=false removed=false")
}

func TestShipTellsProgramsWhatBecameOfIt(t *testing.T) {
	n, _ := left(t)
	b := newBackend(t)
	b.set(refuse("line 77 of"))
	other := elsewhere(t, b)
	const fields = "copy done stored duplicates refused losses pods_pinned dead_letters"
	rows, _ := facts(t, 1, fields, "wal", "ship", "--copy", "-c", other, n.data())
	want(t, rows, "copy=true done=true stored=301 duplicates=0 refused=1 losses=0 pods_pinned=2 dead_letters=0")
	rows, _ = facts(t, 0, fields, "wal", "ship", "-c", other, n.data())
	want(t, rows, "copy=false done=true stored=0 duplicates=301 refused=1 losses=0 pods_pinned=2 dead_letters=1")
	rows, stderr := facts(t, 1, fields, "wal", "ship", "-c", other)
	if len(rows) != 0 || !strings.Contains(stderr, "has no folder wal") {
		t.Error(rows, stderr)
	}
}

func TestSetupTellsProgramsWhatItDid(t *testing.T) {
	k := &keeper{has: map[string]string{}}
	s := httptest.NewServer(k)
	t.Cleanup(s.Close)
	n := newNode(t, s.URL, "wal: {min_free: 1MiB}")
	setup := []string{"setup", "-c", n.file}
	rows, _ := facts(t, 0, "name state method", append(setup, "--print")...)
	pieces := []string{"life-cycle policy logboom", "index template logboom.logs-logboom-default", "data stream logs-logboom-default"}
	want(t, rows, "name="+pieces[0]+" state=missing method=PUT", "name="+pieces[1]+" state=missing method=PUT", "name="+pieces[2]+" state=missing method=PUT")
	if len(k.has) > 0 {
		t.Error(slices.Collect(maps.Keys(k.has)))
	}
	for _, verdict := range []string{"installed", "in place"} {
		rows, _ = facts(t, 0, "verdict name", setup...)
		want(t, rows, "verdict="+verdict+" name="+pieces[0], "verdict="+verdict+" name="+pieces[1], "verdict="+verdict+" name="+pieces[2])
	}
	rows, _ = facts(t, 0, "name state method", append(setup, "--print")...)
	want(t, rows, "name="+pieces[0]+" state=in place", "name="+pieces[1]+" state=in place", "name="+pieces[2]+" state=in place")
	k.mu.Lock()
	k.password = "x"
	k.mu.Unlock()
	if rows, stderr := facts(t, 1, "name", setup...); len(rows) > 0 || !strings.Contains(stderr, "does not accept our credentials") {
		t.Error(rows, stderr)
	}
}
