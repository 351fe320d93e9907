package checkpoint

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"logboom/wal"
)

// testFile returns a File whose description is as long as a real one's.
func testFile(n int) *wal.File {
	f := &wal.File{
		Path:   fmt.Sprintf("/var/log/pods/shop_web-%d_3f2c9a10-0000-4000-8000-%012d/app/0.log", n, n),
		Format: wal.CRI, Route: "logs-logboom-default", Node: "node-1", Namespace: "shop", Pod: fmt.Sprintf("web-%d", n),
		PodUID: fmt.Sprintf("3f2c9a10-0000-4000-8000-%012d", n), Container: "app",
		Labels:   map[string]string{"app": "web", "pod-template-hash": "6d5f8c9b7"},
		Identity: wal.Identity{Inode: uint64(1000 + n), Birth: 1_790_000_000_000_000_000, HeadLen: 120},
	}
	f.ID[0], f.ID[1], f.ID[15] = byte(n), byte(n>>8), 0xfe
	f.Identity.HeadSum[3] = byte(n)
	return f
}

func testBoot() (string, error) { return "8c0bf3a4-2f9d-4a53-9a94-6b1c33bbd0a1", nil }

func open(t testing.TB, path string) *Store {
	t.Helper()
	s, err := openWith(path, testBoot)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func commit(t testing.TB, s *Store, c Change) {
	t.Helper()
	if err := s.Commit(c); err != nil {
		t.Fatal(err)
	}
}

func state(t testing.TB, s *Store) State {
	t.Helper()
	st, err := s.State()
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func losses(t testing.TB, s *Store) []Loss {
	t.Helper()
	var all []Loss
	if err := s.Losses(func(l Loss) error { all = append(all, l); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestCommitSurvivesReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint.db")
	a, b := testFile(1), testFile(2)
	s := open(t, path)
	if st := state(t, s); st.BootID != "" || st.Acked != 0 || len(st.Files) != 0 {
		t.Fatalf("a new checkpoint knows something: %+v", st)
	}
	found := time.Date(2026, 11, 22, 1, 2, 3, 4, time.UTC)
	loss := Loss{Time: found, File: a, Start: 100, End: 250, Cause: CauseTruncated, Detail: "copytruncate", Since: found, Until: found}
	commit(t, s, Change{Acked: 7, Durable: 9, Losses: []Loss{loss},
		Files: []FileState{{a, 250, 1, 2}, {b, 20, 3, 4}}})
	commit(t, s, Change{Acked: 8, Files: []FileState{{b, 40, 5, 6}}})
	want := State{Acked: 8, Durable: 9, BootID: "8c0bf3a4-2f9d-4a53-9a94-6b1c33bbd0a1",
		Files: map[wal.FileID]FileState{a.ID: {a, 250, 1, 2}, b.ID: {b, 40, 5, 6}},
		Lost:  map[string]int64{CauseTruncated: 150}}
	check := func(s *Store) {
		t.Helper()
		if diff := cmp.Diff(want, state(t, s)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]Loss{loss}, losses(t, s)); diff != "" {
			t.Error(diff)
		}
	}
	check(s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(Change{}); !errors.Is(err, ErrClosed) {
		t.Errorf("commit after Close: %v", err)
	}
	s = open(t, path)
	check(s)

	for _, label := range []string{"learnt later", "learnt later still"} {
		b2 := *b
		b2.Labels = map[string]string{"app": label}
		commit(t, s, Change{Acked: 20, Forget: []wal.FileID{a.ID}, Files: []FileState{{&b2, 40, 5, 6}}})
		want.Acked, want.Durable = 20, 20 // what is acked was durable
		want.Files = map[wal.FileID]FileState{b.ID: {&b2, 40, 5, 6}}
		check(s)
	}
	s.Close()
	check(open(t, path))

	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
}

// What Commit refuses must leave no trace, and what it panics about must leave the Store in working order.
func TestBrokenCallsChangeNothing(t *testing.T) {
	a, b := testFile(1), testFile(2)
	s := open(t, filepath.Join(t.TempDir(), "checkpoint.db"))
	commit(t, s, Change{Acked: 10, Durable: 12, Files: []FileState{{a, 500, 1, 1}}})
	before := state(t, s)
	for name, c := range map[string]Change{
		"acked goes back":  {Acked: 9, Files: []FileState{{b, 1, 0, 0}}},
		"file state":       {Acked: 11, Files: []FileState{{b, 1, 0, 0}, {nil, 499, 0, 0}}},
		"loss without":     {Acked: 11, Losses: []Loss{{File: a, Start: 2, End: 1, Cause: CauseDeleted}}},
		"loss without ":    {Acked: 11, Losses: []Loss{{Start: 1, End: 2, Cause: CauseDeleted}}},
		"negative offset":  {Acked: 11, Files: []FileState{{b, -1, 0, 0}}},
		"file or cause, o": {Acked: 11, Losses: []Loss{{File: a, Start: 1, End: 2}}},
	} {
		t.Run(name, func(t *testing.T) {
			func() {
				defer func() {
					if r := fmt.Sprint(recover()); !strings.HasPrefix(r, "BUG: ") || !strings.Contains(r, name) {
						t.Errorf("panic %q; want BUG: ... %s", r, name)
					}
				}()
				s.Commit(c)
			}()
			if diff := cmp.Diff(before, state(t, s)); diff != "" {
				t.Error(diff)
			}
		})
	}
	commit(t, s, Change{Acked: 10, Durable: 11, Files: []FileState{{a, 499, 1, 1}}})
	if st := state(t, s); st.Files[a.ID].Offset != 499 {
		t.Errorf("shorter after a power cut: %+v", st)
	}
	commit(t, s, Change{Acked: 10, Durable: 11, Forget: []wal.FileID{a.ID}, Files: []FileState{{a, 3, 1, 1}}})
	if st := state(t, s); st.Files[a.ID].Offset != 3 || st.Durable != 12 {
		t.Errorf("read again from the start: %+v", st)
	}
}

func TestCommitsAreSafeForConcurrentUse(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "checkpoint.db"))
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			f := testFile(n)
			for i := range 10 {
				c := Change{Durable: wal.Index(i), Files: []FileState{{f, wal.Offset(i), 0, 0}},
					Losses: []Loss{{File: f, Start: wal.Offset(2 * i), End: wal.Offset(2*i + 1), Cause: CauseDropped}}}
				if err := s.Commit(c); err != nil {
					t.Error(err)
				}
				if _, err := s.State(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	st := state(t, s)
	if len(st.Files) != 8 || st.Lost[CauseDropped] != 80 || len(losses(t, s)) != 80 {
		t.Errorf("%d files, %d bytes lost in %d entries", len(st.Files), st.Lost[CauseDropped], len(losses(t, s)))
	}
}

func TestASecondOpenSaysInUseAndDoesNotHang(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint.db")
	s := open(t, path)
	commit(t, s, Change{Acked: 1})
	start := time.Now()
	if _, err := Open(path); !errors.Is(err, ErrInUse) {
		t.Errorf("second open: %v", err)
	}
	if d := time.Since(start); d < inUseWait || d > inUseWait+time.Minute {
		t.Errorf("gave up after %v", d)
	}
	commit(t, s, Change{Acked: 2})
}

func TestACrashWhileCreatingLeavesNoCheckpoint(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint.db")
	if err := os.WriteFile(path+".new", []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	commit(t, open(t, path), Change{Acked: 1})
	if _, err := os.Stat(path + ".new"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left over: %v", err)
	}
}

func TestOpenFailsPlainlyWhereTheFileSystemDoes(t *testing.T) {
	_, err := Open(filepath.Join(t.TempDir(), "missing", "checkpoint.db"))
	if !errors.Is(err, os.ErrNotExist) || errors.Is(err, ErrCorrupt) {
		t.Errorf("no folder: %v", err)
	}
}

func TestRealBootIDIsWritten(t *testing.T) {
	s, err := Open(filepath.Join(t.TempDir(), "checkpoint.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	commit(t, s, Change{Acked: 1})
	if id := state(t, s).BootID; len(id) != 36 {
		t.Errorf("boot id %q", id)
	}
}

// Each name must be durable before it is relied on, and what an earlier process left in the page cache too.
func TestNothingIsTrustedBeforeItsFsync(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "data", "checkpoint.db")
	var synced []string
	fail := ""
	syncFile = func(f *os.File) error {
		synced = append(synced, f.Name())
		if f.Name() == fail {
			return unix.EIO
		}
		return f.Sync()
	}
	defer func() { syncFile = (*os.File).Sync }()
	expect := func(what string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, synced); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
		synced = nil
	}
	l, err := TakeLock(t.Context(), filepath.Dir(path), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	expect("make the data directory", dir)

	open(t, path).Close()
	expect("a new checkpoint", path+".new", path, filepath.Dir(path))
	fail = path
	if _, err := openWith(path, testBoot); !errors.Is(err, unix.EIO) || errors.Is(err, ErrCorrupt) {
		t.Errorf("opened although it may not be on the disk: %v", err)
	}
	expect("a checkpoint that was there", path, filepath.Dir(path))
	fail = filepath.Dir(path)
	if _, err := SetAside(path); !errors.Is(err, unix.EIO) {
		t.Errorf("set aside: %v", err)
	}
	expect("set aside", filepath.Dir(path))
	for _, fail = range []string{path + ".new", filepath.Dir(path)} {
		os.Remove(path)
		if _, err := openWith(path, testBoot); !errors.Is(err, unix.EIO) {
			t.Errorf("fsync of %s fails: %v", fail, err)
		}
	}
	fail = ""
	commit(t, open(t, path), Change{Acked: 1})
}

// BenchmarkCommit is one second of a busy node: 200 Files went on.
func BenchmarkCommit(b *testing.B) {
	for _, files := range []int{200, 2000} {
		b.Run(fmt.Sprint(files), func(b *testing.B) {
			s := open(b, filepath.Join(b.TempDir(), "checkpoint.db"))
			all := make([]FileState, 5000)
			for i := range all {
				all[i] = FileState{File: testFile(i)}
			}
			commit(b, s, Change{Files: all})
			b.ReportAllocs()
			index := wal.Index(0)
			for b.Loop() {
				index++
				some := make([]FileState, files)
				for i := range some {
					fs := &all[(int(index)*files+i)%len(all)]
					fs.Offset += 1000
					some[i] = *fs
				}
				commit(b, s, Change{Acked: index, Files: some})
			}
		})
	}
}

// BenchmarkOpen is a start on a node that has met 5000 Files.
func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "checkpoint.db")
	s := open(b, path)
	all := make([]FileState, 5000)
	for i := range all {
		all[i] = FileState{File: testFile(i)}
	}
	commit(b, s, Change{Files: all})
	s.Close()
	for b.Loop() {
		s := open(b, path)
		state(b, s)
		s.Close()
	}
}

// A power cut may lie between the agent and whoever ships its WAL: the agent must see that when it comes back.
func TestACommitFromAwayLeavesTheBootAsItIs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint.db")
	for _, want := range []string{"", "8c0bf3a4-2f9d-4a53-9a94-6b1c33bbd0a1"} {
		if want != "" {
			s := open(t, path)
			commit(t, s, Change{Acked: 2})
			s.Close()
		}
		s, err := OpenAway(path)
		if err != nil {
			t.Fatal(err)
		}
		commit(t, s, Change{Acked: 3, Durable: 4})
		st, err := s.State()
		if err != nil || st.BootID != want || st.Acked != 3 {
			t.Errorf("%+v %v, want boot %q", st, err, want)
		}
		s.Close()
		os.Remove(path)
	}
}
