package checkpoint

import (
	"encoding/binary"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"logboom/wal"
)

// Letters is how the dead-letter store changes. What a letter says stands in the store's own log, of which this package knows
// the Indexes only; which of its Blocks count, and which were settled, stands here, because the accounts change with it.
type Letters struct {
	Base    wal.Index // letters up to it are in no account: they were there before this checkpoint was. The first one holds
	Counted wal.Index // those up to it are in the accounts; what comes behind it after a crash was never acknowledged
	Settled []Settled
	Gone    wal.Index // all Blocks up to it are settled, and their Segments may be removed when this is committed
}

// Settled says that no letter of a Block is one any more. It counts once, however often it is committed.
type Settled struct {
	Index wal.Index
	Parts []LetterPart // of the letters that were stored or lost; others stand in a later Block now
}

// LetterPart is the bytes that a letter has of one File. Its Event may go on in the next one.
type LetterPart struct {
	File  wal.FileID
	Bytes int64
	Lost  *Loss // nil: the backend has them
}

// LetterState is what is known of the store.
type LetterState struct {
	Known               bool // false: no commit has spoken of it
	Base, Counted, Gone wal.Index
	Settled             IndexSet
}

// letterKind is the kind of ledger entries of dead letters.
const letterKind = "/letter"

// Keys of the meta bucket.
const (
	lettersBaseKey    = "letters/base"
	lettersCountedKey = "letters/counted"
	lettersGoneKey    = "letters/gone"
	lettersPrefix     = "letters/settled/" // + the number of a chunk: a set of Indexes
)

// Letters returns what is known of the dead-letter store.
func (s *Store) Letters() (LetterState, error) {
	st := LetterState{Settled: IndexSet{}}
	err := s.transact("read checkpoint", func(db *bolt.DB) error {
		return db.View(func(tx *bolt.Tx) error {
			r := begin(tx)
			st.Known = r.get(metaBucket, []byte(lettersCountedKey)) != nil
			st.Base, st.Counted, st.Gone = wal.Index(r.number(lettersBaseKey)), wal.Index(r.number(lettersCountedKey)), wal.Index(r.number(lettersGoneKey))
			return r.chunks(func(n uint64, chunk []byte) error {
				if len(chunk) != chunkBytes {
					return fmt.Errorf("%w: bad set of dead letters", ErrCorrupt)
				}
				st.Settled[n] = (*[chunkBytes]byte)(append([]byte(nil), chunk...))
				return nil
			})
		})
	})
	return st, err
}

// IndexSet is a set of Indexes, by chunks.
type IndexSet map[uint64]*[chunkBytes]byte

const (
	chunkBits  = 4096 // Indexes
	chunkBytes = chunkBits / 8
)

// Has says whether n is in s.
func (s IndexSet) Has(n wal.Index) bool {
	chunk := s[uint64(n)/chunkBits]
	return chunk != nil && chunk[n%chunkBits/8]&(1<<(n%8)) != 0
}

// Add puts n into s.
func (s IndexSet) Add(n wal.Index) {
	chunk := s[uint64(n)/chunkBits]
	if chunk == nil {
		chunk = new([chunkBytes]byte)
		s[uint64(n)/chunkBits] = chunk
	}
	chunk[n%chunkBits/8] |= 1 << (n % 8)
}

// Forget drops chunks that hold nothing behind n.
func (s IndexSet) Forget(n wal.Index) {
	for chunk := range s {
		if chunk < uint64(n)/chunkBits {
			delete(s, chunk)
		}
	}
}

func chunkKey(n uint64) []byte { return binary.BigEndian.AppendUint64([]byte(lettersPrefix), n) }

func (r *rows) chunks(fn func(n uint64, chunk []byte) error) error {
	c := r.tx.Bucket([]byte(metaBucket)).Cursor()
	for k, v := c.Seek([]byte(lettersPrefix)); len(k) == len(lettersPrefix)+8 && string(k[:len(lettersPrefix)]) == lettersPrefix; k, v = c.Next() {
		if err := fn(binary.BigEndian.Uint64(k[len(lettersPrefix):]), v); err != nil {
			return err
		}
	}
	return nil
}

// applyLetters comes behind the dead letters of the same Change, which it may settle.
func applyLetters(r *rows, l *Letters) error {
	base, gone := wal.Index(r.number(lettersBaseKey)), wal.Index(r.number(lettersGoneKey))
	if r.get(metaBucket, []byte(lettersCountedKey)) == nil {
		base = l.Base
		if err := r.putNumber(lettersBaseKey, uint64(base)); err != nil {
			return err
		}
	}
	counted := max(wal.Index(r.number(lettersCountedKey)), l.Counted, base)
	if err := r.putNumber(lettersCountedKey, uint64(counted)); err != nil {
		return err
	}
	for i := range l.Settled {
		if s := &l.Settled[i]; s.Index > gone {
			if err := settleLetters(r, s, s.Index > base); err != nil {
				return err
			}
		}
	}
	if l.Gone <= gone {
		return nil
	}
	if err := r.putNumber(lettersGoneKey, uint64(l.Gone)); err != nil {
		return err
	}
	var passed [][]byte
	err := r.chunks(func(n uint64, _ []byte) error {
		if n < uint64(l.Gone)/chunkBits {
			passed = append(passed, chunkKey(n))
		}
		return nil
	})
	for _, key := range passed {
		if err == nil {
			err = r.remove(metaBucket, key)
		}
	}
	return err
}

func settleLetters(r *rows, s *Settled, counted bool) error {
	key := chunkKey(uint64(s.Index) / chunkBits)
	chunk := make([]byte, chunkBytes)
	copy(chunk, r.get(metaBucket, key))
	if chunk[s.Index%chunkBits/8]&(1<<(s.Index%8)) != 0 {
		return nil // by an earlier commit
	}
	chunk[s.Index%chunkBits/8] |= 1 << (s.Index % 8)
	for i := range s.Parts {
		if err := leave(r, &s.Parts[i], counted); err != nil {
			return err
		}
	}
	return r.put(metaBucket, key, chunk)
}

// leave takes a letter's bytes out of what an account calls dead. They are in none when the checkpoint that counted them is
// lost. Whether such a letter was read again since, and stored, nobody knows: when it is given up, it is lost for all we
// know, and counts with the Files that are forgotten.
//
// What is lost is what leaves the dead letters, to the byte: the range in the ledger may hold what others have between.
func leave(r *rows, p *LetterPart, counted bool) error {
	row := r.get(offsetsBucket, p.File[:])
	if !counted {
		row = nil
	}
	fs, a := FileState{File: &wal.File{ID: p.File}}, r.gone()
	if row != nil {
		known, ok := fs.decode(row)
		if !ok {
			return fmt.Errorf("%w: bad offset of file %s", ErrCorrupt, p.File)
		}
		a = known
	}
	before, left := a, int64(0)
	if counted {
		left = min(a.Dead, p.Bytes)
		a.Dead -= left
	}
	if p.Lost != nil {
		lost, err := list(r, *p.Lost, letterKind)
		if err != nil {
			return err
		}
		if lost = min(lost, p.Bytes); counted {
			lost = left
		}
		if err := countLost(r, p.Lost.Cause, lost); err != nil {
			return err
		}
		a.LostRead += lost
		if !counted {
			a.Reach += wal.Offset(lost)
		}
	}
	if row != nil {
		return r.put(offsetsBucket, p.File[:], fs.encode(a))
	}
	return r.replaceGone(before, a)
}

// replaceGone changes the account of the forgotten Files.
func (r *rows) replaceGone(before, a Account) error {
	for _, n := range []struct {
		key         string
		before, now int64
	}{
		{goneReachKey, int64(before.Reach), int64(a.Reach)}, {goneDeadKey, before.Dead, a.Dead}, {goneLostReadKey, before.LostRead, a.LostRead},
	} {
		if n.before == n.now {
			continue
		}
		if err := r.putNumber(n.key, uint64(n.now)); err != nil {
			return err
		}
	}
	return nil
}
