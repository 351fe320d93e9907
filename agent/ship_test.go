package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"logboom/checkpoint"
)

// left is the data directory of an agent that is gone, and what waits in it.
func left(t *testing.T) (n node, waits []string) {
	t.Helper()
	n, stop := newBuffer(t, nowhere)
	stop()
	waits = strings.Split(strings.TrimSuffix(n.say(t, "wal", "cat", "--meta", n.data()), "\n"), "\n")
	if len(waits) != 302 || !strings.Contains(waits[0], `"host":{"name":"node-7"}`) {
		t.Fatalf("%d events wait: %s", len(waits), waits[0])
	}
	slices.Sort(waits)
	return n, waits
}

// elsewhere is the configuration of another machine, whose own agent would send to another index.
func elsewhere(t *testing.T, b *backend) string {
	t.Helper()
	n := node{dir: t.TempDir()}
	n.write(t, "other.yaml", fmt.Sprintf(`data_dir: %s/data
node_name: other
inputs: [{kubernetes: {root: %s/pods}}]
sink: {elasticsearch: {urls: [%q], index: other, min_backoff: 10ms, max_backoff: 20ms}}
`, n.dir, n.dir, b.url))
	return filepath.Join(n.dir, "other.yaml")
}

// holds checks that b has all of want, once.
func (b *backend) holds(t *testing.T, want []string) {
	t.Helper()
	got := b.stored()
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("stored: %s", diff)
	}
}

func TestShipDeliversWhatADeadAgentLeft(t *testing.T) {
	n, waits := left(t)
	b := newBackend(t)
	out := n.say(t, "wal", "ship", "-c", elsewhere(t, b), n.data())
	if !strings.Contains(out, "302 events were stored, 0 had been stored before.\n") || !strings.Contains(out, "pins holds log files of 2 pods") {
		t.Error(out)
	}
	b.holds(t, waits)
	if segments, _ := filepath.Glob(filepath.Join(n.data(), "wal", "*")); len(segments) > 0 {
		t.Errorf("delivered segments are left: %v", segments)
	}
	if out := n.say(t, "wal", "ship", "-c", elsewhere(t, b), n.data()); !strings.Contains(out, "0 events were stored, 0 had") {
		t.Error(out)
	}
	n.config(t, b.url) // its agent comes back
	if code, _, stderr := logboom(t, t.Context(), "run", "--exit-when-drained", "-c", n.file); code != 0 {
		t.Error(stderr)
	}
	b.holds(t, waits)
	if b.twice > 0 {
		t.Errorf("%d events were sent again: the acknowledgements were not committed", b.twice)
	}
}

// files is what stands in a folder: names, times and content.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text := []byte{}
		if info.Mode().IsRegular() {
			text, err = os.ReadFile(path)
		}
		all[path] = fmt.Sprint(info.Mode(), info.ModTime().UnixNano(), len(text), string(text))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestShipOfACopyChangesNothing(t *testing.T) {
	for name, spoil := range map[string]func(data string){
		"whole":                func(string) {},
		"without a checkpoint": func(data string) { os.Remove(filepath.Join(data, "checkpoint.db")) },
		"without LOCK":         func(data string) { os.Remove(filepath.Join(data, "LOCK")) },
		"checkpoint damaged":   func(data string) { os.WriteFile(filepath.Join(data, "checkpoint.db"), []byte("x"), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			n, waits := left(t)
			spoil(n.data())
			before := files(t, n.data())
			b := newBackend(t)
			other := elsewhere(t, b)
			for _, want := range []string{"302 events were stored, 0 had been stored before.\n", "0 events were stored, 302 had been stored before.\n"} {
				code, out, stderr := logboom(t, t.Context(), "wal", "ship", "--copy", "-c", other, n.data())
				if code != 0 || !strings.Contains(out, want) || !strings.Contains(out, "sends the same events again") {
					t.Errorf("%d %s%s", code, out, stderr)
				}
				if strings.Contains(name, "checkpoint") != strings.Contains(stderr, "what of it is delivered is not known") {
					t.Error(stderr)
				}
			}
			b.holds(t, waits)
			if diff := cmp.Diff(before, files(t, n.data())); diff != "" {
				t.Errorf("it changed something: %.2000s", diff)
			}
			code, out, stderr := logboom(t, t.Context(), "wal", "ship", "-c", other, n.data())
			if code != 0 || !strings.Contains(out, "0 events were stored, 302 had been stored before.\n") {
				t.Errorf("%d %s%s", code, out, stderr)
			}
			b.holds(t, waits)
			if boot := n.boot(t); boot != "" { // the agent committed nothing, and ship has none to tell
				t.Errorf("the checkpoint names boot %q", boot)
			}
		})
	}
}

// boot is the one that the checkpoint says an agent last ran in.
func (n node) boot(t *testing.T) string {
	t.Helper()
	s, err := checkpoint.OpenReadOnly(filepath.Join(n.data(), "checkpoint.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	state, err := s.State()
	if err != nil {
		t.Fatal(err)
	}
	return state.BootID
}

// refuse takes everything but what has text in it.
func refuse(text string) func(b *backend) {
	return func(b *backend) {
		b.accept = func(_, document string) string {
			if strings.Contains(document, text) {
				return `{"status":400,"error":{"type":"mapper_parsing_exception","reason":"no"}}`
			}
			return ""
		}
	}
}

func TestShipKeepsWhatIsRefused(t *testing.T) {
	n, _ := left(t)
	b := newBackend(t)
	b.set(refuse("line 77 of"))
	other := elsewhere(t, b)
	before := files(t, n.data())
	code, out, _ := logboom(t, t.Context(), "wal", "ship", "--copy", "-c", other, n.data())
	if code != 1 || !strings.Contains(out, "1 events were refused by the backend: only the original keeps them") || len(b.stored()) != 301 {
		t.Errorf("%d %s", code, out)
	}
	if diff := cmp.Diff(before, files(t, n.data())); diff != "" {
		t.Errorf("it changed something: %.2000s", diff)
	}
	out = n.say(t, "wal", "ship", "-c", other, n.data())
	if !strings.Contains(out, "1 events were refused by the backend and are in "+n.data()+"/deadletter") {
		t.Error(out)
	}
	if out := n.say(t, "wal", "verify", n.data()); !strings.Contains(out, "deadletter: 1 blocks, 1 records of 1 files") {
		t.Error(out)
	}
}

// What is interrupted goes on where it was, with the backend down, half up, or up again.
func TestShipCanBeInterrupted(t *testing.T) {
	n, waits := left(t)
	b := newBackend(t)
	other := elsewhere(t, b)
	for name, trouble := range map[string]func(b *backend){
		"down": func(b *backend) { b.stopped = true },
		"busy": func(b *backend) {
			b.stopped = false
			b.accept = func(_, document string) string {
				if strings.Contains(document, "line 2") {
					return `{"status":429,"error":{"type":"es_rejected_execution_exception","reason":"busy"}}`
				}
				return ""
			}
		},
	} {
		b.set(trouble)
		ctx, cancel := context.WithCancel(t.Context())
		out, done := &safe{}, make(chan int, 1)
		go func() { done <- execute(ctx, []string{"wal", "ship", "-c", other, n.data()}, out, out) }()
		for deadline := time.Now().Add(patience); !strings.Contains(out.String(), "trying again: ") && time.Now().Before(deadline); {
			time.Sleep(20 * time.Millisecond)
		}
		cancel()
		if code := <-done; code != 1 || !strings.Contains(out.String(), "Run it again to go on") || !strings.Contains(out.String(), "trying again: ") {
			t.Errorf("%s: %d %s", name, code, out)
		}
	}
	b.set(func(b *backend) { b.stopped, b.accept = false, nil })
	n.say(t, "wal", "ship", "-c", other, n.data())
	b.holds(t, waits)
}

func TestShipGoesPastDamageAndListsIt(t *testing.T) {
	n, waits := left(t)
	segments, _ := filepath.Glob(filepath.Join(n.data(), "wal", "*", "*"))
	whole, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	whole[len(whole)/2] ^= 1
	if err := os.WriteFile(segments[0], whole, 0o600); err != nil {
		t.Fatal(err)
	}
	b := newBackend(t)
	other := elsewhere(t, b)
	code, out, _ := logboom(t, t.Context(), "wal", "ship", "--copy", "-c", other, n.data())
	if code != 1 || !strings.Contains(out, "ranges of the buffer can't be read.\n") {
		t.Errorf("%d %s", code, out)
	}
	code, out, stderr := logboom(t, t.Context(), "wal", "ship", "-c", other, n.data())
	if code != 0 || !strings.Contains(out, "ranges of the buffer can't be read; logboom ledger lists them") {
		t.Errorf("%d %s%s", code, out, stderr)
	}
	var lost int64
	for d := json.NewDecoder(strings.NewReader(n.say(t, "ledger", "--json", "-c", n.file))); d.More(); {
		var l checkpoint.Loss
		if err := d.Decode(&l); err != nil {
			t.Fatal(err)
		}
		lost += int64(l.End - l.Start)
	}
	if lost == 0 || len(b.stored()) >= len(waits) {
		t.Errorf("%d bytes in the ledger, %d of %d events stored", lost, len(b.stored()), len(waits))
	}
	// The Segment is kept aside, and can be looked at there.
	code, out, stderr = logboom(t, t.Context(), "wal", "verify", filepath.Join(n.data(), "damaged"))
	if code != 1 || !strings.Contains(out, "the block's text is damaged") {
		t.Errorf("%d %s%s", code, out, stderr)
	}
}

func TestShipRefusesWhatAnAgentOwns(t *testing.T) {
	n, stop := newBuffer(t, nowhere)
	defer stop()
	other := elsewhere(t, newBackend(t))
	for args, want := range map[string]struct {
		code   int
		stderr string
	}{
		"wal ship -c " + other + " " + n.data(): {1, fmt.Sprintf("locked by process %d", os.Getpid())},
		"wal ship -c " + other:                  {1, "has no folder wal"},
		"wal ship " + n.data():                  {2, "which says where to send to"},
	} {
		if code, _, stderr := logboom(t, t.Context(), strings.Fields(args)...); code != want.code || !strings.Contains(stderr, want.stderr) {
			t.Errorf("%s: %d %s", args, code, stderr)
		}
	}
}
