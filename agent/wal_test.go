package main

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"logboom/checkpoint"
	"logboom/wal"
)

// dated keeps documents in indices that no rollover replaces.
const dated = "wal: {min_free: 1MiB, segment_size: 1MiB}\n"

// newBuffer runs an agent with two pods and no backend until their lines are secured.
func newBuffer(t *testing.T, backend string) (n node, stop func()) {
	t.Helper()
	n = newNode(t, backend, dated)
	n.config(t, backend)
	var text strings.Builder
	for i := range 300 {
		fmt.Fprintf(&text, "2026-11-22T16:%02d:%02d.000000000Z stdout F line %d of \"web\"\n", i/60, i%60, i)
	}
	n.write(t, "pods/shop_web_u1/app/0.log", text.String())
	n.write(t, "pods/bank_cash-7_u2/app/0.log", "2026-11-22T18:00:00.5Z stderr P half \n2026-11-22T18:00:00.6Z stderr F and half\n"+
		"2026-11-22T18:00:01Z stdout F <b> & \xff\n")
	_, stop = n.run(t)
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if _, out, _ := logboom(t, t.Context(), "wal", "cat", n.data()); strings.Count(out, "\n") == 302 {
			return n, stop
		} else if time.Now().After(deadline) {
			t.Fatalf("not all is secured:\n%s", out)
		}
	}
}

func (n node) data() string { return filepath.Join(n.dir, "data") }

// config points the node at another backend, with an index for each day.
func (n node) config(t *testing.T, backend string) {
	t.Helper()
	n.write(t, "logboom.yaml", fmt.Sprintf(`data_dir: %s/data
node_name: node-7
inputs: [{kubernetes: {root: %s/pods}}]
sink: {elasticsearch: {urls: [%q], index: "logs-%%{namespace}-%%{+yyyy.MM.dd}", min_backoff: 10ms, max_backoff: 20ms}}
http: {listen: "off"}
lock_wait: 0s
delivery: {grace: 0s}
%s`, n.dir, n.dir, backend, dated))
}

// goesOn is what ship says when it takes a second or more.
var goesOn = regexp.MustCompile(`(?m)^logboom: block \d+ of \d+, \d+ events delivered\n`)

func (n node) say(t *testing.T, args ...string) string {
	t.Helper()
	code, out, stderr := logboom(t, t.Context(), args...)
	if code != 0 || goesOn.ReplaceAllString(stderr, "") != "" {
		t.Fatalf("%v: %d %s%s", args, code, out, stderr)
	}
	return out
}

func TestTheBufferLooksTheSameBesideAnAgent(t *testing.T) {
	n, stop := newBuffer(t, nowhere)
	look := func() []string {
		ls := n.say(t, "wal", "ls", "-c", n.file, "--json")
		ls = regexp.MustCompile(`"(on_disk_)?bytes":\d+|"sealed":\w+`).ReplaceAllString(ls, "") // an agent that ends seals
		return []string{ls, n.say(t, "wal", "cat", "-c", n.file), n.say(t, "wal", "verify", "-c", n.file)}
	}
	beside := look()
	stop()
	for i, diff := range look() {
		if diff := cmp.Diff(beside[i], diff); diff != "" {
			t.Error(diff)
		}
	}
	table := n.say(t, "wal", "ls", n.data())
	if !regexp.MustCompile(`(?m)^1-\d+ +\d+ +2 +\d.* ago, over \d+s +sealed +waiting$`).MatchString(table) || !strings.Contains(table, "; nothing is delivered yet.\n") {
		t.Error(table)
	}
	if !strings.Contains(beside[2], "302 lines") && !regexp.MustCompile(`wal: \d+ blocks, \d+ records of 2 files, .*: whole\n`).MatchString(beside[2]) {
		t.Error(beside[2])
	}
}

// What cat prints is what a backend gets, byte by byte and id by id.
func TestCatPrintsWhatWouldBeSent(t *testing.T) {
	n, stop := newBuffer(t, nowhere)
	stop()
	want := strings.Split(strings.TrimSuffix(n.say(t, "wal", "cat", "--meta", n.data()), "\n"), "\n")
	plain := strings.Split(strings.TrimSuffix(n.say(t, "wal", "cat", n.data()), "\n"), "\n")
	for i, line := range want {
		if !strings.HasSuffix(line, `,"_source":`+plain[i]+"}") || !json.Valid([]byte(line)) {
			t.Fatalf("%s and %s", line, plain[i])
		}
	}
	b := newBackend(t)
	n.config(t, b.url)
	if code, _, stderr := logboom(t, t.Context(), "run", "--exit-when-drained", "-c", n.file); code != 0 {
		t.Fatal(stderr)
	}
	got := b.stored()
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if out := n.say(t, "wal", "cat", "-c", n.file); out != "" {
		t.Errorf("delivered, and printed: %s", out)
	}
}

func TestCatFilters(t *testing.T) {
	n, stop := newBuffer(t, nowhere)
	stop()
	for filter, want := range map[string]int{
		"":                              302,
		"--namespace shop":              300,
		"--namespace s*p":               300,
		"--namespace sho":               0,
		"--pod cash-?":                  2,
		"--pod cash-7 --namespace shop": 0,
		"--since 2026-11-22T16:04:59Z":  3,
		"--until 2026-11-22T16:04:59Z":  299,
		"--since 2026-11-22T16:00:01Z --until 2026-11-22T16:00:03+00:00": 2,
		"--since 876000h": 302,
		"--until 876000h": 0,
	} {
		out := n.say(t, append(append([]string{"wal", "cat"}, strings.Fields(filter)...), "-c", n.file)...)
		if got := strings.Count(out, "\n"); got != want {
			t.Errorf("%s: %d events, want %d", filter, got, want)
		}
	}
}

func TestCatEndsQuietlyWhenItsReaderHasSeenEnough(t *testing.T) {
	n, stop := newBuffer(t, nowhere)
	stop()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	stderr := &safe{}
	if code := execute(t.Context(), []string{"wal", "cat", "-c", n.file}, w, stderr); code != 0 || stderr.String() != "" {
		t.Errorf("%d %s", code, stderr)
	}
}

func TestVerifyNamesWhatIsDamaged(t *testing.T) {
	n, stop := newBuffer(t, nowhere)
	stop()
	segments, _ := filepath.Glob(filepath.Join(n.data(), "wal", "*", "*"))
	whole, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		damage func(p []byte) []byte
		want   string
	}{
		"text":    {func(p []byte) []byte { p[len(p)/2] ^= 1; return p }, `wal: ".*/pods/.*/app/0.log": bytes \d+ to \d+, gathered 20.*Z; block \d+: the block's text is damaged`},
		"missing": {func(p []byte) []byte { return nil }, `the block is missing`},
	} {
		p := c.damage(slices.Clone(whole))
		if p == nil {
			os.Remove(segments[0])
			putDurable(t, n, 5)
		} else if err := os.WriteFile(segments[0], p, 0o600); err != nil {
			t.Fatal(err)
		}
		code, out, stderr := logboom(t, t.Context(), "wal", "verify", n.data())
		if code != 1 || stderr != "" || !regexp.MustCompile("(?m)^.*"+c.want).MatchString(out) || !strings.Contains(out, "faults") {
			t.Errorf("%s: %d %s%s", name, code, out, stderr)
		}
		code, out, stderr = logboom(t, t.Context(), "wal", "cat", n.data())
		if code != 1 || !strings.Contains(stderr, "logboom wal verify says what is hit") || strings.Count(out, "\n") >= 302 {
			t.Errorf("%s: %d %d events, %s", name, code, strings.Count(out, "\n"), stderr)
		}
		if err := os.WriteFile(segments[0], whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// putDurable makes the checkpoint say that Blocks up to i were durable.
func putDurable(t *testing.T, n node, i wal.Index) {
	t.Helper()
	s, err := checkpoint.Open(filepath.Join(n.data(), "checkpoint.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Commit(checkpoint.Change{Durable: i}); err != nil {
		t.Fatal(err)
	}
}

// Segments are appended, sealed and removed while tools read: none of that is damage. The backend takes a request for each look.
func TestNothingLooksDamagedBesideAnAgentThatDelivers(t *testing.T) {
	b := newBackend(t)
	b.turns = make(chan struct{}, 1000)
	t.Cleanup(func() { close(b.turns) })
	n := newNode(t, b.url, dated)
	n.config(t, b.url)
	var text strings.Builder
	for r := rand.New(rand.NewPCG(1, 1)); text.Len() < 12<<20; { // nearly incompressible, for many Segments
		fmt.Fprintf(&text, "2026-11-22T16:00:00Z stdout F %x%x%x%x%x\n", r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64())
	}
	n.write(t, "pods/shop_web_u1/app/0.log", text.String())
	n.run(t)
	var most, last int
	counts := map[int]bool{} // of Segments, as they were seen go
	for deadline := time.Now().Add(patience); most <= 3 || last > 1; {
		if time.Now().After(deadline) {
			t.Fatalf("%d segments at most, %d in the end", most, last)
		}
		last = strings.Count(n.say(t, "wal", "ls", "--json", n.data()), "\n")
		if most = max(most, last); most > 3 {
			counts[last] = true
			b.turns <- struct{}{}
		}
		n.say(t, "wal", "verify", n.data())
		n.say(t, "wal", "cat", "--pod", "none", n.data())
	}
	if len(counts) < 3 {
		t.Errorf("of %d segments only so many were seen: %v", most, counts)
	}
}

// A writer of our own makes what no agent would: Records that do not follow one another.
func TestVerifyFindsRecordsOutOfOrder(t *testing.T) {
	n := node{dir: t.TempDir()}
	l, _, err := wal.Open(wal.Options{Dir: filepath.Join(n.data(), "wal")})
	if err != nil {
		t.Fatal(err)
	}
	f := &wal.File{ID: wal.FileID{1}, Path: "/a.log", Format: wal.Plain}
	for _, at := range []wal.Offset{0, 2, 2, 6} { // 0-2 good; 2-4 with a wrong sum; again; a gap
		text := []byte("x\n")
		b := &wal.Block{Time: time.Now(), Text: text, Records: []wal.Record{{File: f, Start: at, End: at + 2, Prefix: 0xabad1dea, Text: text}}}
		if at == 0 {
			b.Records[0].Prefix = crc32.Checksum(text, castagnoli)
		}
		if err := l.Append(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	code, out, _ := logboom(t, t.Context(), "wal", "verify", n.data())
	want := `wal: "/a.log": bytes 2 to 4 in block 2 are not those that follow what was there before: the checksum of the file so far does not agree
wal: "/a.log": bytes 4 to 6 are in no block: they should stand between blocks 3 and 4
wal: 4 blocks, 4 records of 1 files, 8 B of text: 2 faults
`
	out, _, _ = strings.Cut(out, n.data()+": ")
	if diff := cmp.Diff(want, out); code != 1 || diff != "" {
		t.Errorf("%d %s", code, diff)
	}
}

func TestToolsSayWhichBufferTheyNeed(t *testing.T) {
	dir := t.TempDir()
	for args, want := range map[string]struct {
		code   int
		stderr string
	}{
		"wal ls":                   {2, "add -c FILE, or the data_dir itself"},
		"wal ls -c x " + dir:       {2, "not both"},
		"wal ls " + dir:            {1, "has no folder wal"},
		"wal cat -c /nowhere":      {2, "no such file"},
		"wal verify a b":           {2, "at most 1 arg"},
		"wal cat --since x " + dir: {1, "has no folder wal"},
		"wal nonsense":             {2, "unknown command"},
	} {
		if code, _, stderr := logboom(t, t.Context(), strings.Fields(args)...); code != want.code || !strings.Contains(stderr, want.stderr) {
			t.Errorf("%s: %d %s", args, code, stderr)
		}
	}
}

// What was there when verify began may be delivered and removed when it comes there.
func TestWhatIsDeliveredMeanwhileIsNoDamage(t *testing.T) {
	n := node{dir: t.TempDir()}
	if err := os.MkdirAll(filepath.Join(n.data(), "wal"), 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := lookAt(t.Context(), n.data())
	if err != nil {
		t.Fatal(err)
	}
	out := &safe{}
	v := &verifier{out: &findings{w: out}, folder: "wal", look: l, files: map[wal.FileID]reached{}}
	f := &wal.File{ID: wal.FileID{1}, Path: "/a.log", Format: wal.Plain}
	read := func(block wal.Index, at wal.Offset) int {
		t.Helper()
		if err := v.record(t.Context(), &wal.Record{File: f, Start: at, End: at + 2, Text: []byte("x\n")}, block); err != nil {
			t.Fatal(err)
		}
		return v.wrong
	}
	read(1, 10)
	s, err := checkpoint.Open(filepath.Join(n.data(), "checkpoint.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(checkpoint.Change{Acked: 5}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if wrong := read(6, 20); wrong != 0 {
		t.Error(out)
	}
	if err := v.damage(t.Context(), []wal.Damage{{Index: 5, File: f, Start: 12, End: 20}}); err != nil || v.wrong != 0 {
		t.Error(err, out)
	}
	v.acked = 7
	if wrong := read(8, 28); wrong != 0 {
		t.Errorf("block 7 was delivered when verify began: %s", out)
	}
	v.acked = 0
	if wrong := read(10, 32); wrong != 1 {
		t.Errorf("block 9 is not delivered: %s", out)
	}
	if err := v.damage(t.Context(), []wal.Damage{{Index: 11, File: f, Start: 34, End: 36}}); err != nil || v.wrong != 2 {
		t.Error(err, out)
	}
}
