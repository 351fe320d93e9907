package store

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"sync"
)

// Op is what a caller wants done with one document.
type Op struct {
	Kind   Kind
	ID     string
	Source []byte // nil for Delete
}

// Kind says what an Op does.
type Kind byte

const (
	Create Kind = iota // store; Conflict when the id is known
	Put                // store, in place of what has that id
	Delete             // forget
)

// Outcome says what became of an Op.
type Outcome struct {
	Conflict bool   // a Create whose id was known: nothing was changed
	Existed  bool   // the id was known before
	Version  uint32 // of the document afterwards; with Conflict that of the one that was there
	Seq      int64  // its sequence number
}

// Document is one that is stored.
type Document struct {
	ID      string
	Version uint32
	Seq     int64
	Source  []byte // owned by the receiver of the Document only while its callback runs
}

// flushBytes is how much of an Apply is gathered before it is written.
const flushBytes = 1 << 20

// Index holds the documents of one name in one append-only file. It is safe for concurrent use.
type Index struct {
	name string
	file *os.File
	sync func() error // of file

	mu      sync.Mutex // guards all below
	changed *sync.Cond // synced, syncing or err changed
	ids     map[key]int64
	size    int64 // bytes appended
	synced  int64 // bytes known to be on the disk
	syncing bool
	seq     int64 // sequence number of the next record
	deleted int64 // records that no id points to
	err     error // the first failed write or fsync; nothing is appended after it
}

// key stands for an id in memory: 128 bits of its SHA-256, so that a million ids cost some 50 MB however long they are.
type key [16]byte

func keyOf(id []byte) key {
	sum := sha256.Sum256(id)
	return key(sum[:16])
}

// note enters the record at pos into the map of ids.
func (x *Index) note(rec *record, pos int64) {
	k := keyOf(rec.id)
	if _, known := x.ids[k]; known {
		x.deleted++
	}
	if rec.kind == kindTombstone {
		delete(x.ids, k)
		x.deleted++
		return
	}
	x.ids[k] = pos
}

// Name returns the index' name.
func (x *Index) Name() string { return x.name }

// Count returns the number of documents, of records that were replaced or deleted, and of bytes on disk.
func (x *Index) Count() (docs, deleted, size int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return int64(len(x.ids)), x.deleted, x.size
}

// Apply does ops in order and returns when they are on the disk. It also waits for documents of other callers that a
// Conflict refers to, so that a conflict never speaks of something a power cut could still take away. Several callers
// share one fsync.
func (x *Index) Apply(ops []Op) ([]Outcome, error) {
	out := make([]Outcome, len(ops))
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.err != nil {
		return nil, x.err
	}
	var pending []byte // appended behind x.size, not written yet
	for i := range ops {
		var err error
		if pending, err = x.applyOne(&ops[i], &out[i], pending); err != nil {
			return nil, x.fail(err)
		}
		if len(pending) >= flushBytes {
			if pending, err = x.write(pending); err != nil {
				return nil, x.fail(err)
			}
		}
	}
	if _, err := x.write(pending); err != nil {
		return nil, x.fail(err)
	}
	return out, x.waitSynced(x.size)
}

func (x *Index) applyOne(op *Op, out *Outcome, pending []byte) ([]byte, error) {
	id := []byte(op.ID)
	pos, known := x.ids[keyOf(id)]
	var old record
	if known {
		var err error
		if old, err = x.at(pos, pending); err != nil {
			return pending, err
		}
		if !bytes.Equal(old.id, id) {
			return pending, fmt.Errorf("index %s: ids %q and %q have one key", x.name, old.id, id)
		}
	}
	out.Existed = known
	out.Version, out.Seq = old.version, old.seq
	if known && op.Kind == Create {
		out.Conflict = true
		return pending, nil
	}
	rec := record{kind: kindDocument, seq: x.seq, version: old.version + 1, id: id, source: op.Source}
	if op.Kind == Delete {
		rec.kind = kindTombstone
		if !known {
			out.Version, out.Seq = 1, x.seq
			return pending, nil
		}
	}
	out.Version, out.Seq = rec.version, rec.seq
	x.note(&rec, x.size+int64(len(pending)))
	x.seq++
	return rec.append(pending), nil
}

func (x *Index) write(pending []byte) ([]byte, error) {
	if len(pending) == 0 {
		return pending, nil
	}
	if _, err := x.file.WriteAt(pending, x.size); err != nil {
		return nil, err
	}
	x.size += int64(len(pending))
	return pending[:0], nil
}

// fail gives the index up until the next start, as the map of ids may be ahead of the file.
func (x *Index) fail(err error) error {
	if x.err == nil {
		x.err = fmt.Errorf("index %s takes nothing until it is opened again: %w", x.name, err)
		x.changed.Broadcast()
	}
	return x.err
}

// waitSynced returns when the first upTo bytes are on the disk. One caller does the fsync for all that wait.
func (x *Index) waitSynced(upTo int64) error {
	for x.synced < upTo && x.err == nil {
		if x.syncing {
			x.changed.Wait()
			continue
		}
		x.syncing = true
		target := x.size
		x.mu.Unlock()
		err := x.sync()
		x.mu.Lock()
		x.syncing = false
		if err != nil {
			return x.fail(err)
		}
		x.synced = target
		x.changed.Broadcast()
	}
	return x.err
}

// at returns the record at pos, which may still be in pending.
func (x *Index) at(pos int64, pending []byte) (record, error) {
	var in io.Reader = io.NewSectionReader(x.file, pos, maxRecord)
	if pos >= x.size {
		in = bytes.NewReader(pending[pos-x.size:])
	}
	rec, _, err := readRecord(in, nil)
	if err != nil {
		return record{}, fmt.Errorf("record at %d of index %s: %w", pos, x.name, err)
	}
	return rec, nil
}

// Get returns the document that has the id.
func (x *Index) Get(id string) (Document, bool, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	pos, known := x.ids[keyOf([]byte(id))]
	if !known {
		return Document{}, false, nil
	}
	rec, err := x.at(pos, nil)
	if err != nil {
		return Document{}, false, err
	}
	return Document{ID: id, Version: rec.version, Seq: rec.seq, Source: rec.source}, true, nil
}

// End returns the position behind the last record: the place where a Scan that begins now should stop.
func (x *Index) End() int64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.size
}

// Scan calls fn for the documents between two positions, in the order in which they came, until fn returns false. It
// returns the position to go on from. What was replaced or deleted meanwhile is left out.
func (x *Index) Scan(from, to int64, fn func(d *Document) bool) (int64, error) {
	in := bufio.NewReaderSize(io.NewSectionReader(x.file, from, to-from), 256<<10)
	var rec record
	var buf []byte
	for pos := from; pos < to; {
		var err error
		if rec, buf, err = readRecord(in, buf); err != nil {
			return pos, fmt.Errorf("scan index %s at %d: %w", x.name, pos, err)
		}
		at := pos
		pos += rec.size()
		if !x.current(&rec, at) {
			continue
		}
		if !fn(&Document{ID: string(rec.id), Version: rec.version, Seq: rec.seq, Source: rec.source}) {
			return pos, nil
		}
	}
	return to, nil
}

func (x *Index) current(rec *record, pos int64) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	p, known := x.ids[keyOf(rec.id)]
	return known && p == pos
}
