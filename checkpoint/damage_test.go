package checkpoint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"logboom/wal"
)

// content is all that a checkpoint says.
type content struct {
	State  State
	Losses []Loss
}

func read(s *Store) (content, error) {
	st, err := s.State()
	if err != nil {
		return content{}, err
	}
	c := content{State: st}
	return c, s.Losses(func(l Loss) error { c.Losses = append(c.Losses, l); return nil })
}

// healthy returns the bytes of a checkpoint with trees of more than one level, and what it and the Commit before it say.
func healthy(t testing.TB) (file []byte, last, before content) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "checkpoint.db")
	s := open(t, path)
	for round := range 4 {
		c := Change{Acked: wal.Index(round + 1), Durable: wal.Index(round + 2)}
		for i := range 90 {
			c.Files = append(c.Files, FileState{testFile(i), wal.Offset(1000 * round), uint32(i), uint32(round)})
			if i%10 == 0 {
				c.Losses = append(c.Losses, Loss{File: testFile(i), Start: wal.Offset(10 * round), End: wal.Offset(10*round + 3), Cause: CauseDamaged})
			}
		}
		before = last
		commit(t, s, c)
		var err error
		if last, err = read(s); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return file, last, before
}

// A file that can't be trusted is refused; any other says what it said, or (one meta page of two gone) what it said one
// Commit earlier, and takes Commits. Nothing panics, hangs or eats the memory.
func TestDamageIsRefusedOrHarmless(t *testing.T) {
	file, last, before := healthy(t)
	dir := t.TempDir()
	refused, harmless := 0, 0
	try := func(t *testing.T, damaged []byte) (refusedIt bool) {
		t.Helper()
		path := filepath.Join(dir, "checkpoint.db")
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := openWith(path, testBoot)
		if errors.Is(err, ErrCorrupt) || errors.Is(err, ErrTooNew) {
			refused++
			return true
		}
		if err != nil {
			t.Fatalf("neither open nor ErrCorrupt: %v", err)
		}
		defer s.Close()
		harmless++
		got, err := read(s)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(last, got); diff != "" && cmp.Diff(before, got) != "" {
			t.Fatalf("opens, and says something else: %s", diff)
		}
		commit(t, s, Change{Files: []FileState{{testFile(3), 9000, 1, 1}}})
		return false
	}

	whole := map[string][]byte{
		"untouched":   file,
		"empty":       {},
		"one byte":    file[:1],
		"wrong magic": bytes.ReplaceAll(file, binary.NativeEndian.AppendUint32(nil, boltMagic), []byte("lite")),
		"zeros":       make([]byte, len(file)),
		"text":        bytes.Repeat([]byte("not a checkpoint\n"), 4000),
		"half":        file[:len(file)/2],
	}
	for name, b := range whole {
		t.Run(name, func(t *testing.T) {
			if try(t, b) != (name != "untouched") {
				t.Errorf("refused: %v", name == "untouched")
			}
		})
	}
	t.Run("cut short", func(t *testing.T) {
		for n := 0; n < len(file); n += pageSize / 2 {
			try(t, file[:n])
		}
	})
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	pages := len(file) / pageSize
	for name, harm := range map[string]func(page []byte){
		"zeroed":      func(p []byte) { clear(p) },
		"ones":        func(p []byte) { copy(p, bytes.Repeat([]byte{0xff}, len(p))) },
		"noise":       func(p []byte) { fill(rng, p) },
		"half page":   func(p []byte) { fill(rng, p[pageSize/2:]) },
		"sector":      func(p []byte) { clear(p[512:1024]) },
		"header":      func(p []byte) { fill(rng, p[:pageHeader]) },
		"misdirected": func(p []byte) { copy(p, file[rng.IntN(pages)*pageSize:][:pageSize]) },
		"stale": func(p []byte) { // another page's bytes under this page's number
			id := binary.NativeEndian.Uint64(p)
			copy(p, file[(2+rng.IntN(pages-2))*pageSize:][:pageSize])
			binary.NativeEndian.PutUint64(p, id)
		},
	} {
		t.Run("page "+name, func(t *testing.T) {
			for page := range pages {
				damaged := bytes.Clone(file)
				harm(damaged[page*pageSize:][:pageSize])
				try(t, damaged)
			}
		})
	}
	t.Run("bits", func(t *testing.T) {
		for range 300 {
			damaged := bytes.Clone(file)
			for range 1 + rng.IntN(3) {
				page := rng.IntN(pages) * pageSize
				damaged[page+rng.IntN([]int{pageSize, 64}[rng.IntN(2)])] ^= 1 << rng.IntN(8)
			}
			try(t, damaged)
		}
	})
	t.Logf("%d pages; %d refused, %d harmless", pages, refused, harmless)
	if refused < 100 || harmless < 20 {
		t.Errorf("the damages do not reach far enough")
	}
}

func fill(rng *rand.Rand, b []byte) {
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
}

// Rows that are gone or old, in a file whose tree is whole, are what a lost write leaves.
func TestRowsThatNobodyWroteAreNoticed(t *testing.T) {
	file, _, _ := healthy(t)
	id := testFile(7).ID
	for name, harm := range map[string]func(tx *bolt.Tx) error{
		"offset gone":       func(tx *bolt.Tx) error { return tx.Bucket([]byte(offsetsBucket)).Delete(id[:]) },
		"offset ahead":      func(tx *bolt.Tx) error { return tx.Bucket([]byte(offsetsBucket)).Put(id[:], make([]byte, offsetLen)) },
		"description gone":  func(tx *bolt.Tx) error { return tx.Bucket([]byte(filesBucket)).Delete(id[:]) },
		"ledger entry gone": func(tx *bolt.Tx) error { return tx.Bucket([]byte(ledgerBucket)).Delete(sequenceKey(5)) },
		"acked ahead":       func(tx *bolt.Tx) error { return tx.Bucket([]byte(metaBucket)).Put([]byte(ackedKey), sequenceKey(99)) },
		"bucket gone":       func(tx *bolt.Tx) error { return tx.DeleteBucket([]byte(lastBucket)) },
		"no format":         func(tx *bolt.Tx) error { return tx.Bucket([]byte(metaBucket)).Delete([]byte(formatKey)) },
		"moved to another bucket": func(tx *bolt.Tx) error {
			row := bytes.Clone(tx.Bucket([]byte(offsetsBucket)).Get(id[:]))
			return errors.Join(tx.Bucket([]byte(offsetsBucket)).Delete(id[:]), tx.Bucket([]byte(ledgerBucket)).Put(id[:], row))
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "checkpoint.db")
			behindTheBack(t, path, file, harm)
			if s, err := openWith(path, testBoot); !errors.Is(err, ErrCorrupt) {
				t.Errorf("opened: %v, %v", s, err)
			}
		})
	}
}

func TestANewerFormatIsNotDamage(t *testing.T) {
	file, _, _ := healthy(t)
	path := filepath.Join(t.TempDir(), "checkpoint.db")
	behindTheBack(t, path, file, func(tx *bolt.Tx) error {
		return tx.Bucket([]byte(metaBucket)).Put([]byte(formatKey), sequenceKey(formatVersion+1))
	})
	if _, err := openWith(path, testBoot); !errors.Is(err, ErrTooNew) || errors.Is(err, ErrCorrupt) {
		t.Errorf("%v; want ErrTooNew", err)
	}
}

// behindTheBack writes file to path and changes its rows without keeping the seal.
func behindTheBack(t *testing.T, path string, file []byte, harm func(*bolt.Tx) error) {
	t.Helper()
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(harm), db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestADirectoryInThePlaceIsDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint.db")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := openWith(path, testBoot); !errors.Is(err, ErrCorrupt) {
		t.Fatal(err)
	}
	if _, err := SetAside(path); err != nil {
		t.Fatal(err)
	}
	commit(t, open(t, path), Change{Acked: 1})
}

// The file is cut under the mmap: the next read faults (SIGBUS), which must not end the process.
func TestAFaultUnderTheMapIsDamage(t *testing.T) {
	for _, call := range []string{"State", "Commit", "Losses", "Close"} {
		t.Run(call, func(t *testing.T) {
			file, _, _ := healthy(t)
			path := filepath.Join(t.TempDir(), "checkpoint.db")
			if err := os.WriteFile(path, file, 0o600); err != nil {
				t.Fatal(err)
			}
			s := open(t, path)
			if err := os.Truncate(path, 2*pageSize); err != nil {
				t.Fatal(err)
			}
			var err error
			switch call {
			case "State":
				_, err = s.State()
			case "Commit":
				err = s.Commit(Change{Acked: 99, Files: []FileState{{testFile(1), 99999, 0, 0}}})
			case "Losses":
				err = s.Losses(func(Loss) error { return nil })
			case "Close":
				if err = s.Close(); err != nil {
					t.Fatal(err)
				}
				_, err = openWith(path, testBoot)
			}
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("%v; want ErrCorrupt", err)
			}
			if err := s.Commit(Change{}); err == nil {
				t.Error("the Store goes on")
			}
			s.Close()
			if _, err := SetAside(path); err != nil {
				t.Fatal(err)
			}
			commit(t, open(t, path), Change{Acked: 1})
		})
	}
}

// A disk that takes no writes for a while costs nothing but time.
func TestAFailedCommitChangesNothingAndTheNextOneWorks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint.db")
	s := open(t, path)
	f := testFile(1)
	loss := Loss{File: f, Start: 0, End: 10, Cause: CauseDeleted}
	commit(t, s, Change{Acked: 5, Files: []FileState{{f, 100, 1, 1}}})
	want := state(t, s)
	next := Change{Acked: 6, Files: []FileState{{f, 200, 2, 2}, {testFile(2), 5, 0, 0}}, Losses: []Loss{loss}}
	for round := range 3 {
		readOnly, err := unix.Open(path, unix.O_RDONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.Dup3(readOnly, int(s.file.Fd()), unix.O_CLOEXEC); err != nil { // from now on writes fail
			t.Fatal(err)
		}
		unix.Close(readOnly)
		if err := s.Commit(next); !errors.Is(err, unix.EBADF) || errors.Is(err, ErrCorrupt) {
			t.Fatalf("round %d: %v", round, err)
		}
		if diff := cmp.Diff(want, state(t, s)); diff != "" {
			t.Fatal(diff)
		}
	}
	commit(t, s, next)
	commit(t, s, next) // as after an fsync that failed with everything written
	s.Close()
	s = open(t, path)
	st := state(t, s)
	if st.Acked != 6 || st.Files[f.ID].Offset != 200 || len(st.Files) != 2 || st.Lost[CauseDeleted] != 10 || len(losses(t, s)) != 1 {
		t.Errorf("%+v", st)
	}
}

func TestSetAsideKeepsTheNewestThree(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "checkpoint.db")
	neighbour := filepath.Join(dir, "checkpoint.db.corrupt")
	if err := os.WriteFile(neighbour, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var names []string
	for i := range 5 {
		if err := os.WriteFile(path, fmt.Append(nil, i), 0o600); err != nil {
			t.Fatal(err)
		}
		name, err := SetAside(path)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	left, err := asides(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(names[2:], left); diff != "" {
		t.Error(diff)
	}
	if b, err := os.ReadFile(names[4]); err != nil || string(b) != "4" {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := os.Stat(neighbour); err != nil {
		t.Error(err)
	}
	if _, err := SetAside(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nothing to set aside: %v", err)
	}
}
