package tail

import (
	"os"
	"slices"
	"time"

	"logboom/wal"
)

// What has neither a name nor a pin lives as long as our descriptor of it: nobody can read it after this process. So once that is
// asked to end, no such file waits for anything: not for its pod, nor for the end of its Event. What can't be read all the same,
// as the WAL takes nothing or the time is over, stands in the ledger before the process ends.

// maxLast bounds the scans of the end: each meets some of the files that are too many for one.
const maxLast = 1000

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
	for _, f := range t.byID { // what has a name is read by the next agent: all descriptors are for what nobody has met
		if f.src != nil && f.named() {
			t.close(f)
		}
	}
	for n := 0; n < 2 || t.queued && n < maxLast; n++ { // twice, as always before something is called gone
		t.scan(now)
	}
	for _, f := range t.byID {
		gone := f.missing > 1 || f.path == "" && f.src != nil && f.attached && f.nameless()
		if gone {
			f.seeUnread()
		}
		if gone && !f.lost && !f.readUp() && f.size > int64(f.read.off) && !t.hasCopy(f) {
			t.lose(f, now)
		}
	}
	for _, fo := range t.folders {
		for k, u := range fo.unread {
			if u.gone > 1 {
				t.vanishUnread(fo, k, now)
			}
		}
	}
	return t.commit()
}

// hasCopy says that f, a .gz, goes on in a pin, which the next agent finds: it was passed over as long as f was read from here.
func (t *Tailer) hasCopy(f *file) bool {
	fo := f.folder
	return f.gz && slices.ContainsFunc(fo.entries, func(e entry) bool {
		if _, passed := fo.passed[e.key]; !passed || !e.pin || !f.mayBe(&e) {
			return false
		}
		src, _, err := t.openAt(fo, e.path, e.gz)
		if err != nil {
			return false
		}
		defer src.Close()
		head := make([]byte, wal.MaxHead)
		n, err := src.readAt(head, 0)
		s := &stranger{nascent: &nascent{src: src, entry: e}, head: head[:n]}
		return err == nil && f.holds(s)
	})
}

// nameless says that no name leads to f any more, although its folder may be one that can't be listed.
func (f *file) nameless() bool {
	if !f.folder.unlisted {
		return true
	}
	var src any
	switch c := f.src.(type) {
	case plain:
		src = c.f
	case *zipped:
		src = c.f
	}
	o, ok := src.(*os.File)
	if !ok {
		return false
	}
	st, err := statAt(int(o.Fd()), "")
	return err == nil && st.links == 0
}
