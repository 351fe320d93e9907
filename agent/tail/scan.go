package tail

import (
	"cmp"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"logboom/agent/status"
	"logboom/checkpoint"
	"logboom/wal"
)

// scan looks at all folders: it finds new files, new names of known ones, growth, and what is gone.
func (t *Tailer) scan(now time.Time) {
	t.list()
	for id, fo := range t.folders {
		if fo.in == nil {
			continue // of an input that the configuration no longer has
		}
		t.scanFolder(fo, now)
		if len(fo.files) == 0 && len(fo.nascent) == 0 && len(fo.entries) == 0 {
			delete(t.folders, id)
		}
	}
	if err := t.pins.sync(); err != nil {
		t.warnOnce(t.pins.dir, "pins may not survive a power cut", err)
	}
	t.commit()
	if len(t.warned) > maxWarned {
		clear(t.warned)
	}
	t.scans++
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
	var strangers []*stranger
	for i := range fo.entries {
		e := &fo.entries[i]
		if fo.byKey[e.key] != nil || slices.ContainsFunc(strangers, func(s *stranger) bool { return s.entry.key == e.key }) {
			continue
		}
		if s := t.meet(fo, e, pinned[e.key], now); s != nil {
			strangers = append(strangers, s)
		}
	}
	t.recognise(fo, strangers, now)
	for i := range fo.entries {
		fo.assign(&fo.entries[i])
	}
	for k := range fo.nascent {
		if !slices.ContainsFunc(fo.entries, func(e entry) bool { return e.key == k }) {
			t.vanishNascent(fo, k, now)
		}
	}
	for _, f := range slices.Clone(fo.files) {
		t.look(f, pinned, now)
	}
	fo.sweep()
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

// look brings f up to date with the entries that are its.
func (t *Tailer) look(f *file, pinned map[key]string, now time.Time) {
	e := f.plainEntry
	if e == nil && (f.src == nil || f.gz) {
		e = f.zipEntry
	}
	switch {
	case e != nil:
		t.lookAtEntry(f, e, pinned, now)
	case f.src != nil && f.attached:
		t.lookAtDescriptor(f, now)
	case f.folder.unlisted:
		return // what can't be listed isn't gone
	default:
		t.lookForLost(f, now)
		return
	}
	if f.done() {
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
	f.missing, f.path, f.gz, f.pin = 0, e.path, e.gz, ""
	f.rotated = e.gz || e.pin || e.kind != live || t.superseded(f)
	if e.gz {
		f.ended = true
		return
	}
	f.pin = pinned[e.key]
	t.grow(f, e.stat, now)
	f.ended = f.rotated && now.Sub(f.lastGrew) >= quietFor
}

// lookAtDescriptor keeps up with a file that has no name any more.
func (t *Tailer) lookAtDescriptor(f *file, now time.Time) {
	f.path, f.rotated = "", true
	if p, ok := f.src.(plain); ok {
		if st, err := statAt(int(p.f.Fd()), ""); err == nil {
			t.grow(f, st, now)
		}
	}
	f.ended = now.Sub(f.lastGrew) >= quietFor
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

// lookForLost deals with a File of which a scan found nothing.
func (t *Tailer) lookForLost(f *file, now time.Time) {
	if f.attached {
		clear(f.folder.passed) // a copy may do now
		for k, other := range f.folder.byKey {
			if other == f {
				delete(f.folder.byKey, k)
			}
		}
	}
	f.path, f.attached = "", false
	if f.missing++; f.missing < 2 {
		return
	}
	if unread := f.size - int64(f.read.off); !f.lost && (unread > 0 || f.cut) && !(f.ended && f.readUp()) {
		t.lose(f, now)
	}
	if f.pending == 0 && t.o.Acked() >= f.index {
		t.forget(f)
	}
}

// lose puts what is known to be unread of f into the ledger.
func (t *Tailer) lose(f *file, now time.Time) {
	l := checkpoint.Loss{Time: now, File: f.desc, Start: f.read.off, End: max(f.read.off, wal.Offset(f.size)), AtLeast: true,
		Cause: checkpoint.CauseDeleted, Since: f.lastGrew, Until: now}
	if f.cut {
		l.Cause = checkpoint.CauseTruncated
	}
	f.lost = true
	if l.End == l.Start {
		return // nothing is known to be missing
	}
	t.changed.Losses = append(t.changed.Losses, l)
	t.o.Log.Error("bytes of a log file are gone before they were read", "path", f.desc.Path, "file", f.desc.ID,
		"start", l.Start, "end", l.End, "cause", l.Cause)
}

// loseDamaged lists that the rest of a .gz can't be decompressed. How much that is, nobody can know.
func (t *Tailer) loseDamaged(f *file, now time.Time, err error) {
	f.lost = true
	t.close(f)
	t.changed.Losses = append(t.changed.Losses, checkpoint.Loss{Time: now, File: f.desc, Start: f.read.off, End: f.read.off, AtLeast: true,
		Cause: checkpoint.CauseDamaged, Detail: err.Error(), Since: f.lastGrew, Until: now})
	t.o.Log.Error("the rest of a compressed log can't be read", "path", f.path, "file", f.desc.ID, "start", f.read.off, "error", err)
}

// forget drops all memory of f: nothing on the disk can match it any more, and all of it is acknowledged.
func (t *Tailer) forget(f *file) {
	fo := f.folder
	t.close(f)
	for k, other := range fo.byKey {
		if other == f {
			delete(fo.byKey, k)
		}
	}
	is := func(other *file) bool { return other == f }
	fo.files = slices.DeleteFunc(fo.files, is)
	if f.series != nil {
		if f.series.files = slices.DeleteFunc(f.series.files, is); len(f.series.files) == 0 {
			delete(fo.series, f.desc.Attempt)
		}
	}
	t.hot = slices.DeleteFunc(t.hot, is)
	t.round = slices.DeleteFunc(t.round, is)
	delete(t.byID, f.desc.ID)
	t.changed.Forget = append(t.changed.Forget, f.desc.ID)
}

// truncated notes that f's bytes are no longer behind its inode. What stands there now is met as a new file; a copy of
// the old bytes (copytruncate makes one) may still be found.
func (t *Tailer) truncated(f *file, now time.Time) {
	t.close(f)
	clear(f.folder.passed) // a copy may do now
	f.attached, f.cut, f.path = false, true, ""
	for k, other := range f.folder.byKey {
		if other == f {
			delete(f.folder.byKey, k)
		}
	}
	if f.pin != "" { // it is on the inode, not on the bytes
		if err := t.pins.remove(f.pin); err != nil {
			t.warnOnce(f.pin, "can't remove a pin", err)
		}
		f.pin = ""
	}
	t.nextScan = now
	t.o.Log.Warn("a log file was truncated", "path", f.desc.Path, "file", f.desc.ID, "read", f.read.off, "size", f.size)
}

// commit writes what the scan found to the checkpoint. What can't be written now is kept for the next scan.
func (t *Tailer) commit() {
	if len(t.changed.Losses)+len(t.changed.Forget)+len(t.changed.Files) == 0 {
		return
	}
	if err := t.o.Ledger.Commit(t.changed); err != nil {
		t.warnOnce("checkpoint", "can't write to the ledger", err)
		return
	}
	t.calm("checkpoint")
	t.changed = checkpoint.Change{}
}

// publish makes the report of this scan.
func (t *Tailer) publish(now time.Time) {
	r := Report{Open: t.open, Pins: t.pins.works, Scans: t.scans, Count: len(t.byID), Files: make([]status.File, 0, len(t.byID))}
	for _, f := range t.byID {
		if f.onlyPin {
			r.PinBytes += f.size
		}
		lag := max(0, f.size-int64(f.safe.off))
		if f.lost {
			lag = 0
		}
		r.Unread += lag
		r.Files = append(r.Files, status.File{ID: f.desc.ID.String(), Path: f.desc.Path, Size: f.size, Durable: int64(f.safe.off), Lag: lag,
			State: f.state(), Error: f.problem, LastGrew: f.lastGrew})
	}
	for _, fo := range t.folders {
		for path, problem := range fo.unreadable {
			r.Files = append(r.Files, status.File{Path: path, State: "unreadable", Error: problem})
		}
	}
	slices.SortFunc(r.Files, func(a, b status.File) int {
		return cmp.Or(cmp.Compare(b.Error, a.Error), cmp.Compare(b.Lag, a.Lag), cmp.Compare(a.Path, b.Path), cmp.Compare(a.ID, b.ID))
	})
	r.Files = r.Files[:min(len(r.Files), status.MaxFiles)]
	t.report.Store(&r)
}

func (f *file) state() string {
	switch {
	case f.problem != "":
		return "unreadable"
	case f.done():
		return "done"
	case f.gz:
		return "gzip"
	case f.rotated:
		return "rotated"
	}
	return "active"
}

// AtEnd says that every readable File was read to its end. Bytes that wait there for the end of their Event count as
// read, unless Flush was called.
func (t *Tailer) AtEnd() bool {
	for _, f := range t.byID {
		if f.attached && !f.lost && f.problem == "" && !f.readUp() && (t.flush || f.held == 0) {
			return false
		}
	}
	return len(t.given) == 0
}

// Finished is asked while nothing is left to do. It says yes when a whole scan since the first such question found
// nothing either, and neither did another one after a Flush.
func (t *Tailer) Finished() bool {
	if t.records.Load() != t.rest.records || t.rest.scans == 0 {
		t.rest.records, t.rest.scans = t.records.Load(), t.scans
		t.nextScan = time.Time{}
		return false
	}
	if t.scans == t.rest.scans {
		return false
	}
	if !t.flush {
		t.rest.scans = 0
		t.Flush()
		return false
	}
	return true
}

// reopen opens f where it was last seen, if it is closed.
func (t *Tailer) reopen(f *file) error {
	if f.src != nil {
		return nil
	}
	if f.path == "" {
		return os.ErrNotExist
	}
	src, st, err := t.openAt(f.folder, f.path, f.gz)
	if err != nil {
		return err
	}
	if st.key != f.key && !f.gz {
		src.Close()
		return os.ErrNotExist // renamed since the scan: the next one finds it
	}
	t.hold(f, src)
	return nil
}

func (t *Tailer) hold(f *file, src content) {
	t.close(f)
	f.src = src
	t.open++
}

func (t *Tailer) close(f *file) {
	if f.src != nil {
		f.src.Close()
		f.src = nil
		t.open--
	}
}

// closeQuiet gives descriptors back that pins or names make dispensable.
func (t *Tailer) closeQuiet(now time.Time) {
	for _, f := range t.byID {
		if t.open <= t.o.MaxOpen*3/4 {
			return
		}
		if f.src != nil && f.path != "" && f.readUp() && now.Sub(f.lastGrew) > hotFor {
			t.close(f)
		}
	}
}

// openAt opens the log file at path. A pod's logs are opened through the input's root, which refuses links that lead
// out of it; O_NONBLOCK keeps a FIFO that took the name meanwhile from holding up everything.
func (t *Tailer) openAt(fo *folder, path string, gz bool) (content, stat, error) {
	var f *os.File
	var err error
	if in := fo.in; in.root != nil && !t.pins.holds(path) {
		var rel string
		if rel, err = filepath.Rel(in.Root, path); err == nil {
			f, err = in.root.OpenFile(rel, openFlags, 0)
		}
	} else {
		f, err = os.OpenFile(path, openFlags, 0)
	}
	if err != nil {
		return nil, stat{}, err
	}
	st, err := statAt(int(f.Fd()), "")
	if err != nil || !st.regular {
		f.Close()
		return nil, stat{}, cmp.Or(err, error(errNotRegular))
	}
	if !gz {
		return plain{f}, st, nil
	}
	z, err := newZipped(f)
	if err != nil {
		f.Close()
		return nil, stat{}, err
	}
	return z, st, nil
}
