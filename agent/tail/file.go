package tail

import (
	"hash/crc32"
	"time"

	"logboom/wal"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// file is a File that tail follows.
type file struct {
	desc   *wal.File
	folder *folder
	series *series // the Files of its Attempt; nil outside containers

	read  position  // behind the last Record given out
	safe  position  // behind the last Record that is durable
	index wal.Index // of the Block with that Record

	// As of the last scan.
	path      string // where it can be opened, "" for nowhere
	name      string // its last one among the logs, of the plain file
	key       key    // of what stands there
	attached  bool   // the bytes at path are known to be this File's
	gz        bool
	rotated   bool // no writer opens it any more: renamed, removed or replaced
	ended     bool // and it has been quiet for long enough
	cut       bool // its bytes are gone from its inode: truncated
	copy      key  // of what was a beginning of it when it was last looked at
	pin       string
	pinned    key // a copy that only a pin has, of what was not durable yet
	onlyPin   bool
	size      int64     // known size of the content: what was seen of the plain file, or of a .gz in its place
	zipSeen   int64     // of that, what was seen of its .gz when it was found
	unread    int64     // size of what stands in its inode and can't be read: it is this File, unless that turns up elsewhere
	alloc     int64     // bytes of the plain file on the disk
	mtime     int64     // of the plain file, Unix nanoseconds
	missing   int       // scans in a row that found no name of it
	goneSince time.Time // when the first of them was
	lost      bool      // the ledger has what was not read: nothing can be added

	plainEntry, zipEntry *entry // of this scan

	src       content // nil while closed
	hot       bool    // rounds visit it
	pending   int     // Records between safe and read
	nextLook  time.Time
	met       time.Time
	begun     time.Time // the runtime's time of its first line, once it was asked for
	lastGrew  time.Time
	endSeen   time.Time // when its end was last reached, but for held bytes
	held      int       // bytes at its end that wait for the end of their Event
	heldTorn  bool      // the last of them is no newline
	heldSince time.Time
	problem   string
	short     bool       // and that is for want of descriptors: it will be over
	doubt     string     // why what was read of its .gz may not be what was written
	counted   bool       // of an excluded File: the checkpoint knows it
	countedTo wal.Offset // and so much of it
	waits     bool       // its pod has its share of the WAL
	known     *Known     // as an earlier run left it, until its bytes are found
	replaces  key        // of a .gz: the plain file that could not be read
}

// position is a place in a File with what is needed to go on there.
type position struct {
	off    wal.Offset
	prefix uint32 // CRC-32C of [desc.Start, off)
	parts  [2]uint16
	tail   [wal.TailLen]byte // the bytes before off, of which the last tailN count
	tailN  int
}

// advance moves p over text.
func (p *position) advance(text []byte) {
	p.off += wal.Offset(len(text))
	p.prefix = crc32.Update(p.prefix, castagnoli, text)
	if n := len(text); n >= len(p.tail) {
		copy(p.tail[:], text[n-len(p.tail):])
		p.tailN = len(p.tail)
	} else {
		copy(p.tail[:], p.tail[n:])
		copy(p.tail[len(p.tail)-n:], text)
		p.tailN = min(p.tailN+n, len(p.tail))
	}
}

func (p *position) tailBytes() []byte { return p.tail[len(p.tail)-p.tailN:] }

// readUp says that all known bytes of f have been given out.
func (f *file) readUp() bool {
	return f.excluded() || !f.endSeen.IsZero() && f.held == 0 && (f.gz || int64(f.read.off) >= f.size)
}

// done says that nothing is left to do for f, unless it grows against all expectation.
func (f *file) done() bool { return f.lost || f.ended && f.readUp() && f.pending == 0 }

// cold says that rounds need not visit f until a scan sees that it grew.
func (f *file) cold(now time.Time) bool {
	return f.lost || !f.attached || f.readUp() && (f.gz || now.Sub(f.lastGrew) > hotFor)
}

// reached notes that f was read to its end but for held.
func (f *file) reached(held []byte, now time.Time) {
	f.held, f.heldTorn, f.endSeen = len(held), len(held) > 0 && held[len(held)-1] != '\n', now
	if f.damaged() && len(held) == 0 {
		f.endSeen = time.Time{} // there is more, and the next try to read it tells what is wrong
	}
	if len(held) == 0 {
		f.heldSince = time.Time{}
	} else if f.heldSince.IsZero() {
		f.heldSince = now
	}
	size := int64(f.read.off) + int64(len(held))
	if size > f.size && !f.gz {
		f.lastGrew = now // a scan may never see it: it was read before
	}
	if size > f.size || f.gz && !f.damaged() {
		f.size = size
	}
}

// seeZip notes that the .gz in f's place has what was seen of it. What the plain file had may be less: its writer went on.
func (f *file) seeZip() {
	if f.gz && !f.excluded() {
		f.size, f.zipSeen = max(f.size, f.zipSeen), 0
	}
}

// damaged says that f is a .gz with damage behind what can be read of it.
func (f *file) damaged() bool {
	z, ok := f.src.(*zipped)
	return ok && z.damaged()
}

// joinable says that what f holds back are whole Lines of a container, which the next File may complete.
func (f *file) joinable() bool {
	return f.series != nil && f.desc.Format != wal.Plain && f.held > 0 && !f.heldTorn && f.held <= wal.TargetText/2
}

// goesOnIn says that what f holds back may go on in next: its Lines are looked at together with those.
func (f *file) goesOnIn(next *file) bool {
	a, b := f.desc, next.desc
	return f.joinable() && a.Format == b.Format && (a.Multiline == b.Multiline || a.Multiline != nil && b.Multiline != nil && *a.Multiline == *b.Multiline)
}

// waited says that what f holds back has waited for long enough, if only a multi-line Event is open in it. Behind a rotation
// the next File may have to be found first.
func (f *file) waited(now time.Time) bool {
	if f.desc.Multiline == nil || f.rotated && f.series != nil {
		return f.heldFor(now) > openFor
	}
	return f.heldFor(now) > f.desc.Multiline.MaxWait
}

func (f *file) heldFor(now time.Time) time.Duration {
	if f.heldSince.IsZero() {
		return 0
	}
	since := f.heldSince
	if f.series != nil { // the next File, too, wants its time to be looked at
		if next := f.series.after(f); next != nil && next.attached && next.read.off == next.desc.Start && next.met.After(since) {
			since = next.met
		}
	}
	return now.Sub(since)
}

// predecessor returns the File before f in its Attempt, or under its path, as long as f must not start: because that one was not
// read to its end since f was met, or because it holds back bytes that f's first Record has to carry. Otherwise nil.
func (f *file) predecessor() *file {
	if f.read.off != f.desc.Start {
		return nil
	}
	p := f.before()
	if p == nil || p.lost || p.excluded() || !p.attached || p.problem != "" || p.ended && p.readUp() {
		return nil
	}
	if p.endSeen.Before(f.met) || p.goesOnIn(f) {
		return p
	}
	return nil
}

// before returns the File that was written before f, by its container or under its path, or nil.
func (f *file) before() (p *file) {
	if f.series != nil {
		return f.series.before(f)
	}
	if f.desc.Ordinal == 0 {
		return nil
	}
	for _, other := range f.folder.files {
		if other.desc.Path == f.desc.Path && other.desc.Ordinal < f.desc.Ordinal && (p == nil || other.desc.Ordinal > p.desc.Ordinal) {
			p = other
		}
	}
	return p
}

// series is the Files of one Attempt, ascending by Ordinal.
type series struct{ files []*file }

func (s *series) after(f *file) *file {
	for i, other := range s.files[:len(s.files)-1] {
		if other == f {
			return s.files[i+1]
		}
	}
	return nil
}

func (s *series) before(f *file) *file {
	for i, other := range s.files {
		if other == f && i > 0 {
			return s.files[i-1]
		}
	}
	return nil
}

func (s *series) nextOrdinal() int {
	if n := len(s.files); n > 0 {
		return s.files[n-1].desc.Ordinal + 1
	}
	return 0
}
