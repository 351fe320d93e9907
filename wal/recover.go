package wal

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"time"
)

// Extent is what the WAL holds of a File.
type Extent struct {
	File  *File
	Start Offset // of its first Record
	End   Offset // of its last Record by Index, as are all below
	// Prefix and Tail are that Record's checksums.
	Prefix, Tail uint32
	Index        Index

	sparse bool   // dead letters: its Records do not follow one another
	reach  Offset // the highest End of all its Records
}

// Recovery is what Open found.
type Recovery struct {
	Files    map[FileID]Extent // those with a Record behind Acked; of others the checkpoint knows more
	First    Index             // where the oldest Segment begins; 1: none was ever removed
	Last     Index             // the last durable one; Append goes on behind it
	Segments int
	Bytes    int64 // on disk

	// Damaged is for people to see. Next returns the same again, each in its place: there it is to be ledgered.
	Damaged []Damage
}

// recovery is the work of Open, in two passes. The first goes backwards: each Segment states up to which Index the ones
// before it were durable when it was begun; what they hold behind that was given up, and read again into later ones.
// The second goes forwards and adds up.
type recovery struct {
	decoder
	scanner scanner
	disk    disk // nil: change nothing
	access  access
	dir     string
	acked   Index
	floor   Index
	live    bool // nothing behind floor counts that no later Segment vouches for

	segs    []*segment
	highest Index // that was ever used
	account account
	unread  bool // the disk did not give out everything
}

func (r *recovery) run() error {
	var err error
	if r.unpacker, err = newUnpacker(); err != nil {
		return err
	}
	defer r.unpacker.close()
	r.account = account{acked: r.acked, files: map[FileID]Extent{}}
	if r.segs, err = r.access.list(r.dir); err != nil {
		return err
	}
	r.highest = r.floor
	limit := Index(math.MaxUint64)
	if r.live {
		limit = r.floor
	}
	for i := len(r.segs) - 1; i >= 0; i-- {
		s := r.segs[i]
		if err := r.judge(s, limit); err != nil {
			return fmt.Errorf("segment %s: %w", filepath.Base(s.folder), err)
		}
		r.highest = max(r.highest, s.first, s.last)
		if s.stated {
			limit = s.prev
		}
	}
	if r.disk == nil { // what is released while we look is not missing
		r.segs = slices.DeleteFunc(r.segs, func(s *segment) bool { return !s.stated && !s.dead && !exists(s.file()) })
	}
	return r.sum()
}

// judge finds the last Block of s that is to be trusted, at most limit. limit is the highest Index where no later Segment
// vouches for s: then a kill may have left Blocks in the page cache only, or a power cut only some of its pages.
func (r *recovery) judge(s *segment, limit Index) error {
	if s.dead {
		r.unread = true
	}
	if s.bytes == 0 || s.dead {
		return nil
	}
	return r.open(s, func() error {
		proven := limit
		if limit == math.MaxUint64 {
			if proven = r.floor; r.disk != nil {
				if err := r.settle(s); err != nil {
					return err
				}
			}
		}
		if limit != math.MaxUint64 {
			sum, err := r.summary(&r.scanner, false)
			if err != nil {
				return err
			}
			if sum != nil && sum.first == s.first && sum.last <= limit {
				s.sealed, s.stated = true, true
				s.last, s.prev, s.from, s.to = sum.last, sum.prev, sum.from, sum.to
				r.highest = max(r.highest, sum.last+1)
				return nil
			}
		}
		l, err := r.look(&r.scanner)
		if err != nil {
			return err
		}
		s.stated, s.prev, s.from, s.to = l.stated, l.prev, l.from, l.to
		if last := l.trusted(max(proven, l.durable), limit); last >= s.first {
			s.last = last
		}
		s.sealed = l.summary && len(l.holes) == 0 && s.last == l.seen
		r.highest = max(r.highest, l.seen+1)
		return nil
	})
}

// settle makes what can be read of s durable.
func (r *recovery) settle(s *segment) error {
	if err := r.disk.Settle(s.file()); err != nil {
		return err
	}
	if err := r.disk.SyncDir(s.folder); err != nil {
		return err
	}
	return r.disk.SyncDir(r.dir)
}

// open calls fn with the scanner and the names at the beginning of s; not when the disk does not give s out: its Blocks are
// missing then, and the other Segments are none the worse.
func (r *recovery) open(s *segment, fn func() error) error {
	f, err := r.access.open(s.file())
	if broken(err) {
		s.dead, r.unread = true, true
		return nil
	}
	if r.disk == nil && errors.Is(err, fs.ErrNotExist) {
		return nil // released while we look
	}
	if err != nil {
		return err
	}
	defer f.Close()
	r.scanner.reset(f, s.end, s.first)
	r.names.reset()
	err = fn()
	r.unread = r.unread || r.scanner.broken != nil
	return err
}

// sum adds up all Segments, and finds the Indexes that must have been there and are not.
func (r *recovery) sum() error {
	covered := r.acked // all Blocks up to it are accounted for
	for i, s := range r.segs {
		if i == 0 && r.floor == 0 { // no checkpoint knows of Blocks before the first Segment
			covered = s.first - 1
			if s.stated {
				covered = s.prev
			}
		}
		if s.stated && s.prev > covered {
			r.missing(covered+1, s.prev)
			covered = s.prev
		}
		if s.last < s.first {
			if i > 0 {
				s.last = r.segs[i-1].last
			}
			continue
		}
		if err := r.open(s, func() error { return r.add(s) }); err != nil {
			return fmt.Errorf("segment %s: %w", filepath.Base(s.folder), err)
		}
		covered = max(covered, s.last)
	}
	if r.floor > covered {
		r.missing(covered+1, r.floor)
	}
	for i := range r.account.holes {
		r.account.holes[i].settle()
	}
	return nil
}

func (r *recovery) missing(from, to Index) {
	var at time.Time
	for _, s := range r.segs {
		if s.last < to {
			at = s.to
		}
	}
	r.account.hole(hole{from: from, to: to, time: at, reason: reasonMissing})
}

func (r *recovery) add(s *segment) error {
	if s.sealed {
		sum, err := r.summary(&r.scanner, true)
		if err != nil {
			return err
		}
		if sum != nil {
			r.account.sum(sum)
			return nil
		}
		r.scanner.rewind(s.first)
	}
	l, err := r.look(&r.scanner)
	if err != nil {
		return err
	}
	return r.account.survey(&r.decoder, &r.scanner, s, l)
}

// durable is the last Index that is, or was before it was damaged.
func (r *recovery) durable() Index {
	last := r.floor
	for _, s := range r.segs {
		last = max(last, s.last, s.prev)
	}
	return last
}

// removeEmpty removes the folders that hold nothing: what a kill between their creation and the first write leaves. Where the
// disk does not let one go, it stays until Release can remove it.
func (r *recovery) removeEmpty() {
	var kept []*segment
	for _, s := range r.segs {
		if s.bytes > 0 || s.dead || r.disk.RemoveAll(s.folder) != nil {
			kept = append(kept, s)
		}
	}
	r.segs = kept
}

func (r *recovery) result() *Recovery {
	out := &Recovery{Files: r.account.files, Last: r.durable(), Segments: len(r.segs)}
	if len(r.segs) > 0 {
		out.First = r.segs[0].first
	}
	maps.DeleteFunc(out.Files, func(_ FileID, e Extent) bool { return e.Index <= r.acked })
	for _, s := range r.segs {
		out.Bytes += s.bytes
	}
	for _, h := range r.account.holes {
		out.Damaged = append(out.Damaged, h.damaged...)
	}
	return out
}
