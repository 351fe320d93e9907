package checkpoint

import (
	"bytes"
	"encoding/json"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"logboom/wal"
)

// Commit makes c durable, all of it or nothing. Forget comes before Files, so a File that is read again from its start
// stands in both; Dead and Losses come before both, into the account that is forgotten. Durable never goes back: an older one is ignored, so that callers need not agree on an order.
//
// After an error nothing of c counts, and the same Change may be committed again: what the disk took of it after all
// (a failed fsync can't tell) is not counted twice.
//
// It panics when Acked would go back, and when a Loss is no range. An Offset may go back: after a power cut a log file
// can be shorter than what the WAL holds of it, and its writer goes on from there.
func (s *Store) Commit(c Change) error {
	boot, err := s.bootID()
	if err != nil {
		return fmt.Errorf("commit checkpoint: %w", err)
	}
	return s.transact("commit checkpoint", func(db *bolt.DB) error {
		if err := db.Update(func(tx *bolt.Tx) error { return s.apply(begin(tx), c, boot) }); err != nil {
			return err
		}
		for _, id := range c.Forget {
			delete(s.written, id)
		}
		for _, fs := range c.Files {
			s.written[fs.File.ID] = fs.File
		}
		return nil
	})
}

func (s *Store) apply(r *rows, c Change, boot string) error {
	acked := wal.Index(r.number(ackedKey))
	if err := applyMeta(r, c, boot); err != nil {
		return err
	}
	for i := range c.Dead { // before anything that moves a Reach
		if err := addDead(r, &c.Dead[i], acked); err != nil {
			return err
		}
	}
	for _, l := range c.Losses {
		if l.Index != 0 && l.Index <= acked {
			continue // the commit before did not know that it had come to the disk
		}
		if err := addLoss(r, l); err != nil {
			return err
		}
	}
	if c.Letters != nil {
		if err := applyLetters(r, c.Letters); err != nil {
			return err
		}
	}
	for _, id := range c.Forget {
		if err := forget(r, id); err != nil {
			return err
		}
	}
	for i := range c.Files {
		if err := s.applyFile(r, &c.Files[i]); err != nil {
			return err
		}
	}
	for i := range c.Losses {
		if err := balance(r, &c.Losses[i]); err != nil {
			return err
		}
	}
	return r.end()
}

func applyMeta(r *rows, c Change, boot string) error {
	acked := wal.Index(r.number(ackedKey))
	if c.Acked != 0 {
		if c.Acked < acked {
			return bug(fmt.Sprintf("acked goes back from %d to %d", acked, c.Acked))
		}
		acked = c.Acked
		if err := r.putNumber(ackedKey, uint64(acked)); err != nil {
			return err
		}
	}
	durable := max(wal.Index(r.number(durableKey)), c.Durable, acked)
	if err := r.putNumber(durableKey, uint64(durable)); err != nil {
		return err
	}
	if boot == "" { // OpenAway
		return nil
	}
	return r.put(metaBucket, []byte(bootKey), []byte(boot))
}

func forget(r *rows, id wal.FileID) error {
	if v := r.get(offsetsBucket, id[:]); v != nil {
		var fs FileState
		a, ok := fs.decode(v)
		if !ok {
			return fmt.Errorf("%w: bad offset of file %s", ErrCorrupt, id)
		}
		if err := r.bequeath(a); err != nil {
			return err
		}
	}
	if err := r.remove(filesBucket, id[:]); err != nil {
		return err
	}
	return r.remove(offsetsBucket, id[:])
}

// applyFile notes how far a File is delivered.
func (s *Store) applyFile(r *rows, fs *FileState) error {
	if fs.File == nil || fs.Offset < 0 {
		return bug("a file state without a file or with a negative offset")
	}
	id := fs.File.ID
	_, a, err := r.row(fs.File)
	if err != nil {
		return err
	}
	a.Reach = max(a.Reach, fs.Offset)
	if fs.File.Excluded != "" {
		a.Excluded = int64(a.Reach - a.Start)
	}
	if err := r.put(offsetsBucket, id[:], fs.encode(a)); err != nil {
		return err
	}
	if s.written[id] == fs.File && r.get(filesBucket, id[:]) != nil {
		return nil
	}
	return describe(r, fs.File)
}

// describe writes what f is, unless it stands there already: it is fifty times as long as an Offset.
func describe(r *rows, f *wal.File) error {
	text, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("describe file %s: %w", f.ID, err)
	}
	if bytes.Equal(r.get(filesBucket, f.ID[:]), text) {
		return nil
	}
	return r.put(filesBucket, f.ID[:], text)
}
