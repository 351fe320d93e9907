package checkpoint

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"logboom/wal"
)

var update = flag.Bool("update", false, "write the files in testdata anew: only with a new format version")

// goldenContent is what testdata/checkpoint-v1.db says.
func goldenContent() content {
	at := time.Date(2026, 11, 22, 16, 11, 0, 123456789, time.UTC)
	a, b := testFile(1), testFile(2)
	return content{
		State: State{Acked: 1234, Durable: 1300, BootID: "8c0bf3a4-2f9d-4a53-9a94-6b1c33bbd0a1",
			Files: map[wal.FileID]FileState{a.ID: {a, 1 << 40, 0xdeadbeef, 0x01020304}, b.ID: {b, 77, 7, 8}},
			Lost:  map[string]int64{CauseTruncated: 90, CauseDamaged: 5}},
		Losses: []Loss{
			{Time: at, File: a, Start: 10, End: 100, AtLeast: true, Cause: CauseTruncated, Detail: "copytruncate", Since: at, Until: at.Add(time.Second)},
			{Time: at, File: b, Start: 0, End: 5, Cause: CauseDamaged, Since: at, Until: at},
		},
	}
}

// A release reads what an earlier one wrote, bit by bit as FORMAT.md says.
func TestFormatVersion1IsReadForEver(t *testing.T) {
	const golden = "testdata/checkpoint-v1.db"
	want := goldenContent()
	if *update {
		writeGolden(t, golden, want)
	}
	s := openGolden(t, golden)
	got, err := read(s)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	commit(t, s, Change{Acked: 1235})

	row := FileState{Offset: 1 << 40, Prefix: 0xdeadbeef, Tail: 0x01020304}
	if diff := cmp.Diff([]byte("\x00\x00\x01\x00\x00\x00\x00\x00\xde\xad\xbe\xef\x01\x02\x03\x04"), row.encode(Account{Reach: row.Offset})); diff != "" {
		t.Error(diff)
	}
	text, err := json.Marshal(want.Losses[1])
	if err != nil {
		t.Fatal(err)
	}
	const wantText = `{"time":"2026-11-22T16:11:00.123456789Z","file":{"id":"020000000000000000000000000000fe",`
	if string(text[:len(wantText)]) != wantText {
		t.Errorf("%s", text)
	}
}

// The long rows of offsets, and the account of Files that were forgotten.
func TestAccountsOfVersion1AreReadForEver(t *testing.T) {
	const golden = "testdata/checkpoint-v1-accounts.db"
	a, b := testFile(1), testFile(2)
	a.Start = 5
	want := Accounts{Files: map[wal.FileID]Account{a.ID: {5, 120, 11, 12, 13, 0}}, Gone: Account{0, 70, 0, 0, 6, 0},
		Lost: map[string]int64{CauseDropped: 12, CauseTruncated: 13, CauseDeleted: 6}}
	if *update {
		writeGoldenChanges(t, golden, Change{Acked: 1, Dead: []DeadLetters{{1, a, 20, 11}}, Files: []FileState{{a, 100, 1, 2}, {b, 70, 3, 4}}},
			Change{Acked: 2, Losses: []Loss{{File: a, Start: 108, End: 120, Read: true, Cause: CauseDropped}, {File: a, Start: 120, End: 133, Cause: CauseTruncated}}},
			Change{Losses: []Loss{{File: b, Start: 70, End: 76, Cause: CauseDeleted}}, Forget: []wal.FileID{b.ID}})
	}
	s := openGolden(t, golden)
	if diff := cmp.Diff(want, accounts(t, s)); diff != "" {
		t.Error(diff)
	}
	if st := state(t, s); st.Acked != 2 || st.Files[a.ID].Offset != 100 || st.Files[a.ID].Tail != 2 {
		t.Errorf("%+v", st)
	}
}

func openGolden(t *testing.T, golden string) *Store {
	t.Helper()
	file, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "checkpoint.db")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return open(t, path)
}

func writeGolden(t *testing.T, path string, c content) {
	t.Helper()
	change := Change{Acked: c.State.Acked, Durable: c.State.Durable, Losses: c.Losses}
	for _, fs := range c.State.Files {
		change.Files = append(change.Files, fs)
	}
	writeGoldenChanges(t, path, change)
}

func writeGoldenChanges(t *testing.T, path string, changes ...Change) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	s := open(t, path)
	for _, c := range changes {
		commit(t, s, c)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
