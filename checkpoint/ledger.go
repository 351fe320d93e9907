package checkpoint

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
)

// lossChunk is how many Losses are read in one transaction, so that a slow reader never holds a Commit up.
const lossChunk = 256

// Losses calls fn for every entry of the ledger, oldest first, and stops at fn's first error, which it returns. Entries
// that are added meanwhile may come too.
func (s *Store) Losses(fn func(Loss) error) error {
	for from := uint64(1); ; {
		chunk := make([]Loss, 0, lossChunk)
		err := s.transact("read ledger", func(db *bolt.DB) error {
			return db.View(func(tx *bolt.Tx) (err error) {
				chunk, from, err = readLosses(tx, from, chunk)
				return err
			})
		})
		if err != nil {
			return err
		}
		for _, l := range chunk {
			if err := fn(l); err != nil {
				return err
			}
		}
		if len(chunk) < lossChunk {
			return nil
		}
	}
}

// readLosses fills chunk from sequence from on, and returns where the next one starts.
func readLosses(tx *bolt.Tx, from uint64, chunk []Loss) ([]Loss, uint64, error) {
	c := tx.Bucket([]byte(ledgerBucket)).Cursor()
	for k, v := c.Seek(sequenceKey(from)); k != nil && len(chunk) < cap(chunk); k, v = c.Next() {
		var l Loss
		if err := json.Unmarshal(v, &l); err != nil || len(k) != 8 {
			return nil, 0, fmt.Errorf("%w: bad ledger entry %x: %v", ErrCorrupt, k, err)
		}
		chunk = append(chunk, l)
		from = binary.BigEndian.Uint64(k) + 1
	}
	return chunk, from, nil
}

// addLoss lists l. Where the last entry of the same File and Cause ends where l starts, or overlaps it, that entry grows
// instead: the ledger stays exact and short when the same File loses piece after piece, and listing the same Loss again
// after a crash counts it once.
func addLoss(r *rows, l Loss) error {
	lost, err := list(r, l, "")
	if err != nil {
		return err
	}
	if err := countLost(r, l.Cause, lost); err != nil {
		return err
	}
	return addLost(r, &l, lost)
}

// maxEntries bounds the ledger, about: an entry is longer than many a line, and a pod may have each second line refused, for
// ever. Behind so many, an entry of what was read takes in what was stored up to the next Loss of its File and Cause, and says
// so. What is counted stays exact. It is a variable for tests.
var maxEntries = uint64(20_000)

const widened = "; there are too many entries: this range takes in what was stored between"

// widen is join for ranges with something between them.
func widen(a, b Loss) Loss {
	a.Start = min(a.Start, b.Start)
	if !strings.HasSuffix(a.Detail, widened) {
		a.Detail += widened
	}
	return join(a, b)
}

// countLost adds to the sum that is lost by a Cause.
func countLost(r *rows, cause string, bytes int64) error {
	counter := lostPrefix + cause
	return r.putNumber(counter, r.number(counter)+uint64(bytes))
}

// list does so without account and sum, and returns how many of its bytes were not listed before.
// Entries of another kind are joined among themselves only: a Detail says how its entry began, and would be untrue of the rest.
func list(r *rows, l Loss, kind string) (lost int64, err error) {
	if l.File == nil || l.Cause == "" || l.Start < 0 || l.End < l.Start {
		return 0, bug(fmt.Sprintf("a loss without file or cause, or of no range: [%d, %d)", l.Start, l.End))
	}
	lastKey := append(append(append([]byte(nil), l.File.ID[:]...), l.Cause...), kind...)
	key := r.get(lastBucket, lastKey)
	lost = int64(l.End - l.Start)
	if key != nil {
		var last Loss
		if err := json.Unmarshal(r.get(ledgerBucket, key), &last); err != nil {
			return 0, fmt.Errorf("%w: bad ledger entry %x: %v", ErrCorrupt, key, err)
		}
		switch {
		case joinable(last, l) && !strings.HasSuffix(last.Detail, widened):
			before := last.End
			l = join(last, l)
			lost = int64(l.End - before)
		case last.Read && l.Read && !last.AtLeast && !l.AtLeast && binary.BigEndian.Uint64(nextSequence(r)) > maxEntries:
			l = widen(last, l)
		default:
			key = nil
		}
	}
	if key == nil {
		key = nextSequence(r)
		if err := r.put(lastBucket, lastKey, key); err != nil {
			return 0, err
		}
	}
	text, err := json.Marshal(l)
	if err != nil {
		return 0, fmt.Errorf("describe loss: %w", err)
	}
	return lost, r.put(ledgerBucket, key, text)
}

// joinable says whether b goes on where a ended, or starts inside it. Behind an open end ("at least") nothing is joined,
// except that very entry again, or one that knows less of it.
func joinable(a, b Loss) bool {
	if a.Read != b.Read {
		return false
	}
	if a.AtLeast {
		return b.AtLeast && b.Start == a.Start && b.End <= a.End
	}
	return a.Start <= b.Start && b.Start <= a.End && (b.End >= a.End || !b.AtLeast)
}

// join returns a with b's range added. a's Time and Detail stay: they say how it began.
func join(a, b Loss) Loss {
	a.End = max(a.End, b.End)
	a.AtLeast = b.AtLeast
	if a.Since.IsZero() || (!b.Since.IsZero() && b.Since.Before(a.Since)) {
		a.Since = b.Since
	}
	a.Until = latest(a.Until, b.Until)
	return a
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func nextSequence(r *rows) []byte {
	last, _ := r.tx.Bucket([]byte(ledgerBucket)).Cursor().Last()
	if len(last) != 8 {
		return sequenceKey(1)
	}
	return sequenceKey(binary.BigEndian.Uint64(last) + 1)
}

func sequenceKey(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
