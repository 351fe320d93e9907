package checkpoint

import (
	"fmt"

	bolt "go.etcd.io/bbolt"

	"logboom/wal"
)

// Account says what became of a File's content, from File.Start on: the bytes before Reach were read, and are Dead,
// LostRead, excluded, or acked. An offset counts once, however often it is read: after a power cut a log can be shorter than what
// was read of it, and its writer goes on from there.
type Account struct {
	Start      wal.Offset // File.Start
	Reach      wal.Offset // every byte before it was read and has its final home
	Dead       int64      // bytes of Events that are dead letters
	LostRead   int64      // bytes that were lost in the WAL
	LostUnread int64      // bytes that were lost before they were read
	Excluded   int64      // bytes that nobody wants: they were passed over
}

// Acked is how many bytes the backend has.
func (a Account) Acked() int64 { return int64(a.Reach-a.Start) - a.Dead - a.LostRead - a.Excluded }

// Accounts are those of all Files, as of one commit.
type Accounts struct {
	Files map[wal.FileID]Account
	Gone  Account          // the sum of those that were forgotten, each of them as if it had begun at 0
	Lost  map[string]int64 // bytes in the ledger by Cause
}

// DeadLetters is how much of a File became dead letters with the Block Index. It is committed with an Acked of Index or
// more, and counts once, however often that is done.
type DeadLetters struct {
	Index wal.Index
	File  *wal.File
	Start wal.Offset // of the first Event
	Bytes int64
}

// Keys of the meta bucket: Accounts.Gone.
const (
	goneReachKey      = "gone/reach"
	goneDeadKey       = "gone/dead_letters"
	goneLostReadKey   = "gone/lost_read"
	goneLostUnreadKey = "gone/lost_unread"
	goneExcludedKey   = "gone/excluded"
)

// Accounts returns the account of every File.
func (s *Store) Accounts() (Accounts, error) {
	all := Accounts{Files: make(map[wal.FileID]Account)}
	err := s.transact("read accounts", func(db *bolt.DB) error {
		return db.View(func(tx *bolt.Tx) error {
			r := begin(tx)
			all.Gone, all.Lost = r.gone(), readLost(r)
			return tx.Bucket([]byte(offsetsBucket)).ForEach(func(k, v []byte) error {
				var fs FileState
				a, ok := fs.decode(v)
				if !ok || len(k) != len(wal.FileID{}) {
					return fmt.Errorf("%w: bad offset of file %x", ErrCorrupt, k)
				}
				all.Files[wal.FileID(k)] = a
				return nil
			})
		})
	})
	return all, err
}

func (r *rows) gone() Account {
	return Account{Reach: wal.Offset(r.number(goneReachKey)), Dead: int64(r.number(goneDeadKey)),
		LostRead: int64(r.number(goneLostReadKey)), LostUnread: int64(r.number(goneLostUnreadKey)),
		Excluded: int64(r.number(goneExcludedKey))}
}

// bequeath adds the account of a File that is forgotten to those that were before it.
func (r *rows) bequeath(a Account) error {
	for _, n := range []struct {
		key   string
		bytes int64
	}{
		{goneReachKey, int64(a.Reach - a.Start)}, {goneDeadKey, a.Dead},
		{goneLostReadKey, a.LostRead}, {goneLostUnreadKey, a.LostUnread},
		{goneExcludedKey, a.Excluded},
	} {
		if n.bytes == 0 {
			continue
		}
		if err := r.putNumber(n.key, r.number(n.key)+uint64(n.bytes)); err != nil {
			return err
		}
	}
	return nil
}

// row returns what is known of f: a File that was never acknowledged stands at its start.
func (r *rows) row(f *wal.File) (FileState, Account, error) {
	fs := FileState{File: f, Offset: f.Start}
	v := r.get(offsetsBucket, f.ID[:])
	if v == nil {
		return fs, Account{Start: f.Start, Reach: f.Start}, nil
	}
	a, ok := fs.decode(v)
	if !ok {
		return fs, a, fmt.Errorf("%w: bad offset of file %s", ErrCorrupt, f.ID)
	}
	return fs, a, nil
}

// addLost notes that bytes of l are lost that were not known to be. What was lost in the WAL was read.
func addLost(r *rows, l *Loss, bytes int64) error {
	if bytes == 0 {
		return nil // such as a Block of which nothing can be read: it names no File
	}
	fs, a, err := r.row(l.File)
	if err != nil {
		return err
	}
	if l.Read {
		a.LostRead += bytes
		a.Reach = max(a.Reach, l.End)
	} else {
		a.LostUnread += bytes
	}
	return r.putAccount(&fs, a)
}

// balance takes back what l lost twice. After a power cut a log can be shorter than what was read of it: what its writer then puts
// in the same place may be lost as well, and an offset counts once.
func balance(r *rows, l *Loss) error {
	if r.get(offsetsBucket, l.File.ID[:]) == nil {
		return nil
	}
	fs, a, err := r.row(l.File)
	twice := min(-a.Acked(), a.LostRead)
	if err != nil || twice <= 0 {
		return err
	}
	a.LostRead -= twice
	if err := countLost(r, l.Cause, -twice); err != nil {
		return err
	}
	return r.putAccount(&fs, a)
}

// addDead counts dead letters that no earlier commit has counted. acked is that of before this one.
func addDead(r *rows, d *DeadLetters, acked wal.Index) error {
	if d.File == nil || d.Bytes < 0 {
		return bug("dead letters without a file or of negative size")
	}
	fs, a, err := r.row(d.File)
	if err != nil || d.Index <= acked || d.Start < a.Reach {
		return err
	}
	a.Dead += d.Bytes
	return r.putAccount(&fs, a)
}

func (r *rows) putAccount(fs *FileState, a Account) error {
	if err := r.put(offsetsBucket, fs.File.ID[:], fs.encode(a)); err != nil || r.get(filesBucket, fs.File.ID[:]) != nil {
		return err
	}
	return describe(r, fs.File)
}
