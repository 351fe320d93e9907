package checkpoint

import (
	"fmt"

	bolt "go.etcd.io/bbolt"

	"logboom/wal"
)

// baseKey of the meta bucket: State.Base.
const baseKey = "base"

// Begin notes that the WAL has Blocks up to base which are older than this checkpoint: another one, which is lost, knew what
// was delivered before them. The boot is not noted: a start that is killed right behind this is still the first one.
func (s *Store) Begin(base wal.Index) error {
	return s.transact("begin checkpoint", func(db *bolt.DB) error {
		return db.Update(func(tx *bolt.Tx) error {
			r := begin(tx)
			if err := r.putNumber(baseKey, max(uint64(base), r.number(baseKey))); err != nil {
				return err
			}
			return r.end()
		})
	})
}

// Reach returns Account.Reach of those of files that have an account.
func (s *Store) Reach(files []wal.FileID) (map[wal.FileID]wal.Offset, error) {
	all := make(map[wal.FileID]wal.Offset, len(files))
	err := s.transact("read accounts", func(db *bolt.DB) error {
		return db.View(func(tx *bolt.Tx) error {
			r := begin(tx)
			for _, id := range files {
				v := r.get(offsetsBucket, id[:])
				if v == nil {
					continue
				}
				var fs FileState
				a, ok := fs.decode(v)
				if !ok {
					return fmt.Errorf("%w: bad offset of file %s", ErrCorrupt, id)
				}
				all[id] = a.Reach
			}
			return nil
		})
	})
	return all, err
}
