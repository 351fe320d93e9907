// Package wal is logboom's write-ahead log: what it calls durable survives SIGKILL and a power cut at any moment, and is
// given out again in order, or named as damage, exactly.
//
// A Block of Records goes into the head Segment (Append) and is durable after Sync: the fsync of the Segment's file and of
// both directories that lead to it. Segments only ever grow at their end, until they are sealed with a summary; then they
// never change, and Release removes them whole.
//
//	wal/00000000000000000001/00000000000000000001    sealed    [Block 1][Block 2]...[Block 97][summary 98]
//	wal/00000000000000000099/00000000000000000099    given up  [Block 99][Block 100]
//	wal/00000000000000000105/00000000000000000105    head      [Block 105]...            Prev = 100
//
// After a failed write or fsync the head is given up, and the next Segment begins behind the last good fsync. It states
// that Index as Prev, in each of its Blocks: what the Segments before it hold behind Prev does not count, and what is
// missing up to Prev is damage. That makes Open exact. Open repairs nothing, and never appends to an old Segment.
//
// tidwall/wal writes the entries. It has no checksums, loads Segments whole, and can't go on behind a torn entry, so we
// read them ourselves: FORMAT.md has every byte.
//
// It costs: one fsync a Sync, three the first in a Segment; memory of about 2 MiB for each of compressor, decompressor
// and the largest Block; about a quarter of the text on disk,
// and a seventh where much waits.
package wal

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"
)

// Options say where a WAL is and what its caller knows of it.
type Options struct {
	Dir         string // is made with mode 0700 if need be
	SegmentSize int64  // bytes on disk at which the head is sealed; 0: 8 MiB
	Aside       string // folder on the same volume where Segments with damage are kept when they are released; "": nowhere
	MaxSize     int64  // bytes on disk of Dir; 0: no limit. At least two SegmentSize make sense

	// Floor is the highest of Acked and the last durable Index that the checkpoint knows: no Index up to it is used again,
	// and Blocks in (Acked, Floor] that can't be found are damage.
	Floor Index
	Acked Index // every Block up to it has its final home: damage up to it is none

	// Patience is how long a disk that gives something not out is asked again, by Open and by Next, before that is damage.
	Patience time.Duration

	Fault Fault // for tests
}

const defaultSegmentSize = 8 << 20 // bytes

// Log is a WAL that is open for writing. Append, Sync and Close belong to one goroutine, Next and Release to another one, the
// rest to all.
type Log struct {
	segmentSize int64
	maxSize     atomic.Int64
	disk        disk
	salt        func() uint64
	shelf       *shelf  // shared
	counts      counts  // shared
	reader      *reader // Next's and Release's
	aside       aside   // Next's
	grown       chan struct{}

	// The writer's own.
	enc    encoder
	table  table
	head   *head // nil: none is begun
	index  Index // of the next entry
	closed bool
}

// Open opens the WAL in o.Dir and says what it holds. It fsyncs what a process that was killed may have left unsynced before
// it trusts it, and changes nothing but empty folders, which it removes.
func Open(o Options) (*Log, *Recovery, error) {
	var d disk = realDisk{}
	if o.Fault != nil {
		d = faulty{d, o.Fault}
	}
	return open(o, d, realAccess)
}

func open(o Options, d disk, a access) (*Log, *Recovery, error) {
	if o.SegmentSize <= 0 {
		o.SegmentSize = defaultSegmentSize
	}
	if err := makeDirs(d, o.Dir); err != nil {
		return nil, nil, fmt.Errorf("open wal: %w", err)
	}
	if err := d.SyncDir(filepath.Dir(o.Dir)); err != nil { // an earlier start may have been killed before it did
		return nil, nil, fmt.Errorf("open wal: %w", err)
	}
	r, err := o.patiently(d, a)
	if err != nil {
		return nil, nil, fmt.Errorf("open wal: %w", err)
	}
	r.removeEmpty()
	l := &Log{
		segmentSize: o.SegmentSize,
		disk:        d,
		aside:       aside{dir: o.Aside, disk: d},
		salt:        randomSalt,
		shelf:       &shelf{dir: o.Dir, segs: r.segs, durable: r.durable()},
		grown:       make(chan struct{}, 1),
		index:       max(r.highest, r.floor) + 1,
	}
	for _, s := range r.segs {
		l.shelf.bytes += s.bytes
	}
	l.maxSize.Store(o.MaxSize)
	l.counts.acked = o.Acked
	l.counts.last = l.shelf.durable
	if l.enc.packer, err = newPacker(); err != nil {
		return nil, nil, err
	}
	if l.reader, err = newReader(l.shelf, a, r.account.holes); err != nil {
		return nil, nil, err
	}
	l.reader.sulk.patience = o.Patience
	return l, r.result(), nil
}

// SetMaxSize replaces Options.MaxSize. Where the WAL is larger already, Append says ErrFull until Release has made room.
func (l *Log) SetMaxSize(bytes int64) { l.maxSize.Store(bytes) }

// Append writes b to the head, with its Index set to the next one, and seals the head first if it is large enough. b is not
// durable yet. ErrFull: nothing is written until Release makes room. ErrTooLarge: the Files of b have descriptions beyond all
// measure. ErrGivenUp: as Sync. It panics when b is no Block: Records must be 1 to MaxRecords, not empty, and make up Text.
func (l *Log) Append(b *Block) error {
	mustHold(b)
	if l.closed {
		return ErrClosed
	}
	if l.due() {
		if err := l.seal(); err != nil {
			return err
		}
	}
	if l.over(0) {
		return l.full()
	}
	if l.head == nil {
		l.begin()
	}
	l.enc.dense = l.backlog()
	p, err := l.enc.block(&l.table, b, l.frame())
	if err != nil {
		return l.refuse(err)
	}
	if l.over(entrySize(len(p))) {
		return l.full()
	}
	if l.head.seg == nil {
		if err := l.create(); err != nil {
			l.index++ // a folder of this name may be there
			return l.giveUp(fmt.Errorf("create segment %d: %w", l.head.first, err))
		}
	}
	b.Index = l.index
	if err := l.write(p); err != nil {
		return l.giveUp(fmt.Errorf("append block %d: %w", b.Index, err))
	}
	l.table.took(b, l.enc.numbers)
	l.head.last, l.head.time = b.Index, b.Time
	l.counts.appended(b.Index)
	return nil
}

// refuse ends the head as the table no longer says what is in it.
func (l *Log) refuse(cause error) error {
	if l.head.seg != nil {
		if err := l.seal(); err != nil {
			return err
		}
	}
	l.head = nil
	return fmt.Errorf("append block %d: %w", l.index, cause)
}

// Sync makes all that was appended durable. ErrGivenUp, which wraps the cause: it is not and won't be, and the caller
// goes back to what it had read up to Durable and appends that again.
func (l *Log) Sync() error {
	if l.closed {
		return ErrClosed
	}
	if l.head == nil || l.head.last == l.shelf.mark() {
		return nil
	}
	if err := l.flush(l.head.entries.Sync); err != nil {
		return l.giveUp(fmt.Errorf("sync segment %d: %w", l.head.first, err))
	}
	return nil
}

// Durable is the last Index that survives a power cut.
func (l *Log) Durable() Index { return l.shelf.mark() }

// Grown has a value when Durable grew since the last one was taken.
func (l *Log) Grown() <-chan struct{} { return l.grown }

// Next reads the first Block behind after into b, whose memory it uses. ErrNone: none is durable. A *DamageError says that
// Blocks can't be read, and how to go on; their Segments are kept aside by then. ErrVersion and errors of the system, such as EMFILE, may be tried again. A
// Record's File is the same pointer in all Blocks of one Segment that describe it alike.
func (l *Log) Next(after Index, b *Block) error {
	err := l.reader.next(after, b)
	if err == nil {
		l.counts.handed(b.Index, b.Time)
		return nil
	}
	var d *DamageError
	if errors.As(err, &d) {
		l.keepAside(d, after)
	}
	return err
}

// Oldest returns the last Index of the first Segment that holds a Block behind acked; 0 where that is the head or none. A
// Release of it makes room.
func (l *Log) Oldest(acked Index) Index {
	if s, _, ok := l.shelf.find(acked); ok && !s.head {
		return s.last
	}
	return 0
}

// Release removes the Segments all of whose Blocks are acknowledged. It is called when the checkpoint has committed acked.
func (l *Log) Release(acked Index) error {
	gone := l.shelf.releasable(acked)
	l.reader.forget(acked, gone)
	var errs []error
	for _, s := range gone {
		if err := l.disk.RemoveAll(s.folder); err != nil {
			errs = append(errs, fmt.Errorf("release segment %d: %w", s.first, err))
			continue
		}
		l.shelf.drop(s)
	}
	if len(gone) > 0 {
		if err := l.disk.SyncDir(l.shelf.dir); err != nil {
			errs = append(errs, fmt.Errorf("release: %w", err))
		}
	}
	l.counts.released(acked)
	return errors.Join(errs...)
}

// Close seals the head. After it, and after its error too, nothing works any more.
func (l *Log) Close() error {
	if l.closed {
		return ErrClosed
	}
	l.closed = true
	l.reader.shut()
	defer l.enc.packer.zstd.Close()
	if l.head == nil || l.head.seg == nil {
		return nil
	}
	return l.seal()
}
