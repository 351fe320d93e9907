package kubelet

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"logboom/chaos/manifest"
)

// simulate runs a node on a clock of its own, and returns its manifest.
func simulate(t *testing.T, cfg Config) (n *Node, m manifest.Manifest) {
	t.Helper()
	var list bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		w := manifest.NewWriter(&list)
		cfg.Manifest = w
		n = New(cfg)
		if err := n.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	})
	m, err := manifest.Read(&list)
	if err != nil {
		t.Fatal(err)
	}
	return n, m
}

var lineForm = regexp.MustCompile(`^(\S+) (stdout|stderr) ([PF]) `)

// contents returns the messages of one attempt from its files, joined as CRI says, by stream.
func contents(t *testing.T, dir, log string) map[string][]string {
	t.Helper()
	rotated, err := filepath.Glob(filepath.Join(dir, log+".*"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(rotated)
	got, open := map[string][]string{}, map[string]string{}
	var last time.Time
	for _, path := range append(rotated, filepath.Join(dir, log)) {
		for line := range strings.Lines(read(t, path)) {
			part := lineForm.FindStringSubmatch(line)
			if part == nil || !strings.HasSuffix(line, "\n") {
				t.Fatalf("%s: line %.80q", path, line)
			}
			at, err := time.Parse(time.RFC3339Nano, part[1])
			if err != nil || at.Before(last) || strings.HasSuffix(strings.TrimRight(part[1], "Z"), "0") && strings.Contains(part[1], ".") {
				t.Fatalf("%s: time %s after %v: %v", path, part[1], last, err)
			}
			last = at
			content := strings.TrimSuffix(line[len(part[0]):], "\n")
			if len(content) > Piece || part[3] == "P" && len(content) != Piece && !strings.Contains(log, "open") {
				t.Fatalf("%s: a %s of %d bytes", path, part[3], len(content))
			}
			if part[3] == "F" && content == "" {
				t.Fatalf("%s: an empty last piece", path)
			}
			if open[part[2]] += content; part[3] == "F" {
				got[part[2]] = append(got[part[2]], open[part[2]])
				delete(open, part[2])
			}
		}
	}
	for stream, rest := range open {
		got[stream] = append(got[stream], rest)
	}
	return got
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(path, ".gz") {
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if data, err = io.ReadAll(z); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	return string(data)
}

// checkStream compares the messages in the files with the manifest's.
func checkStream(t *testing.T, m manifest.Manifest, id string, got []string) {
	t.Helper()
	if len(got) != len(m[id]) {
		t.Errorf("%s: %d messages in the files, %d in the manifest", id, len(got), len(m[id]))
		return
	}
	for i, message := range got {
		stream, n, ok := manifest.ParsePrefix([]byte(message))
		if !ok || string(stream) != id || n != int64(i) || manifest.SumOf([]byte(message)) != m[id][i] {
			t.Fatalf("%s: message %d is %.80q", id, i, message)
		}
	}
}

func TestFilesHoldExactlyWhatTheManifestLists(t *testing.T) {
	root := t.TempDir()
	n, m := simulate(t, Config{
		Root: root, Seed: 1, Duration: 75 * time.Second, MaxSize: 256 << 10, MaxFiles: 100,
		Pods: []Pod{{Namespace: "shop", Name: "web-1", Containers: []Container{
			{Name: "a", Rate: 100, Stderr: 0.3, Long: 0.03, Binary: 0.02}, {Name: "b", Rate: 5},
		}}},
	})
	dir := filepath.Join(root, "shop_web-1_"+uid(1, 0))
	a := contents(t, filepath.Join(dir, "a"), "0.log")
	checkStream(t, m, "web-1/a/0/out", a["stdout"])
	checkStream(t, m, "web-1/a/0/err", a["stderr"])
	checkStream(t, m, "web-1/b/0/out", contents(t, filepath.Join(dir, "b"), "0.log")["stdout"])
	if n.Lines.Load() != m.Lines() || len(a["stderr"]) == 0 || n.Rotations.Load() != 7 {
		t.Errorf("%d lines counted, %d listed, %d to stderr, %d rotations",
			n.Lines.Load(), m.Lines(), len(a["stderr"]), n.Rotations.Load())
	}
}

var names = regexp.MustCompile(`^0\.log(\.\d{8}-\d{6}(\.gz)?)?$`)

func TestRotationLeavesTheNamesModesAndFormsOfTheKubelet(t *testing.T) {
	root := t.TempDir()
	n, _ := simulate(t, Config{
		Root: root, Seed: 2, Duration: 95 * time.Second, MaxSize: 16 << 10, MaxFiles: 5,
		Pods: []Pod{{Namespace: "shop", Name: "web-1", Containers: []Container{{Name: "a", Rate: 50}}}},
	})
	var plain, zipped int
	err := fs.WalkDir(os.DirFS(root), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if !names.MatchString(e.Name()) || info.Mode().Perm() != 0o640 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		if strings.HasSuffix(path, ".gz") {
			zipped++
		} else {
			plain++
		}
		return nil
	})
	if err != nil || plain != 2 || zipped != 3 {
		t.Errorf("%d plain files and %d .gz, want 2 and 3: %v", plain, zipped, err)
	}
	if n.Rotations.Load() != 9 || n.Deleted.Load() != 5 {
		t.Errorf("%d rotations, %d files deleted by the quota, want 9 and 5", n.Rotations.Load(), n.Deleted.Load())
	}
}

func TestLinesStillArriveInARenamedFile(t *testing.T) {
	root := t.TempDir()
	simulate(t, Config{
		Root: root, Seed: 3, Duration: 11 * time.Second, MaxSize: 1, MaxFiles: 5,
		Pods: []Pod{{Namespace: "shop", Name: "web-1", Containers: []Container{{Name: "a", Rate: 10}}}},
	})
	rotated, err := filepath.Glob(filepath.Join(root, "*", "a", "0.log.*"))
	if err != nil || len(rotated) != 1 {
		t.Fatalf("rotated: %v, %v", rotated, err)
	}
	// 10 s at 10 lines a second, and what the writer added after the rename.
	if lines := strings.Count(read(t, rotated[0]), "\n"); lines < 102 {
		t.Errorf("%d lines in %s", lines, rotated[0])
	}
}

func TestRestartsAndDeletionTakeTheRightFilesAway(t *testing.T) {
	root := t.TempDir()
	n, m := simulate(t, Config{
		Root: root, Seed: 4, Duration: 30 * time.Second, MaxSize: 1 << 20,
		Pods: []Pod{
			{Namespace: "shop", Name: "crash", Containers: []Container{{
				Name: "a", Rate: 20, OpenEnd: true, Exits: []time.Duration{5 * time.Second, 10 * time.Second, 15 * time.Second},
			}}},
			{Namespace: "shop", Name: "job", Start: 3 * time.Second, Delete: 20 * time.Second, Containers: []Container{{Name: "a", Rate: 20}}},
		},
	})
	left, err := filepath.Glob(filepath.Join(root, "*", "a", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for i, path := range left {
		left[i] = strings.TrimPrefix(path, root)
	}
	dir := "/shop_crash_" + uid(4, 0) + "/a/"
	if want := fmt.Sprint([]string{dir + "2.log", dir + "3.log"}); fmt.Sprint(left) != want {
		t.Errorf("left: %v, want %s", left, want)
	}
	if n.Restarts.Load() != 3 || n.Deleted.Load() != 3 {
		t.Errorf("%d restarts, %d files deleted, want 3 and 3", n.Restarts.Load(), n.Deleted.Load())
	}
	text := strings.TrimSpace(read(t, filepath.Join(root, dir, "2.log")))
	last := text[strings.LastIndexByte(text, '\n')+1:]
	if !strings.Contains(last, " stdout P seq=crash/a/2/out/") {
		t.Errorf("last line of an attempt that ends without a newline: %q", last)
	}
	for _, id := range []string{"crash/a/0/out", "crash/a/1/out", "crash/a/2/out", "crash/a/3/out", "job/a/0/out"} {
		if len(m[id]) < 50 {
			t.Errorf("%s: %d lines in the manifest", id, len(m[id]))
		}
	}
}

func TestSpeedMakesTicksAndTheClockInNamesFaster(t *testing.T) {
	root := t.TempDir()
	n, _ := simulate(t, Config{
		Root: root, Seed: 7, Duration: 5250 * time.Millisecond, Speed: 20, MaxSize: 1, MaxFiles: 100,
		Pods: []Pod{{Namespace: "shop", Name: "web-1", Containers: []Container{{Name: "a", Rate: 50}}}},
	})
	rotated, err := filepath.Glob(filepath.Join(root, "*", "a", "0.log.*"))
	if err != nil || len(rotated) != 10 || n.Rotations.Load() != 10 {
		t.Errorf("%d rotations left %d names, want 10 of each: %v", n.Rotations.Load(), len(rotated), err)
	}
}

func TestSameSeedWritesTheSameMessages(t *testing.T) {
	cfg := Config{
		Root: t.TempDir(), Seed: 5, Duration: 3 * time.Second,
		Pods: []Pod{{Namespace: "a", Name: "p", Containers: []Container{{Name: "c", Rate: 100, Stderr: 0.2, Long: 0.1, Binary: 0.1}}}},
	}
	_, first := simulate(t, cfg)
	cfg.Root = t.TempDir()
	_, second := simulate(t, cfg)
	for _, id := range []string{"p/c/0/out", "p/c/0/err"} {
		n := min(len(first[id]), len(second[id])) // the clock decides where they stop
		if n < 30 || !slices.Equal(first[id][:n], second[id][:n]) {
			t.Errorf("%s: two runs with one seed differ in their first %d messages", id, n)
		}
	}
}

func TestFailedWriteEndsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := t.TempDir()
		if err := os.WriteFile(filepath.Join(root, "a_p_"+uid(6, 0)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		n := New(Config{
			Root: root, Seed: 6, Duration: time.Hour, Manifest: manifest.NewWriter(io.Discard),
			Pods: []Pod{{Namespace: "a", Name: "p", Containers: []Container{{Name: "c", Rate: 1}}}},
		})
		if err := n.Run(t.Context()); err == nil {
			t.Error("a node that can't write its logs ran to the end")
		}
	})
}
