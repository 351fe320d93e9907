package tail

import (
	"cmp"
	"path/filepath"
	"slices"
	"time"

	"logboom/wal"
)

// recognise finds out which Files the strangers in fo are: by inode, then by content, and the rest are new. The order of
// their first lines is the order of new Files.
func (t *Tailer) recognise(fo *folder, strangers []*stranger, now time.Time) {
	strangers = t.passTorn(fo, strangers)
	strangers = slices.DeleteFunc(strangers, func(s *stranger) bool {
		f := t.identify(fo, s, true)
		if f != nil {
			t.attach(f, s.nascent, now)
		}
		return f != nil || t.postpone(fo, s, now)
	})
	slices.SortStableFunc(strangers, func(a, b *stranger) int {
		return cmp.Or(cmp.Compare(a.entry.attempt, b.entry.attempt), cmp.Compare(a.time, b.time), cmp.Compare(t.turn(&a.entry), t.turn(&b.entry)),
			cmp.Compare(a.entry.rotatedAt(), b.entry.rotatedAt()), compareBool(a.entry.gz, b.entry.gz))
	})
	var waiting []*stranger
	for i, s := range strangers {
		e := &s.entry
		if e.kind != live && fo.pod == "" {
			t.refresh(fo, e, now)
		}
		if t.copying(fo, s, strangers[i+1:], now) {
			s.src.Close()
			t.unmet = true
			continue
		}
		f := t.identify(fo, s, false)
		if t.postpone(fo, s, now) {
			continue
		}
		if f != nil && f.attached && f.excluded() && !e.gz {
			f.skip(e.size) // it may be known by its .gz only, which nobody unpacks to see how long it is
		}
		if f != nil && f.attached && !e.gz || f == nil && e.kind == sibling && !t.wanted(fo, e) {
			if s.pin != "" && !e.pin {
				e.links = max(e.links, 2) // the pin may have been made since; when only that is left, it is looked at again
			}
			fo.passed[e.key] = e.stat // a copy of what is read elsewhere, or nobody's
			s.src.Close()
			if f != nil && e.pin && e.links == 1 && e.size > int64(f.safe.off) {
				f.pinned = e.key
			} else if f != nil && e.pin && e.links == 1 { // its name is gone, and all of it is durable as f's
				if err := t.pins.remove(e.path); err != nil {
					t.warnOnce(e.path, "can't remove a pin", err)
				}
			}
			continue
		}
		if f == nil {
			if t.awaits(fo, s.nascent) {
				waiting = append(waiting, s)
				continue
			}
			copied := fo.shortCopy(e)
			f = t.newFile(fo, e, s)
			t.passOver(f, s.nascent)
			if copied {
				t.startAt(f, e.size)
			}
		}
		t.attach(f, s.nascent, now)
	}
	if len(waiting) > 0 {
		t.await(fo, waiting, now)
	}
}

// wanted says whether e, a sibling, was asked for under another name.
func (t *Tailer) wanted(fo *folder, e *entry) bool {
	return madeByRotation(e.name, e.of) && (fo.afterKnown(e) || t.newborn(e))
}

// turn says which of new files that have no times come first: what was rotated, then what is live, and then siblings that may have
// been there before us, about which what is live decides.
func (t *Tailer) turn(e *entry) int {
	if e.kind == sibling && !t.newborn(e) {
		return 2
	}
	return age(*e)
}

// postpone leaves s to a later scan if it can't be told now which File it is.
func (t *Tailer) postpone(fo *folder, s *stranger, now time.Time) bool {
	if s.failed == nil {
		return false
	}
	t.cannotReadOpen(fo, s.nascent, s.failed, now)
	return true
}

// refresh looks again at what e may be a copy of: it may have grown since it was listed, and the copytruncate that made e may
// have cut it since.
func (t *Tailer) refresh(fo *folder, e *entry, now time.Time) {
	for _, f := range fo.files {
		if !f.attached || f.gz || f.rotated || f.lost || !f.mayBe(e) || t.reopen(f) != nil {
			continue
		}
		p := f.src.(plain)
		st, err := statAt(int(p.f.Fd()), "")
		if err != nil {
			continue
		}
		if same, err := p.follows(f.read.tailBytes(), int64(f.read.off)); err == nil && !same {
			t.truncated(f, now)
		} else {
			t.grow(f, st, now)
		}
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
			if startsWith(f.desc.Identity, s.head) && t.verify(f, s) || byInode && t.lostHead(f, s) {
				return f
			}
			if s.failed != nil {
				return nil
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

func (f *file) onInode(e *entry) bool {
	return !e.gz && e.key == key{f.desc.Identity.Inode, f.desc.Identity.Birth}
}

// afterKnown says whether a sibling that is no known File was written after one of the Files with its base name came to
// be: then it was rotated twice between two looks. Older ones were there before us, and nobody asked for them.
func (fo *folder) afterKnown(e *entry) bool {
	return slices.ContainsFunc(fo.files, func(f *file) bool {
		birth := f.desc.Identity.Birth
		return filepath.Base(f.desc.Path) == e.of && birth != 0 && e.mtime > birth
	})
}

// newborn says whether e was made and written since we look: then it had a name that is asked for between two looks. A .gz
// may be made now of what is old.
func (t *Tailer) newborn(e *entry) bool {
	begun := t.begun.Add(-clockStep).UnixNano()
	return !e.gz && e.key.birth > begun && e.mtime > begun
}

// attach makes f be read from n, or, if it is read from elsewhere, notes that n is the same.
func (t *Tailer) attach(f *file, n *nascent, now time.Time) {
	e := &n.entry
	f.folder.byKey[e.key] = f
	if e.gz {
		f.zipSeen = n.seen
	}
	if f.attached {
		n.src.Close()
		return
	}
	f.attached, f.cut, f.missing, f.known = true, false, 0, nil
	f.key, f.path, f.gz, f.pin = e.key, e.path, e.gz, n.pin
	if e.gz || f.onInode(e) {
		f.seeUnread()
	}
	f.unread = 0 // else that is something else
	f.met, f.endSeen, f.problem, f.doubt = now, time.Time{}, "", ""
	if f.excluded() {
		t.leave(f, n)
		return
	}
	f.seeZip()
	if f.read.tailN == 0 {
		f.read.loadTail(n.src, f.desc.Start)
		f.safe = f.read
	}
	t.holdNew(f, n.src)
	t.warm(f)
}

// loadTail fetches the bytes before p.
func (p *position) loadTail(src content, start wal.Offset) {
	buf := p.tail[max(0, len(p.tail)-int(p.off-start)):]
	if n, err := src.readAt(buf, int64(p.off)-int64(len(buf))); err == nil && n == len(buf) {
		p.tailN = n
	}
}
