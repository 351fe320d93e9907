package tail

import (
	"fmt"
	"slices"
	"time"

	"logboom/checkpoint"
	"logboom/wal"
)

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
	if f.missing++; f.missing == 1 {
		f.goneSince = now
	}
	if f.missing < 2 || now.Sub(f.goneSince) < scanEvery || f.pending > 0 {
		return // a Record that is not durable may have to be read again, and would be lost with the rest then
	}
	f.seeUnread()
	if unread := f.size - int64(f.read.off); !f.lost && (unread > 0 || f.cut) && !(f.ended && f.readUp()) {
		t.lose(f, now)
	}
	if t.o.Acked() >= f.index && !t.toTell(f) {
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
}

// loseDamaged lists that the rest of a .gz can't be decompressed. How much that is, nobody can know, unless the plain file
// was seen. Where the damage is before the Offset, there may be no rest: the status tells of it, as of what can't be read.
func (t *Tailer) loseDamaged(f *file, now time.Time, err error) {
	z, ok := f.src.(*zipped)
	before := !ok || z.from+int64(len(z.kept)) < int64(f.read.off)
	f.lost = true
	t.close(f)
	if before && f.size <= int64(f.read.off) {
		f.problem = err.Error()
		t.warnOnce(f.desc.Path, "a .gz is damaged before the place where reading would go on: nobody can know whether there was more", err)
		return
	}
	t.changed.Losses = append(t.changed.Losses, checkpoint.Loss{Time: now, File: f.desc, Start: f.read.off, End: max(f.read.off, wal.Offset(f.size)),
		AtLeast: true, Cause: checkpoint.CauseDamaged, Detail: err.Error(), Since: f.lastGrew, Until: now})
}

// doubt notes of a .gz that was read to its end that this may not be what was compressed. No byte of it is known to be missing, so
// that is no loss: the log tells of it, and the status, as long as the file is there.
func (t *Tailer) doubt(f *file) {
	z, ok := f.src.(*zipped)
	if !ok || z.doubt() == nil {
		return
	}
	f.doubt = z.doubt().Error()
	t.warnOnce(f.desc.Path, "a .gz is damaged at its end", z.doubt())
}

// loseBehindZip lists what was seen of f's plain file, but is not in the .gz that was made of it: its writer went on meanwhile, or
// the .gz is damaged.
func (t *Tailer) loseBehindZip(f *file, held int, now time.Time) {
	if end := f.read.off + wal.Offset(held); f.gz && !f.damaged() && end < wal.Offset(f.size) {
		l := checkpoint.Loss{Time: now, File: f.desc, Start: end, End: wal.Offset(f.size), Cause: checkpoint.CauseDeleted, Since: f.lastGrew, Until: now}
		if f.doubt != "" {
			l.Cause, l.Detail = checkpoint.CauseDamaged, f.doubt
		}
		t.changed.Losses = append(t.changed.Losses, l)
	}
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

// toTell says that the checkpoint is still to hear of f: how much of it was excluded, as a rule.
func (t *Tailer) toTell(f *file) bool {
	return slices.ContainsFunc(t.changed.Files, func(fs checkpoint.FileState) bool { return fs.File.ID == f.desc.ID })
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

// commit writes what the scan found to the checkpoint. What can't be written now is kept for the next scan.
func (t *Tailer) commit() error {
	if len(t.changed.Losses)+len(t.changed.Forget)+len(t.changed.Files) == 0 {
		return nil
	}
	if err := t.o.Ledger.Commit(t.changed); err != nil {
		t.warnOnce("checkpoint", "can't write to the ledger", err)
		return fmt.Errorf("write to the ledger: %w", err)
	}
	t.calm("checkpoint")
	for i := range t.changed.Losses {
		l := &t.changed.Losses[i]
		t.o.Log.Error("bytes of a log file are gone before they were read", "path", l.File.Path, "file", l.File.ID,
			"start", l.Start, "end", l.End, "at_least", l.AtLeast, "cause", l.Cause, "detail", l.Detail)
	}
	t.changed = checkpoint.Change{}
	return nil
}
