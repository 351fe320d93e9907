package tail

import (
	"bytes"
	"cmp"
	"errors"
	"hash/crc32"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"logboom/agent/parse"
	"logboom/checkpoint"
	"logboom/wal"
)

const openFlags = syscall.O_RDONLY | syscall.O_NONBLOCK | syscall.O_CLOEXEC

var errNotRegular = errors.New("no regular file")

// nascent is a file whose first line isn't complete: it has no Identity yet.
type nascent struct {
	src   content // nil while a pin keeps its bytes
	entry entry
	pin   string
}

func (fo *folder) closeNascent() {
	for _, n := range fo.nascent {
		if n.src != nil {
			n.src.Close()
		}
	}
}

// stranger is an entry with an unknown inode, open and with its first line known.
type stranger struct {
	*nascent
	head []byte // the first wal.MaxHead bytes
	line []byte // what of them is the first line
	time string // of the first line, if it has one
}

// meet opens an entry with an unknown inode. It returns nil as long as its first line isn't complete.
func (t *Tailer) meet(fo *folder, e *entry, pin string, now time.Time) *stranger {
	if old, ok := fo.passed[e.key]; ok && old == e.stat {
		return nil
	}
	n := fo.nascent[e.key]
	if n != nil && n.src == nil && n.entry.size == e.size && !t.flush && !e.quiet(now) {
		return nil // as before
	}
	if e.pin && e.links == 1 && e.size == 0 && e.quiet(now) { // a silent container is gone
		if err := t.pins.remove(e.path); err != nil {
			t.warnOnce(e.path, "can't remove a pin", err)
		}
		delete(fo.nascent, e.key)
		return nil
	}
	if n == nil {
		n = &nascent{pin: pin}
	}
	if n.src == nil {
		src, st, err := t.openAt(fo, e.path, e.gz)
		if err != nil {
			t.cannotRead(fo, e, err, now)
			return nil
		}
		if st.key != e.key {
			src.Close() // renamed since it was listed: the next scan finds it
			return nil
		}
		n.src = src
	}
	n.entry = *e
	delete(fo.unreadable, e.path)
	t.pinNascent(fo, n)
	return t.peek(fo, n, now)
}

// peek reads the first line of n, which stays nascent as long as that isn't complete.
func (t *Tailer) peek(fo *folder, n *nascent, now time.Time) *stranger {
	e := &n.entry
	head := make([]byte, wal.MaxHead)
	size, err := n.src.readAt(head, 0)
	head = head[:size]
	line := firstLine(head)
	whole := len(line) == wal.MaxHead || len(line) > 0 && line[len(line)-1] == '\n'
	if err != nil && !whole {
		n.src.Close()
		t.cannotRead(fo, e, err, now)
		return nil
	}
	if len(line) == 0 || !whole && !t.flush && !e.quiet(now) {
		fo.nascent[e.key] = n
		if n.pin != "" || e.gz {
			n.src.Close()
			n.src = nil
		}
		return nil
	}
	delete(fo.nascent, e.key)
	return &stranger{nascent: n, head: head, line: line, time: string(parse.Time(line))}
}

// recognise finds out which Files the strangers in fo are: by inode, then by content, and the rest are new. The order of
// their first lines is the order of new Files.
func (t *Tailer) recognise(fo *folder, strangers []*stranger, now time.Time) {
	strangers = slices.DeleteFunc(strangers, func(s *stranger) bool {
		f := t.identify(fo, s, true)
		if f != nil {
			t.attach(f, s.nascent, now)
		}
		return f != nil
	})
	slices.SortStableFunc(strangers, func(a, b *stranger) int {
		return cmp.Or(cmp.Compare(a.entry.attempt, b.entry.attempt), cmp.Compare(a.time, b.time), compareBool(a.entry.gz, b.entry.gz))
	})
	for _, s := range strangers {
		e := &s.entry
		f := t.identify(fo, s, false)
		if f != nil && f.attached && !e.gz || f == nil && e.kind == sibling && !fo.afterKnown(e) {
			fo.passed[e.key] = e.stat // a copy of what is read elsewhere, or nobody's
			s.src.Close()
			continue
		}
		if f == nil {
			f = t.newFile(fo, e, s)
			t.passOver(f, e, s.src)
		}
		t.attach(f, s.nascent, now)
	}
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// quiet says that nobody will write to the file any more, as far as can be known.
func (e *entry) quiet(now time.Time) bool {
	return (e.kind != live || e.pin) && now.Sub(time.Unix(0, e.mtime)) >= quietFor
}

// cannotRead tells about a file that can't be read. A .gz that is still being written is no reason to tell.
func (t *Tailer) cannotRead(fo *folder, e *entry, err error, now time.Time) {
	if errors.Is(err, syscall.ENOENT) || e.gz && !e.quiet(now) {
		return
	}
	fo.unreadable[e.path] = err.Error()
	t.warnOnce(e.path, "can't read a log file; the others go on", err)
	if e.gz {
		fo.passed[e.key] = e.stat // until it changes
	}
}

// pinNascent keeps the bytes of a container's file from the first sight on.
func (t *Tailer) pinNascent(fo *folder, n *nascent) {
	p, ok := n.src.(plain)
	if !ok || n.pin != "" || fo.pod == "" || !t.pins.works {
		return
	}
	pin, err := t.pins.add(fo, p.f, n.entry)
	if err != nil {
		if !errors.Is(err, syscall.EXDEV) && !errors.Is(err, syscall.EROFS) && !errors.Is(err, syscall.EPERM) {
			t.warnOnce(n.entry.path, "can't pin a log file", err)
			return
		}
		t.pins.works = false
		t.o.Log.Warn("no hard links between the log folder and data_dir: only open descriptors keep rotated files until they are read, "+
			"and a killed agent lets go of them", "error", err)
		return
	}
	n.pin = pin
}

// vanishNascent deals with a nascent file whose last name is gone.
func (t *Tailer) vanishNascent(fo *folder, k key, now time.Time) {
	n := fo.nascent[k]
	delete(fo.nascent, k)
	if n.src == nil {
		return
	}
	n.entry.kind, n.entry.mtime = rotated, 0 // no more is to come
	if s := t.peek(fo, n, now); s != nil {
		t.recognise(fo, []*stranger{s}, now)
	} else if fo.nascent[k] == n {
		delete(fo.nascent, k)
		n.src.Close()
	}
}

// identify returns the known File whose bytes stand behind s, or nil.
func (t *Tailer) identify(fo *folder, s *stranger, byInode bool) *file {
	e := &s.entry
	for _, attached := range []bool{false, true} {
		if attached && (byInode || e.kind == live && !e.pin) {
			break // a live name is no copy of another one
		}
		for _, f := range fo.files {
			if f.attached != attached || f.lost || !f.mayBe(e) || byInode && !f.onInode(e) {
				continue
			}
			if !byInode && f.desc.Format == wal.Plain && !e.gz && (e.kind == live && !e.pin || attached && e.size > f.size) {
				continue // a new file may well start like the one before, and no copy is longer than what it is of
			}
			if startsWith(f.desc.Identity, s.head) && t.verify(f, e, s.src) || byInode && t.lostHead(f, s) {
				return f
			}
		}
	}
	return nil
}

// mayBe says whether e's name is one that f may have now.
func (f *file) mayBe(e *entry) bool {
	if f.folder.pod != "" {
		return f.desc.Attempt == e.attempt
	}
	base := filepath.Base(f.desc.Path)
	return e.name == base || e.of == base || f.onInode(e) || renamedFrom(e.name, map[string]bool{base: true}) != ""
}

// afterKnown says whether a sibling that is no known File was written after one of the Files with its base name came to
// be: then it was rotated twice between two looks. Older ones were there before us, and nobody asked for them.
func (fo *folder) afterKnown(e *entry) bool {
	return slices.ContainsFunc(fo.files, func(f *file) bool {
		birth := f.desc.Identity.Birth
		return filepath.Base(f.desc.Path) == e.of && birth != 0 && e.mtime > birth
	})
}

func (f *file) onInode(e *entry) bool {
	return !e.gz && e.key == key{f.desc.Identity.Inode, f.desc.Identity.Birth}
}

// verify says whether the bytes behind e are f's, as far as f has been read. It may move f's position, where the machine
// lost bytes of the log in a power cut that were durable in the WAL.
func (t *Tailer) verify(f *file, e *entry, src content) bool {
	off, sameInode := int64(f.read.off), f.onInode(e)
	if sameInode && e.key.birth != 0 && t.o.SameBoot && f.known != nil && e.size >= off && t.endsWith(f, src, off) {
		return true
	}
	prefix, reached, err := checksum(src, int64(f.desc.Start), off)
	if err == nil && reached == off && prefix == f.read.prefix {
		return true
	}
	if err != nil && e.gz && f.desc.Format != wal.Plain {
		return true // damaged before the Offset: fill tells what that costs
	}
	// The first line of a container's log has a time in nanoseconds: on one inode that is proof enough.
	if !sameInode || f.desc.Format == wal.Plain || f.known == nil || err != nil || reached < int64(f.desc.Start) {
		return false
	}
	t.o.Log.Warn("a log file is not what was read of it before a restart: its end was lost in a power cut", "path", e.path,
		"file", f.desc.ID, "read", off, "size", e.size)
	f.safe = position{off: wal.Offset(reached), prefix: prefix}
	if reached == off { // it shrank, and grew again: what is new below the Offset was never read
		f.safe = position{off: f.desc.Start}
	}
	f.read, f.size = f.safe, int64(f.safe.off)
	return true
}

// lostHead says whether s is f with a hole in its first line, as a power cut can leave it. Then f is read again from its
// start: the bytes that are still there have the ids that they had, so what is stored already is not stored twice.
func (t *Tailer) lostHead(f *file, s *stranger) bool {
	if f.known == nil || f.desc.Format == wal.Plain || bytes.IndexByte(s.line, 0) < 0 {
		return false
	}
	t.o.Log.Warn("a log file lost its first line: reading it again from its start", "path", s.entry.path, "file", f.desc.ID)
	d := *f.desc
	d.Identity = identityOf(s.entry.key, s.line)
	f.desc = &d
	f.safe = position{off: d.Start}
	f.read, f.size = f.safe, int64(d.Start)
	return true
}

// endsWith compares the last bytes before off with what is known of them.
func (t *Tailer) endsWith(f *file, src content, off int64) bool {
	n := min(wal.TailLen, off-int64(f.desc.Start))
	buf := make([]byte, n)
	m, err := src.readAt(buf, off-n)
	return err == nil && int64(m) == n && crc32.Checksum(buf, castagnoli) == f.known.Tail
}

// checksum returns the CRC-32C of the content's bytes [start, end), and where it really ended.
func checksum(src content, start, end int64) (sum uint32, reached int64, err error) {
	buf := make([]byte, 64<<10)
	for at := start; at < end; {
		n, err := src.readAt(buf[:min(int64(len(buf)), end-at)], at)
		if err != nil || n == 0 {
			return sum, at, err
		}
		sum = crc32.Update(sum, castagnoli, buf[:n])
		at += int64(n)
	}
	return sum, end, nil
}

// attach makes f be read from n, or, if it is read from elsewhere, notes that n is the same.
func (t *Tailer) attach(f *file, n *nascent, now time.Time) {
	e := &n.entry
	f.folder.byKey[e.key] = f
	if f.attached {
		n.src.Close()
		return
	}
	f.attached, f.cut, f.missing, f.known = true, false, 0, nil
	f.key, f.path, f.gz, f.pin = e.key, e.path, e.gz, n.pin
	f.met, f.endSeen, f.problem = now, time.Time{}, ""
	if f.read.tailN == 0 {
		f.read.loadTail(n.src, f.desc.Start)
		f.safe = f.read
	}
	t.hold(f, n.src)
	t.warm(f)
}

// loadTail fetches the bytes before p.
func (p *position) loadTail(src content, start wal.Offset) {
	buf := p.tail[max(0, len(p.tail)-int(p.off-start)):]
	if n, err := src.readAt(buf, int64(p.off)-int64(len(buf))); err == nil && n == len(buf) {
		p.tailN = n
	}
}

// newFile makes a File of what nobody has met before.
func (t *Tailer) newFile(fo *folder, e *entry, s *stranger) *file {
	line := s.line
	path := e.path
	if e.pin {
		path = filepath.Join(fo.dir, e.name)
	}
	in := fo.in
	if e.of != "" && e.kind == sibling {
		path, e.in = filepath.Join(fo.dir, e.of), fo.live[e.of]
	}
	if e.in != nil {
		in = e.in
	}
	d := &wal.File{Path: path, Format: in.Format, Node: t.o.Node, Identity: identityOf(e.key, line)}
	if d.Format == "" {
		d.Format = parse.Detect(s.head)
	}
	if fo.in.Format == "" && fo.pod != "" && d.Format == wal.Plain {
		d.Format = wal.CRI // a runtime wrote it: the first lines are torn, and each line is looked at by itself
	}
	f := &file{desc: d}
	if fo.pod != "" {
		parts := strings.SplitN(fo.pod, "_", 3)
		d.Namespace, d.Pod, d.PodUID, d.Container, d.Attempt = parts[0], parts[1], parts[2], fo.container, e.attempt
		d.Ordinal = fo.seriesOf(e.attempt).nextOrdinal()
	} else {
		for _, other := range fo.files {
			if other.desc.Path == path {
				d.Ordinal = max(d.Ordinal, other.desc.Ordinal+1)
			}
		}
	}
	d.Route = route(in.Route, d)
	for n := 0; ; n++ {
		d.ID = DeriveID(d, fo.pod, line, n)
		if t.byID[d.ID] == nil {
			break
		}
	}
	t.byID[d.ID] = f
	fo.add(f)
	return f
}

// passOver makes f start behind what was there before a first start that should not read it.
func (t *Tailer) passOver(f *file, e *entry, src content) {
	if !t.o.First || t.scans > 0 || !f.folder.in.FromNow {
		return
	}
	size := e.size
	if e.gz {
		_, size, _ = checksum(src, 0, 1<<62)
	}
	d := *f.desc
	d.Start = wal.Offset(lineStart(src, size))
	f.desc = &d
	f.read.off, f.size = d.Start, int64(d.Start)
	f.safe = f.read
	t.changed.Files = append(t.changed.Files, checkpoint.FileState{File: f.desc, Offset: d.Start})
}

// lineStart returns the start of the last Line that begins before size and is not complete there, or size.
func lineStart(src content, size int64) int64 {
	buf := make([]byte, 64<<10)
	from := max(0, size-int64(len(buf)))
	n, err := src.readAt(buf[:size-from], from)
	if i := bytes.LastIndexByte(buf[:n], '\n'); err == nil && i >= 0 {
		return from + int64(i) + 1
	}
	return size
}

// route fills in the parts of an index pattern that are known of the File for good.
func route(pattern string, d *wal.File) string {
	if !strings.Contains(pattern, "%{") {
		return pattern
	}
	return strings.NewReplacer("%{namespace}", d.Namespace, "%{pod}", d.Pod, "%{container}", d.Container,
		"%{attempt}", strconv.Itoa(d.Attempt)).Replace(pattern)
}
