package checkpoint

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"logboom/wal"
)

// formatVersion is what this release writes, and the newest it reads.
const formatVersion = 1

// The buckets. FORMAT.md says what stands in each.
const (
	metaBucket    = "meta"
	filesBucket   = "files"
	offsetsBucket = "offsets"
	ledgerBucket  = "ledger"
	lastBucket    = "ledger_last"
)

var buckets = []string{metaBucket, filesBucket, offsetsBucket, ledgerBucket, lastBucket}

// Keys of the meta bucket.
const (
	formatKey  = "format"
	ackedKey   = "acked"
	durableKey = "durable"
	bootKey    = "boot_id"
	sealKey    = "seal"
	lostPrefix = "lost/" // + cause
)

// A row of offsets is Offset, Prefix, Tail; and, where those do not say it all, the Account.
const (
	offsetLen  = 8 + 4 + 4
	accountLen = 5 * 8
	moreLen    = 8 // behind an Account that has it: Excluded
)

// rows is the database inside one transaction. All writes go through put and remove, which keep the seal: the sum,
// modulo 2^64, of a digest of every row. A sum can be kept up to date row by row, in any order, and whatever page
// vanishes, comes back or changes, it no longer agrees.
type rows struct {
	tx   *bolt.Tx
	seal uint64
}

// begin reads the seal that put and remove go on from.
func begin(tx *bolt.Tx) *rows {
	r := &rows{tx: tx}
	r.seal = r.number(sealKey)
	return r
}

// end writes the seal. It is the last write of a transaction.
func (r *rows) end() error {
	return r.tx.Bucket([]byte(metaBucket)).Put([]byte(sealKey), binary.BigEndian.AppendUint64(nil, r.seal))
}

func (r *rows) get(bucket string, key []byte) []byte { return r.tx.Bucket([]byte(bucket)).Get(key) }

func (r *rows) put(bucket string, key, value []byte) error {
	if old := r.get(bucket, key); old != nil {
		r.seal -= digest(bucket, key, old)
	}
	r.seal += digest(bucket, key, value)
	return r.tx.Bucket([]byte(bucket)).Put(key, value)
}

func (r *rows) remove(bucket string, key []byte) error {
	old := r.get(bucket, key)
	if old == nil {
		return nil
	}
	r.seal -= digest(bucket, key, old)
	return r.tx.Bucket([]byte(bucket)).Delete(key)
}

// number reads a row of meta; 0 where there is none.
func (r *rows) number(key string) uint64 {
	if v := r.get(metaBucket, []byte(key)); len(v) == 8 {
		return binary.BigEndian.Uint64(v)
	}
	return 0
}

func (r *rows) putNumber(key string, n uint64) error {
	return r.put(metaBucket, []byte(key), binary.BigEndian.AppendUint64(nil, n))
}

// digest is a row's share of the seal.
func digest(bucket string, key, value []byte) uint64 {
	b := make([]byte, 0, 256)
	b = binary.AppendUvarint(b, uint64(len(bucket)))
	b = append(b, bucket...)
	b = binary.AppendUvarint(b, uint64(len(key)))
	b = append(b, key...)
	b = append(b, value...)
	sum := sha256.Sum256(b)
	return binary.BigEndian.Uint64(sum[:])
}

// createRows fills a new database.
func createRows(tx *bolt.Tx) error {
	for _, name := range buckets {
		if _, err := tx.CreateBucket([]byte(name)); err != nil {
			return err
		}
	}
	r := begin(tx)
	if err := r.putNumber(formatKey, formatVersion); err != nil {
		return err
	}
	return r.end()
}

// checkRows says whether every row is as it was written.
func checkRows(tx *bolt.Tx) error {
	meta := tx.Bucket([]byte(metaBucket))
	if meta == nil {
		return fmt.Errorf("%w: no bucket %s", ErrCorrupt, metaBucket)
	}
	version := meta.Get([]byte(formatKey))
	if len(version) != 8 {
		return fmt.Errorf("%w: no format version", ErrCorrupt)
	}
	if v := binary.BigEndian.Uint64(version); v > formatVersion {
		return fmt.Errorf("%w: its format is %d, this release reads up to %d", ErrTooNew, v, formatVersion)
	}
	var sum uint64
	for _, name := range buckets {
		b := tx.Bucket([]byte(name))
		if b == nil {
			return fmt.Errorf("%w: no bucket %s", ErrCorrupt, name)
		}
		if err := b.ForEach(func(k, v []byte) error {
			if name != metaBucket || string(k) != sealKey {
				sum += digest(name, k, v)
			}
			return nil
		}); err != nil {
			return err
		}
	}
	if sum != begin(tx).seal {
		return fmt.Errorf("%w: its rows are not those that were written", ErrCorrupt)
	}
	return nil
}

// State reads all that a start needs.
func (s *Store) State() (State, error) {
	st := State{Files: make(map[wal.FileID]FileState)}
	err := s.transact("read checkpoint", func(db *bolt.DB) error {
		return db.View(func(tx *bolt.Tx) error { return readState(begin(tx), &st) })
	})
	if err != nil {
		return State{}, err
	}
	return st, nil
}

// Lost returns the bytes in the ledger by Cause.
func (s *Store) Lost() (map[string]int64, error) {
	var lost map[string]int64
	err := s.transact("read checkpoint", func(db *bolt.DB) error {
		return db.View(func(tx *bolt.Tx) error {
			lost = readLost(begin(tx))
			return nil
		})
	})
	return lost, err
}

func readLost(r *rows) map[string]int64 {
	all := make(map[string]int64)
	c := r.tx.Bucket([]byte(metaBucket)).Cursor()
	for k, v := c.Seek([]byte(lostPrefix)); bytes.HasPrefix(k, []byte(lostPrefix)) && len(v) == 8; k, v = c.Next() {
		all[string(k[len(lostPrefix):])] = int64(binary.BigEndian.Uint64(v))
	}
	return all
}

func readState(r *rows, st *State) error {
	st.Acked = wal.Index(r.number(ackedKey))
	st.Durable = wal.Index(r.number(durableKey))
	st.Base = wal.Index(r.number(baseKey))
	st.BootID = string(r.get(metaBucket, []byte(bootKey)))
	st.Lost = readLost(r)
	return r.tx.Bucket([]byte(offsetsBucket)).ForEach(func(k, v []byte) error {
		var fs FileState
		if _, ok := fs.decode(v); !ok || len(k) != len(wal.FileID{}) {
			return fmt.Errorf("%w: bad offset of file %x", ErrCorrupt, k)
		}
		if err := json.Unmarshal(r.get(filesBucket, k), &fs.File); err != nil || fs.File == nil || fs.File.ID != wal.FileID(k) {
			return fmt.Errorf("%w: bad description of file %x", ErrCorrupt, k)
		}
		st.Files[fs.File.ID] = fs
		return nil
	})
}

func (fs *FileState) encode(a Account) []byte {
	b := make([]byte, 0, offsetLen+accountLen+moreLen)
	b = binary.BigEndian.AppendUint64(b, uint64(fs.Offset))
	b = binary.BigEndian.AppendUint32(b, fs.Prefix)
	b = binary.BigEndian.AppendUint32(b, fs.Tail)
	if a == (Account{Reach: fs.Offset}) {
		return b
	}
	for _, n := range []int64{int64(a.Start), int64(a.Reach), a.Dead, a.LostRead, a.LostUnread} {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	if a.Excluded != 0 {
		b = binary.BigEndian.AppendUint64(b, uint64(a.Excluded))
	}
	return b
}

// decode fills fs, all but its File, from a row, and returns the account.
func (fs *FileState) decode(b []byte) (a Account, ok bool) {
	if n := len(b); n != offsetLen && n != offsetLen+accountLen && n != offsetLen+accountLen+moreLen {
		return a, false
	}
	fs.Offset = wal.Offset(binary.BigEndian.Uint64(b))
	fs.Prefix = binary.BigEndian.Uint32(b[8:])
	fs.Tail = binary.BigEndian.Uint32(b[12:])
	if b = b[offsetLen:]; len(b) == 0 {
		return Account{Reach: fs.Offset}, true
	}
	number := func(i int) int64 { return int64(binary.BigEndian.Uint64(b[8*i:])) }
	a = Account{Start: wal.Offset(number(0)), Reach: wal.Offset(number(1)), Dead: number(2), LostRead: number(3), LostUnread: number(4)}
	if len(b) > accountLen {
		a.Excluded = number(5)
	}
	return a, true
}
