package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// open opens the store in dir and closes it at the end of the test.
func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func makeIndex(t *testing.T, s *Store, name string) *Index {
	t.Helper()
	x, _, err := s.Make(name)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func apply(t *testing.T, x *Index, ops ...Op) []Outcome {
	t.Helper()
	out, err := x.Apply(ops)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// afterKill opens a copy of what the files hold at this moment: what a process that starts after a SIGKILL finds.
func afterKill(t *testing.T, dir string) *Store {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return open(t, to)
}

func scan(t *testing.T, x *Index) (ids []string) {
	t.Helper()
	if _, err := x.Scan(0, x.End(), func(d *Document) bool {
		ids = append(ids, d.ID+"="+string(d.Source))
		return true
	}); err != nil {
		t.Fatal(err)
	}
	return ids
}

func TestApplyIsDurable(t *testing.T) {
	dir := t.TempDir()
	x := makeIndex(t, open(t, dir), "logs")
	for i := range 10 {
		apply(t, x, Op{Create, fmt.Sprint(i), []byte(`{}`)})
		if x.synced != x.size {
			t.Fatalf("Apply returned with %d of %d bytes on the disk", x.synced, x.size)
		}
	}
	y := afterKill(t, dir).Index("logs")
	if got := len(scan(t, y)); got != 10 {
		t.Errorf("%d of 10 documents after a kill", got)
	}
	if out := apply(t, y, Op{Create, "3", []byte(`{}`)}); !out[0].Conflict {
		t.Error("an id that was stored before the kill was stored again")
	}
}

func TestCreateStoresAnIDOnce(t *testing.T) {
	x := makeIndex(t, open(t, t.TempDir()), "logs")
	out := apply(t, x, Op{Create, "a", []byte(`{"n":1}`)}, Op{Create, "a", []byte(`{"n":2}`)}, Op{Create, "b", []byte(`{}`)})
	if out[0].Conflict || !out[1].Conflict || out[2].Conflict {
		t.Fatalf("conflicts: %+v", out)
	}
	if out[1].Version != 1 {
		t.Errorf("conflict with version %d, want 1", out[1].Version)
	}
	if d, known, err := x.Get("a"); err != nil || !known || string(d.Source) != `{"n":1}` {
		t.Errorf("a = %s, %v, %v", d.Source, known, err)
	}
}

func TestPutReplacesAndDeleteForgets(t *testing.T) {
	dir := t.TempDir()
	x := makeIndex(t, open(t, dir), "logs")
	apply(t, x, Op{Create, "a", []byte(`1`)}, Op{Create, "b", []byte(`2`)}, Op{Create, "c", []byte(`3`)})
	out := apply(t, x, Op{Put, "a", []byte(`4`)}, Op{Delete, "b", nil}, Op{Delete, "nobody", nil})
	if out[0].Version != 2 || !out[0].Existed || !out[1].Existed || out[2].Existed {
		t.Errorf("outcomes: %+v", out)
	}
	for _, x := range []*Index{x, afterKill(t, dir).Index("logs")} {
		if got := fmt.Sprint(scan(t, x)); got != "[c=3 a=4]" {
			t.Errorf("documents: %s", got)
		}
	}
	if out := apply(t, x, Op{Create, "b", []byte(`5`)}); out[0].Conflict {
		t.Error("a deleted id was held against a new document")
	}
}

func TestTornTailIsCutOffAndTheRestSurvives(t *testing.T) {
	whole := t.TempDir()
	x := makeIndex(t, open(t, whole), "logs")
	apply(t, x, Op{Create, "first", []byte(`{"n":1}`)})
	kept := x.End()
	apply(t, x, Op{Create, "second", []byte(`{"n":2}`)})
	data, err := os.ReadFile(filepath.Join(whole, "logs.docs"))
	if err != nil {
		t.Fatal(err)
	}
	reopen := func(what string, data []byte) {
		t.Helper()
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "logs.docs"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		y := open(t, dir).Index("logs")
		if got := fmt.Sprint(scan(t, y)); got != `[first={"n":1}]` {
			t.Errorf("%s: documents %s", what, got)
		}
		apply(t, y, Op{Create, "third", []byte(`{"n":3}`)})
		if got := fmt.Sprint(scan(t, afterKill(t, dir).Index("logs"))); got != `[first={"n":1} third={"n":3}]` {
			t.Errorf("%s: after going on: documents %s", what, got)
		}
	}
	for end := kept; end < int64(len(data)); end++ {
		reopen(fmt.Sprintf("cut at byte %d", end), data[:end])
	}
	for at := kept; at < int64(len(data)); at++ {
		damaged := append([]byte(nil), data...)
		damaged[at] ^= 0x40
		reopen(fmt.Sprintf("byte %d turned", at), damaged)
	}
}

func TestNothingBehindADamagedRecordComesBack(t *testing.T) {
	dir := t.TempDir()
	x := makeIndex(t, open(t, dir), "logs")
	apply(t, x, Op{Create, "1", []byte(`{}`)})
	at := x.End()
	apply(t, x, Op{Create, "2", []byte(`{}`)}, Op{Create, "3", []byte(`{}`)})
	data, err := os.ReadFile(filepath.Join(dir, "logs.docs"))
	if err != nil {
		t.Fatal(err)
	}
	data[at+headBytes] ^= 1
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "logs.docs"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	apply(t, open(t, dir).Index("logs"), Op{Create, "4", []byte(`{}`)}) // as long as the damaged one, in its place
	if got := fmt.Sprint(scan(t, afterKill(t, dir).Index("logs"))); got != "[1={} 4={}]" {
		t.Errorf("documents: %s", got)
	}
}

func TestConcurrentCallersShareFsyncsAndLoseNothing(t *testing.T) {
	dir := t.TempDir()
	x := makeIndex(t, open(t, dir), "logs")
	const callers, each = 8, 25
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for i := range each {
				if _, err := x.Apply([]Op{{Create, fmt.Sprintf("%d-%d", c, i), []byte(`{}`)}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := len(scan(t, afterKill(t, dir).Index("logs"))); got != callers*each {
		t.Errorf("%d of %d documents after a kill", got, callers*each)
	}
}

func TestFailedWriteIsNeverFollowedByAnother(t *testing.T) {
	dir := t.TempDir()
	x := makeIndex(t, open(t, dir), "logs")
	apply(t, x, Op{Create, "a", []byte(`{}`)})
	real := x.file
	readOnly, err := os.Open(filepath.Join(dir, "logs.docs"))
	if err != nil {
		t.Fatal(err)
	}
	defer readOnly.Close()
	x.file = readOnly
	if _, err := x.Apply([]Op{{Create, "b", []byte(`{}`)}}); err == nil {
		t.Fatal("a write that failed was acknowledged")
	}
	x.file = real
	if _, err := x.Apply([]Op{{Create, "b", []byte(`{}`)}}); err == nil {
		t.Error("went on after a failed write, with ids in memory that are not in the file")
	}
	if got := fmt.Sprint(scan(t, afterKill(t, dir).Index("logs"))); got != "[a={}]" {
		t.Errorf("documents: %s", got)
	}
}

func TestFailedFsyncAcknowledgesNothingEverAfter(t *testing.T) {
	x := makeIndex(t, open(t, t.TempDir()), "logs")
	apply(t, x, Op{Create, "a", []byte(`{}`)})
	broken := errors.New("disk broken")
	x.sync = func() error { return broken }
	if _, err := x.Apply([]Op{{Create, "b", []byte(`{}`)}}); !errors.Is(err, broken) {
		t.Fatalf("a failed fsync was acknowledged: %v", err)
	}
	x.sync = x.file.Sync
	for _, id := range []string{"b", "c"} { // b would be a conflict, with a document that may not be on the disk
		if _, err := x.Apply([]Op{{Create, id, []byte(`{}`)}}); !errors.Is(err, broken) {
			t.Errorf("%s was acknowledged after a failed fsync: %v", id, err)
		}
	}
}

func TestConflictWaitsForTheDocumentItSpeaksOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := makeIndex(t, open(t, t.TempDir()), "logs")
		synced := make(chan struct{})
		x.sync = func() error { <-synced; return nil }
		var answered atomic.Int32
		for range 2 {
			go func() {
				if _, err := x.Apply([]Op{{Create, "a", []byte(`{}`)}}); err == nil {
					answered.Add(1)
				}
			}()
			synctest.Wait()
		}
		if n := answered.Load(); n != 0 {
			t.Errorf("%d callers were answered before the fsync", n)
		}
		close(synced)
		synctest.Wait()
		if n := answered.Load(); n != 2 {
			t.Errorf("%d of 2 callers were answered after it", n)
		}
	})
}

func TestSecondProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	if second, err := Open(dir, t.Logf); !errors.Is(err, ErrLocked) {
		second.Close()
		t.Errorf("a second store in one folder: %v", err)
	}
}

func TestIndexNamesAreThoseOfElasticsearch(t *testing.T) {
	for name, want := range map[string]bool{
		"logs": true, ".hidden": true, "logs-2026.11.22": true,
		"": false, ".": false, "..": false, "a/b": false, "Upper": false, "_a": false, "-a": false, "a*": false, "a,b": false,
	} {
		if err := ValidName(name); (err == nil) != want {
			t.Errorf("ValidName(%q) = %v", name, err)
		}
	}
}

func TestScanGoesOnWhereItStopped(t *testing.T) {
	x := makeIndex(t, open(t, t.TempDir()), "logs")
	for i := range 5 {
		apply(t, x, Op{Create, fmt.Sprint(i), []byte(`{}`)})
	}
	end, pos, ids := x.End(), int64(0), ""
	apply(t, x, Op{Create, "late", []byte(`{}`)})
	for pos < end {
		var err error
		if pos, err = x.Scan(pos, end, func(d *Document) bool { ids += d.ID + " "; return false }); err != nil {
			t.Fatal(err)
		}
	}
	if ids != "0 1 2 3 4 " {
		t.Errorf("scanned %q", ids)
	}
}
