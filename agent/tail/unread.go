package tail

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"logboom/checkpoint"
	"logboom/wal"
)

// A file that is listed and can't be opened, for want of descriptors, of the right to, or of a disk that works, is not read and not
// known, but it is there, and may go before it can be read. So it has its pin all the same, which is made from its name and needs no
// descriptor; and where it can't have one, it is remembered by its inode, until it is met or all its names are gone. Then the ledger
// tells what was there.

// unread is such a file.
type unread struct {
	entry  entry // as last listed
	why    string
	seen   time.Time
	start  int64 // of its content, what nobody wants: it was there before a first start
	size   int64 // of its content, as far as that is known
	copied bool  // a .gz of it was there
	gone   int   // scans in a row that found no name of it
	since  time.Time
	pin    string // given up for space: it goes when the ledger has that
}

// noteUnread remembers e, which can't be read for now.
func (t *Tailer) noteUnread(fo *folder, e *entry, err error, now time.Time) {
	u := fo.unread[e.key]
	if u == nil {
		u = &unread{start: t.unwanted(fo, e)}
		fo.unread[e.key] = u
	}
	u.why = err.Error()
	u.see(e, now)
	if e.gz {
		return
	}
	for _, f := range fo.files {
		if !f.attached && !f.lost && !f.cut && f.onInode(e) && e.size > max(f.size, f.unread) { // then it is f that loses this
			f.unread, f.lastGrew = e.size, now
		}
	}
}

func (u *unread) see(e *entry, now time.Time) {
	if !e.pin || u.entry.path == "" || u.entry.pin { // a name among the logs says more than a pin
		u.entry = *e
	}
	u.seen, u.gone, u.size = now, 0, max(u.size, e.size)
}

// pinUnread keeps the bytes of a container's file that is not open. The pin must be the inode that was listed, and lie where the
// input may read: there is no descriptor that would say so.
func (t *Tailer) pinUnread(fo *folder, e *entry) {
	if e.gz || e.pin || !t.canPin(fo) {
		return
	}
	target, err := filepath.EvalSymlinks(e.path)
	if err != nil {
		return
	}
	if a, _ := fo.in.anchorOf(target); a == nil {
		return
	}
	pin, err := t.pins.link(fo, target, 0, *e)
	if err != nil {
		t.warnOnce(e.path, "can't pin a log file that can't be read", err)
	}
	if pin == "" {
		return
	}
	if st, err := statAt(unix.AT_FDCWD, pin); err == nil && st.key == e.key {
		return
	}
	if err := t.pins.remove(pin); err != nil {
		t.warnOnce(pin, "can't remove a pin", err)
	}
}

// errNotKept says that more files than can be open wait to be met.
var errNotKept = errors.New("it was gone before its turn to be opened")

// queue notes those entries of fo, from the nth on, whose turn to be met has not come.
func (t *Tailer) queue(fo *folder, n int, pinned map[key]string, now time.Time) {
	for i := range fo.entries[n:] {
		e := &fo.entries[n+i]
		if fo.byKey[e.key] != nil || fo.nascent[e.key] != nil || fo.unread[e.key] != nil || fo.passed[e.key] == e.stat {
			continue
		}
		if pinned[e.key] == "" {
			t.pinUnread(fo, e)
		}
		t.noteUnread(fo, e, errNotKept, now)
	}
}

// vanishUnkept notes that a nascent file is gone of which no descriptor was left.
func (t *Tailer) vanishUnkept(fo *folder, n *nascent, now time.Time) {
	t.noteUnread(fo, &n.entry, errNotKept, now)
	u := fo.unread[n.entry.key]
	if n.old {
		u.start = n.oldSize
	}
	if n.entry.gz {
		u.size = n.seen
	}
}

// passing says that an error is of the system, and may be over soon.
func passing(err error) bool { return errors.As(err, new(syscall.Errno)) }

// sweepUnread lists those of the files that could not be read whose names are all gone.
func (t *Tailer) sweepUnread(fo *folder, now time.Time) {
	if len(fo.unread) == 0 {
		return
	}
	named := map[key]bool{}
	for i := range fo.entries {
		e := &fo.entries[i]
		if u := fo.unread[e.key]; u != nil {
			named[e.key] = true
			u.see(e, now)
		}
	}
	for k, u := range fo.unread {
		if fo.byKey[k] != nil || fo.nascent[k] != nil {
			delete(fo.unread, k)
			continue
		}
		if named[k] || fo.unlisted {
			continue
		}
		if u.gone++; u.gone == 1 {
			u.since = now
		}
		if u.gone >= 2 && now.Sub(u.since) >= scanEvery {
			t.vanishUnread(fo, k, now)
		}
	}
}

// vanishUnread puts what was behind k into the ledger, of which no name is left.
func (t *Tailer) vanishUnread(fo *folder, k key, now time.Time) {
	u := fo.unread[k]
	delete(fo.unread, k)
	if u.pin == "" && !fo.ofKnown(u) {
		t.loseUnread(fo, u, checkpoint.Loss{Time: now, AtLeast: true, Cause: checkpoint.CauseDeleted, Detail: "it could not be read: " + u.why, Until: now})
	}
}

// loseUnread puts u into the ledger, as l says, unless its bytes stand elsewhere.
func (t *Tailer) loseUnread(fo *folder, u *unread, l checkpoint.Loss) {
	e := &u.entry
	if u.size <= u.start || fo.compressed(u) || e.kind == sibling && !t.wanted(fo, e) {
		return
	}
	d := t.describeNew(fo, e, nil, nil)
	if d.Excluded != "" && d.Excluded != unknownPod {
		return
	}
	d.ID = DeriveID(d, fo.pod, fmt.Appendf(nil, "unread %d %d", e.key.inode, e.key.birth), 0)
	l.File, l.Start, l.End, l.Since = d, wal.Offset(u.start), wal.Offset(u.size), u.seen
	t.changed.Losses = append(t.changed.Losses, l)
	t.changed.Forget = append(t.changed.Forget, d.ID) // nothing else is known of it
}

// cannotReadOpen is cannotRead of n, which could be opened.
func (t *Tailer) cannotReadOpen(fo *folder, n *nascent, err error, now time.Time) {
	n.src.Close()
	t.cannotRead(fo, &n.entry, err, now)
	if u := fo.unread[n.entry.key]; u != nil && n.old {
		u.start = n.oldSize
	}
}

// onlyPins calls fn for each of the files that could not be read whose only name is a pin.
func (fo *folder) onlyPins(fn func(u *unread, e *entry)) {
	for i := range fo.entries {
		e := &fo.entries[i]
		if u := fo.unread[e.key]; u != nil && e.pin && e.links == 1 {
			fn(u, e)
		}
	}
}

// giveUpUnread makes what stands behind the pin e a loss: of the File that it is, if that is known. From then on it is not read.
func (t *Tailer) giveUpUnread(fo *folder, u *unread, e *entry, now time.Time) {
	u.pin = e.path
	l := checkpoint.Loss{Time: now, AtLeast: true, Cause: checkpoint.CauseDropped, Detail: "its pin was given up for space; it could not be read: " + u.why, Until: now}
	f := fo.lastSeenIn(u)
	switch {
	case f == nil:
		t.loseUnread(fo, u, l)
	case !f.attached && !f.lost:
		f.lost = true
		f.seeUnread()
		if l.File, l.Start, l.End, l.Since = f.desc, f.read.off, wal.Offset(f.size), f.lastGrew; l.End > l.Start {
			t.changed.Losses = append(t.changed.Losses, l)
		}
	}
}

// dropUnread lets go of the pins that were given up.
func (t *Tailer) dropUnread(fo *folder) {
	for k, u := range fo.unread {
		if u.pin == "" {
			continue
		}
		if err := t.pins.remove(u.pin); err != nil {
			t.warnOnce(u.pin, "can't remove a pin", err)
			continue
		}
		delete(fo.unread, k)
	}
}

// unwanted returns how much of a file that was never read was there before a first start that should not read it.
func (t *Tailer) unwanted(fo *folder, e *entry) int64 {
	if t.startsNow(fo, e) && t.wasThere(fo, e) {
		return e.size
	}
	return 0
}

// lastSeenIn returns the File that was last seen in u, or nil. What was cut, or is read from a copy, is not in its inode any more.
func (fo *folder) lastSeenIn(u *unread) *file {
	for _, f := range fo.files {
		if f.onInode(&u.entry) && !f.cut && (!f.attached || f.gz) {
			return f
		}
	}
	return nil
}

// seeUnread notes that what could not be read was f.
func (f *file) seeUnread() { f.size, f.unread = max(f.size, f.unread), 0 }

// ofKnown says that u is what a File was last seen in, which loses it, or a .gz of that, or of what could not be read either and is
// still there.
func (fo *folder) ofKnown(u *unread) bool {
	if fo.lastSeenIn(u) != nil {
		return true
	}
	for _, f := range fo.files {
		if u.entry.gz && f.name != "" && u.entry.path == f.name+".gz" {
			return true
		}
	}
	if !u.entry.gz {
		return false
	}
	var some *unread
	for _, v := range fo.unread {
		switch e := &v.entry; {
		case e.gz || e.attempt != u.entry.attempt || v.copied:
		case e.path+".gz" == u.entry.path:
			some = v
		case e.pin && some == nil: // an earlier run made it, and knew the name
			some = v
		}
	}
	if some != nil {
		some.copied = true
	}
	return some != nil
}

// compressed says that u was compressed meanwhile: another file has its bytes, which was read, or can't be read either.
func (fo *folder) compressed(u *unread) bool {
	e := &u.entry
	if e.gz {
		return false
	}
	for _, v := range fo.unread {
		if v.entry.gz && v.entry.path == e.path+".gz" {
			v.size = max(v.size, u.size)
			return true
		}
	}
	for _, f := range fo.files {
		zip := f.desc.Path
		if f.replaces == (key{}) && strings.HasSuffix(zip, ".gz") && f.mayBe(e) && (zip == e.path+".gz" || e.kind == live && !f.met.Before(u.seen)) {
			f.replaces = e.key
			return true
		}
	}
	return false
}
