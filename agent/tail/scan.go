package tail

import (
	"maps"
	"slices"
	"time"

	"logboom/checkpoint"
	"logboom/wal"
)

// scan looks at all folders: it finds new files, new names of known ones, growth, and what is gone.
func (t *Tailer) scan(now time.Time) {
	if t.begun.IsZero() {
		t.begun = now
	}
	if t.scans == 0 {
		t.sayProtection()
		t.openHints()
	}
	defer t.timeScan(now)()
	t.newNames, t.unmet, t.queued, t.crowded, t.firstLines = false, false, false, false, 0
	t.list()
	for id, fo := range t.folders {
		if fo.in == nil {
			continue // of an input that the configuration no longer has
		}
		t.scanFolder(fo, now)
		if len(fo.files) == 0 && len(fo.nascent) == 0 && len(fo.entries) == 0 && len(fo.unread) == 0 {
			delete(t.folders, id)
		}
	}
	if err := t.pins.sync(); err != nil {
		t.warnOnce(t.pins.dir, "pins may not survive a power cut", err)
	}
	t.sweepRefused()
	t.sweepDirs()
	if len(t.warned) >= maxWarned && t.scans%rewarnEvery == rewarnEvery-1 {
		clear(t.warned)
	}
	t.scans++
	t.reporting.Lock()
	defer t.reporting.Unlock()
	t.relieve(now)
	t.tally(now)
	if t.commit() == nil {
		t.dropPins()
	}
	t.publish(now)
}

// scanFolder matches the entries of fo with its Files.
func (t *Tailer) scanFolder(fo *folder, now time.Time) {
	pinned := map[key]string{}
	for _, e := range fo.entries {
		if e.pin {
			pinned[e.key] = e.path
		}
	}
	for _, f := range fo.files {
		f.plainEntry, f.zipEntry = nil, nil
	}
	t.lookForPod(fo, now)
	var strangers []*stranger
	behind, queued := false, false
	t.short = false
	for i := range fo.entries {
		e := &fo.entries[i]
		if fo.byKey[e.key] != nil || slices.ContainsFunc(strangers, func(s *stranger) bool { return s.entry.key == e.key }) {
			continue
		}
		if len(strangers) >= t.maxUnknown() || t.short && len(strangers) > 0 { // all of them are open
			t.unmet, queued, fo.unlisted, behind = true, true, true, t.scans == 0 || fo.behind
			t.queue(fo, i, pinned, now)
			break
		}
		if s := t.meet(fo, e, pinned[e.key], now); s != nil {
			strangers = append(strangers, s)
		}
	}
	t.recognise(fo, slices.Clone(strangers), now)
	if queued && slices.ContainsFunc(strangers, fo.gotOn) { // else the next scan would find the same
		t.nextScan, t.queued = now, true
	}
	fo.behind = behind
	for i := range fo.entries {
		fo.assign(&fo.entries[i])
	}
	t.vanishNascents(fo, now)
	t.sweepUnread(fo, now) // before the Files that may lose it are forgotten
	for _, f := range slices.Clone(fo.files) {
		t.look(f, pinned, now)
	}
	fo.sweep()
}

// gotOn says that s will be no stranger in the next scan.
func (fo *folder) gotOn(s *stranger) bool {
	k := s.entry.key
	_, passed := fo.passed[k]
	u := fo.unread[k]
	return passed || fo.byKey[k] != nil || fo.nascent[k] != nil || u != nil && u.why == errNotKept.Error()
}

// assign gives an entry to the File whose inode it names.
func (fo *folder) assign(e *entry) {
	f := fo.byKey[e.key]
	switch {
	case f == nil:
	case e.gz:
		f.zipEntry = e
	case f.plainEntry == nil || f.plainEntry.pin || !e.pin && e.kind == live:
		f.plainEntry = e // a name among the logs says more than a pin
	}
}

// sweep forgets what was noted about names that are gone.
func (fo *folder) sweep() {
	here := make(map[key]bool, len(fo.entries))
	paths := make(map[string]bool, len(fo.unreadable))
	for i := range fo.entries {
		here[fo.entries[i].key] = true
		if fo.unreadable[fo.entries[i].path] != "" {
			paths[fo.entries[i].path] = true
		}
	}
	maps.DeleteFunc(fo.passed, func(k key, _ stat) bool { return !here[k] })
	maps.DeleteFunc(fo.unreadable, func(path, _ string) bool { return !paths[path] })
}

// cannotTell says that f may stand behind a name that can't be read for now.
func (fo *folder) cannotTell(f *file) bool {
	return len(fo.unreadable) > 0 && slices.ContainsFunc(fo.entries, func(e entry) bool {
		_, damaged := fo.passed[e.key]
		return fo.unreadable[e.path] != "" && !damaged && f.mayBe(&e)
	})
}

// look brings f up to date with the entries that are its.
func (t *Tailer) look(f *file, pinned map[key]string, now time.Time) {
	t.learn(f)
	e := f.plainEntry
	if e == nil && (f.src == nil || f.gz) {
		e = f.zipEntry
	}
	switch {
	case e != nil:
		t.lookAtEntry(f, e, pinned, now)
	case f.src != nil && f.attached:
		t.lookAtDescriptor(f, now)
	case f.folder.unlisted || f.folder.cannotTell(f):
		return // what can't be listed or read isn't gone
	default:
		t.lookForLost(f, now)
		return
	}
	if f.done() && !slices.Contains(t.dropped, f) {
		t.finish(f)
	} else if !f.readUp() || f.held > 0 {
		t.warm(f)
	}
}

func (t *Tailer) lookAtEntry(f *file, e *entry, pinned map[key]string, now time.Time) {
	if f.gz != e.gz {
		t.close(f)
		f.endSeen = time.Time{}
	}
	f.missing, f.key, f.path, f.gz, f.pin = 0, e.key, e.path, e.gz, ""
	if !e.pin || !f.folder.unlisted { // else its log may stand where it stood
		f.rotated = e.gz || e.pin || e.kind != live || t.superseded(f)
	}
	if e.gz {
		f.ended = true
		f.seeZip()
		return
	}
	if f.pin = pinned[e.key]; !e.pin {
		f.name = e.path
	}
	t.grow(f, e.stat, now)
	f.ended = f.rotated && now.Sub(f.lastGrew) >= quietFor
}

// lookAtDescriptor keeps up with a file that has no name any more.
func (t *Tailer) lookAtDescriptor(f *file, now time.Time) {
	f.path, f.rotated = "", f.rotated || !f.folder.unlisted
	if p, ok := f.src.(plain); ok {
		if st, err := statAt(int(p.f.Fd()), ""); err == nil {
			t.grow(f, st, now)
		}
	}
	f.ended = now.Sub(f.lastGrew) >= quietFor && f.rotated
	if t.last(f) {
		f.nextLook = time.Time{}
	}
}

// grow notes the size of f's plain file.
func (t *Tailer) grow(f *file, st stat, now time.Time) {
	if st.size < int64(f.read.off) {
		t.truncated(f, now)
		return
	}
	if st.size < f.size { // what was cut off was seen and not read
		t.changed.Losses = append(t.changed.Losses, checkpoint.Loss{Time: now, File: f.desc, Start: wal.Offset(st.size), End: wal.Offset(f.size),
			Cause: checkpoint.CauseTruncated, Since: f.lastGrew, Until: now})
		f.size = st.size
	}
	if st.size > f.size || f.lastGrew.IsZero() {
		f.lastGrew = now
		if mtime := time.Unix(0, st.mtime); f.size == 0 && mtime.Before(now) {
			f.lastGrew = mtime
		}
		f.size = max(f.size, st.size)
		t.warm(f)
	}
	if f.excluded() {
		f.skip(st.size)
	}
	f.alloc, f.mtime = st.alloc, st.mtime
	f.onlyPin = f.pin != "" && st.links == 1
}

// superseded says that a later attempt of f's container writes already.
func (t *Tailer) superseded(f *file) bool {
	return f.folder.pod != "" && f.folder.attempt > f.desc.Attempt
}

// finish lets go of all that was held for a File that is read to its end.
func (t *Tailer) finish(f *file) {
	t.close(f)
	if f.pin != "" {
		if err := t.pins.remove(f.pin); err != nil {
			t.warnOnce(f.pin, "can't remove a pin", err)
			return
		}
		f.pin = ""
	}
}
