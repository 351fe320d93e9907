package tail

import (
	"errors"
	"slices"
	"syscall"
	"time"

	"logboom/agent/parse"
	"logboom/wal"
)

// nascent is a file whose first line isn't complete: it has no Identity yet.
type nascent struct {
	src   content // nil while a pin keeps its bytes
	entry entry
	pin   string
	met   time.Time

	seen    int64 // bytes of a .gz, decompressed: there may be more
	waits   bool  // it has a first line, and is met when its pod is known
	old     bool  // it was there before the first start
	oldSize int64 // and so much of it
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

	failed error // why it can't be told which File it is
}

// meet opens an entry with an unknown inode. It returns nil as long as its first line isn't complete.
func (t *Tailer) meet(fo *folder, e *entry, pin string, now time.Time) *stranger {
	if old, ok := fo.passed[e.key]; ok && old == e.stat && !fo.readElsewhere(e) {
		return nil
	}
	u := fo.unread[e.key]
	if u != nil && u.pin != "" {
		return nil // it was given up
	}
	n := fo.nascent[e.key]
	if t.stillWaits(fo, n, e) {
		return nil
	}
	if n != nil && !n.waits && n.src == nil && n.entry.size == e.size && !t.flush && !e.quiet(now) {
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
		n = &nascent{pin: pin, met: now}
	}
	if n.src == nil {
		src, st, err := t.openAt(fo, e.path, e.gz)
		if err != nil {
			t.short = outOfDescriptors(err)
			if pin == "" && passing(err) {
				t.pinUnread(fo, e)
			}
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
	if u != nil && u.start > 0 && !n.old {
		n.old, n.oldSize = true, u.start
	}
	delete(fo.unreadable, e.path)
	delete(fo.unread, e.key)
	t.pinNascent(fo, n)
	return t.peek(fo, n, now)
}

// readElsewhere says that all of e, the pin of a copy whose name is gone, became durable since it was passed over.
func (fo *folder) readElsewhere(e *entry) bool {
	return e.pin && e.links == 1 && slices.ContainsFunc(fo.files, func(f *file) bool { return f.pinned == e.key && f.attached && e.size <= int64(f.safe.off) })
}

// peek reads the first line of n, which stays nascent as long as that isn't complete.
func (t *Tailer) peek(fo *folder, n *nascent, now time.Time) *stranger {
	e := &n.entry
	head := make([]byte, wal.MaxHead)
	size, err := n.src.readAt(head, 0)
	rest(n.src)
	head = head[:size]
	n.seen = int64(size)
	line := firstLine(head)
	whole := len(line) == wal.MaxHead || len(line) > 0 && line[len(line)-1] == '\n'
	if err != nil && !whole {
		t.cannotReadOpen(fo, n, err, now)
		return nil
	}
	if len(line) == 0 || !whole && !t.flush && !e.quiet(now) {
		t.keepNascent(fo, n)
		return nil
	}
	delete(fo.nascent, e.key)
	return &stranger{nascent: n, head: head, line: line, time: string(parse.Time(line))}
}

// keepNascent leaves n for the next scan, open where nothing else keeps its bytes.
func (t *Tailer) keepNascent(fo *folder, n *nascent) {
	fo.nascent[n.entry.key] = n
	if n.pin != "" || n.entry.gz && !n.waits || t.firstLines >= t.maxUnknown() {
		n.src.Close()
		n.src = nil
		return
	}
	t.firstLines++
}

// quiet says that nobody will write to the file any more, as far as can be known.
func (e *entry) quiet(now time.Time) bool {
	return (e.kind != live || e.pin) && now.Sub(time.Unix(0, e.mtime)) >= quietFor
}

// cannotRead tells about a file that can't be read. A .gz that is still being written is no reason to tell.
func (t *Tailer) cannotRead(fo *folder, e *entry, err error, now time.Time) {
	if errors.Is(err, syscall.ENOENT) || e.gz && !passing(err) && !e.quiet(now) {
		return
	}
	if t.refuse(e.path, err) {
		delete(fo.unread, e.key)
		return
	}
	fo.unreadable[e.path] = err.Error()
	t.noteUnread(fo, e, err, now)
	t.warnOnce(e.path, "can't read a log file; the others go on", err)
	if e.gz && !passing(err) {
		fo.passed[e.key] = e.stat // until it changes
	}
}

// pinNascent keeps the bytes of a container's file from the first sight on.
func (t *Tailer) pinNascent(fo *folder, n *nascent) {
	p, ok := n.src.(plain)
	if !ok || n.pin != "" || !t.canPin(fo) {
		return
	}
	pin, err := t.pins.add(fo, p.f, n.entry)
	if err != nil && cannotLink(err) {
		t.noLinks(fo.in, err)
		return
	}
	if err != nil {
		t.warnOnce(n.entry.path, "can't pin a log file", err)
		return
	}
	n.pin = pin
}

// vanishNascents deals with nascent files whose last names are gone.
func (t *Tailer) vanishNascents(fo *folder, now time.Time) {
	var strangers []*stranger
	for k, n := range fo.nascent {
		if fo.unlisted || fo.entry(k) != nil {
			continue
		}
		delete(fo.nascent, k)
		if n.src == nil {
			t.vanishUnkept(fo, n, now)
			continue
		}
		n.entry.kind, n.entry.mtime = rotated, 0 // no more is to come
		if s := t.peek(fo, n, now); s != nil {
			strangers = append(strangers, s)
		} else if fo.nascent[k] == n {
			delete(fo.nascent, k)
			if n.src != nil {
				n.src.Close()
			}
		}
	}
	t.recognise(fo, strangers, now)
}
