package cutfs

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	tidwall "github.com/tidwall/wal"
	"go.etcd.io/bbolt"
)

// The libraries that logboom stands on must keep what they promised, in a process of their own: a process that maps a
// file which it serves itself can wait for itself.

// children are the programs that this test binary is when it is started as one. Each prints the number of every item
// that is durable, and check reads back the last one.
var children = map[string]func(dir string) error{
	"bbolt": bboltWriter, "bbolt-check": bboltCheck, "tidwall": tidwallWriter, "tidwall-check": tidwallCheck,
}

const childEnv = "CUTFS_CHILD"

func TestMain(m *testing.M) {
	words := strings.Fields(os.Getenv(childEnv))
	if len(words) == 0 {
		os.Exit(m.Run())
	}
	if err := children[words[0]](words[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func TestBboltKeepsEveryTransaction(t *testing.T)   { cutLibrary(t, "bbolt") }
func TestTidwallKeepsEverySyncedEntry(t *testing.T) { cutLibrary(t, "tidwall") }

// cutLibrary cuts the power 50 times while a library writes, at a random operation.
func cutLibrary(t *testing.T, library string) {
	for mode, word := range []string{"chaotic", "journal"} {
		t.Run(word, func(t *testing.T) {
			f, dir := mount(t, Options{Mode: Mode(mode)})
			r, promised := rand.New(rand.NewPCG(uint64(mode), 3)), 0
			for range 25 {
				seed := r.Uint64()
				f.Inject(Rule{Op: Change, Skip: r.IntN(300), Times: 1, Cut: true, Seed: seed})
				promised = max(promised, runChild(t, f, library, dir))
				if err := f.Restart(); err != nil {
					t.Fatal(err)
				}
				found, err := child(library+"-check", dir).Output()
				if err != nil {
					t.Fatalf("after the cut with seed %d: %v\n%s%s", seed, err, stderr(err), f.Lost())
				}
				if last, _ := strconv.Atoi(strings.TrimSpace(string(found))); last < promised {
					t.Fatalf("after the cut with seed %d: item %d is the last, %d was promised\n%s", seed, last, promised, f.Lost())
				}
			}
			if promised < 100 {
				t.Errorf("only %d items were written", promised)
			}
		})
	}
}

func child(library, dir string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+library+" "+dir)
	return cmd
}

func stderr(err error) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return string(exit.Stderr)
	}
	return ""
}

// runChild runs the writer until the power goes, and returns the last number that it printed.
func runChild(t *testing.T, f *FS, library, dir string) int {
	t.Helper()
	cmd := child(library, dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	printed := make(chan int)
	go func() {
		last := 0
		for lines := bufio.NewScanner(out); lines.Scan(); {
			last, _ = strconv.Atoi(lines.Text())
		}
		printed <- last
	}()
	select {
	case <-f.Off():
	case <-time.After(5 * time.Minute):
		t.Error("the power did not go within five minutes")
	}
	cmd.Process.Kill()
	last := <-printed
	cmd.Wait() // killed, or ended by the I/O error
	return last
}

func syncPath(p string) error {
	f, err := os.Open(p)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

var bucket = []byte("items")

func key(i int) []byte { return binary.BigEndian.AppendUint64(nil, uint64(i)) }

func bboltOpen(dir string) (*bbolt.DB, error) {
	return bbolt.Open(filepath.Join(dir, "items.db"), 0o600, &bbolt.Options{Timeout: time.Minute})
}

// bboltWriter commits items of random size. bbolt does not fsync the folder that names its file: that is for its user.
func bboltWriter(dir string) error {
	db, err := bboltOpen(dir)
	if err != nil {
		return err
	}
	if err := syncPath(dir); err != nil {
		return err
	}
	for {
		last := 0
		err := db.Update(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists(bucket)
			if err != nil {
				return err
			}
			if k, _ := b.Cursor().Last(); k != nil {
				last = int(binary.BigEndian.Uint64(k))
			}
			last++
			return b.Put(key(last), item(last))
		})
		if err != nil {
			return err
		}
		fmt.Println(last)
	}
}

// item is what number i holds.
func item(i int) []byte {
	r := rand.New(rand.NewPCG(uint64(i), 4))
	data := make([]byte, 4+r.IntN(3000))
	for k := range data[4:] {
		data[4+k] = byte(r.Uint32())
	}
	binary.BigEndian.PutUint32(data, crc32.ChecksumIEEE(data[4:]))
	return data
}

// bboltCheck prints the last item, if the database is whole and no item is missing before it.
func bboltCheck(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "items.db")); errors.Is(err, os.ErrNotExist) {
		fmt.Println(0)
		return nil
	}
	db, err := bboltOpen(dir)
	if err != nil {
		return err
	}
	return db.View(func(tx *bbolt.Tx) error {
		var wrong error
		for err := range tx.Check() {
			wrong = errors.Join(wrong, err)
		}
		last := 0
		if b := tx.Bucket(bucket); b != nil {
			for k, data := b.Cursor().First(); k != nil; k, data = b.Cursor().Seek(key(last + 1)) {
				last++
				if string(k) != string(key(last)) || string(data) != string(item(last)) {
					return errors.Join(wrong, fmt.Errorf("item %d is missing or wrong", last))
				}
			}
		}
		fmt.Println(last)
		return wrong
	})
}

// tidwallWriter begins a new log behind what the one before kept, as logboom's WAL does: a torn entry is never appended
// to.
func tidwallWriter(dir string) error {
	first, err := tidwallLast(dir)
	if err != nil {
		return err
	}
	at := filepath.Join(dir, fmt.Sprintf("log-%020d", first+1))
	if err := os.RemoveAll(at); err != nil { // holds nothing: all its entries were torn
		return err
	}
	log, err := tidwall.Open(at, &tidwall.Options{NoSync: true, SegmentSize: 1 << 30})
	if err != nil {
		return err
	}
	for i := 1; ; i++ {
		if err := log.Write(uint64(i), item(first+i)); err != nil {
			return err
		}
		if i%3 != 0 {
			continue
		}
		if err := log.Sync(); err != nil {
			return err
		}
		if i == 3 { // it does not fsync folders
			if err := errors.Join(syncPath(at), syncPath(dir)); err != nil {
				return err
			}
		}
		fmt.Println(first + i)
	}
}

func tidwallCheck(dir string) error {
	last, err := tidwallLast(dir)
	fmt.Println(last)
	return err
}

// tidwallLast reads all logs of dir in order, each up to its first torn entry, and returns the last item.
func tidwallLast(dir string) (int, error) {
	logs, err := filepath.Glob(filepath.Join(dir, "log-*", "*"))
	if err != nil {
		return 0, err
	}
	last := 0
	for _, log := range logs {
		first, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(filepath.Dir(log)), "log-"))
		if err != nil || first > last+1 {
			return 0, fmt.Errorf("%s begins behind item %d: %v", log, last, err)
		}
		f, err := os.Open(log)
		if err != nil {
			return 0, err
		}
		count := tidwallEntries(bufio.NewReader(f), first)
		last = max(last, first-1+count)
		f.Close()
	}
	return last, nil
}

// tidwallEntries counts the whole entries from the log's beginning on: each is a length and the data.
func tidwallEntries(in *bufio.Reader, first int) int {
	for count := 0; ; count++ {
		size, err := binary.ReadUvarint(in)
		if err != nil || size > 1<<20 {
			return count
		}
		data := make([]byte, size)
		if _, err := io.ReadFull(in, data); err != nil || string(data) != string(item(first+count)) {
			return count
		}
	}
}
