package tail

import (
	"cmp"
	"slices"
	"time"

	"logboom/agent/status"
	"logboom/wal"
)

// Report is how things stand, as of the last scan.
type Report struct {
	Files     []status.File // all, the worst lag first
	Count     int
	Unread    int64 // bytes known and not durable
	Open      int
	Pins      bool
	PinBytes  int64
	Scans     int
	ReadBytes int64 // made durable since the start
	Written   int64 // ReadBytes and Unread, both as of the last scan
	Records   int64
	Refused   int64     // links that led out of their input, since the start
	Contents  []Content // of all Files
}

// Content is how much there is of a File, and how much of that is durable in the WAL.
type Content struct {
	ID      wal.FileID
	Start   wal.Offset
	Durable wal.Offset
	Size    wal.Offset // known
	Lost    bool       // what was not read is in the ledger

	Excluded bool // nothing of it is read: up to Durable it is passed over
}

// Report returns how things stood at the last scan. Any goroutine may call it.
func (t *Tailer) Report() Report {
	r := *t.report.Load()
	r.ReadBytes, r.Records, r.Refused = t.readBytes.Load(), t.records.Load(), t.refusals.Load()
	return r
}

// Hold calls fn with the report, and lets no scan put anything into the checkpoint meanwhile that the report does not tell.
// Any goroutine may call it.
func (t *Tailer) Hold(fn func(Report)) {
	t.reporting.Lock()
	defer t.reporting.Unlock()
	fn(t.Report())
}

// publish makes the report of this scan.
func (t *Tailer) publish(now time.Time) {
	r := Report{Open: t.open, Pins: t.pinned(), Scans: t.scans, Count: len(t.byID), Files: make([]status.File, 0, len(t.byID)),
		Contents: make([]Content, 0, len(t.byID))}
	for _, f := range t.byID {
		if f.onlyPin && f.pin != "" {
			r.PinBytes += f.alloc
		}
		lag := max(0, f.size-int64(f.safe.off))
		if f.lost {
			lag = 0
		}
		r.Unread += lag
		r.Contents = append(r.Contents, Content{f.desc.ID, f.desc.Start, f.safe.off, wal.Offset(f.size), f.lost, f.excluded()})
		r.Files = append(r.Files, status.File{ID: f.desc.ID.String(), Path: f.desc.Path, Size: f.size, Durable: int64(f.safe.off), Lag: lag,
			State: f.state(), Error: f.problem, Doubt: f.doubt, LastGrew: f.lastGrew})
	}
	for _, fo := range t.folders {
		fo.onlyPins(func(_ *unread, e *entry) { r.PinBytes += e.alloc })
		for path, problem := range fo.unreadable {
			r.Files = append(r.Files, status.File{Path: path, State: "unreadable", Error: problem})
		}
	}
	for path, refused := range t.refused {
		r.Files = append(r.Files, status.File{Path: path, State: "unreadable", Error: refused.why})
	}
	r.Written = t.readBytes.Load() + r.Unread
	slices.SortFunc(r.Files, func(a, b status.File) int {
		return cmp.Or(cmp.Compare(b.Error, a.Error), cmp.Compare(b.Lag, a.Lag), cmp.Compare(b.Doubt, a.Doubt), cmp.Compare(a.Path, b.Path), cmp.Compare(a.ID, b.ID))
	})
	t.report.Store(&r)
}

func (f *file) state() string {
	switch {
	case f.problem != "":
		return "unreadable"
	case f.excluded():
		return "excluded"
	case f.done():
		return "done"
	case f.waits:
		return "waits"
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
	if t.unmet {
		return false
	}
	for _, f := range t.byID {
		if f.attached && !f.lost && (f.problem == "" || f.short) && !f.readUp() && (t.flush || f.held == 0) {
			return false
		}
	}
	return len(t.given) == 0
}

// LookedAgain is asked while nothing is left to do. It says yes when a whole scan since the first such question is over, and
// nothing waits for its turn that nobody can read later.
func (t *Tailer) LookedAgain() bool {
	if t.again == 0 {
		t.again, t.nextScan = t.scans+1, time.Time{}
	}
	return t.scans >= t.again && !t.owes()
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
