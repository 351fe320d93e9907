package tail

import (
	"slices"
	"time"
)

// What has neither a name nor a pin lives as long as our descriptor of it: nobody can read it after this process. So once that is
// asked to end, no such file waits for anything: not for its pod, nor for the end of its Event. What can't be read all the same,
// as the WAL takes nothing or the time is over, stands in the ledger before the process ends.

// ending says that the agent was asked to end.
func (t *Tailer) ending() bool { return t.o.Ending != nil && t.o.Ending() }

// awaits says whether n, a new file, may wait for its pod. At the end only one with a pin may: a name alone can go before the next
// start. But where unknown pods are excluded a name is enough, as what is met without its pod would never be read.
func (t *Tailer) awaits(fo *folder, n *nascent) bool {
	if !fo.waits || n.pin != "" || !t.ending() {
		return fo.waits
	}
	return fo.in.ExcludeUnknown && fo.entry(n.entry.key) != nil
}

// last says that f must be read now or never.
func (t *Tailer) last(f *file) bool { return f.path == "" && f.src != nil && f.attached && t.ending() }

// owes says that some File must be read now or never, and can be: it only waits for its turn.
func (t *Tailer) owes() bool {
	return slices.ContainsFunc(t.hot, func(f *file) bool { return t.last(f) && !f.lost && !f.readUp() && f.problem == "" })
}

// Leave lists what ends with this process, unread, and what is gone already. It is for the end of a run: no Records are asked for
// behind it. An error means that the ledger may not have it all; then Leave may be called again.
func (t *Tailer) Leave(now time.Time) error {
	if t.scans == 0 {
		return nil // nothing was seen
	}
	t.Rewind()
	for range 2 { // as always before something is called gone
		t.scan(now)
	}
	for _, f := range t.byID {
		gone := f.missing > 1 || f.path == "" && f.src != nil && f.attached && f.nameless()
		if gone && !f.lost && !f.readUp() && f.size > int64(f.read.off) {
			t.lose(f, now)
		}
	}
	return t.commit()
}

// nameless says that no name leads to f any more, although its folder may be one that can't be listed.
func (f *file) nameless() bool {
	if p, ok := f.src.(plain); ok && f.folder.unlisted {
		st, err := statAt(int(p.f.Fd()), "")
		return err == nil && st.links == 0
	}
	return !f.folder.unlisted
}
