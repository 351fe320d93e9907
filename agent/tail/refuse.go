package tail

import "errors"

// refuseFor is after how many scans a path that was refused is tried again: it may lead elsewhere by now.
const refuseFor = 60

// refusal is a path that leads out of the roots of its input.
type refusal struct {
	why   string
	again int // the scan that tries it again
	seen  int // the last scan that met it
}

// refuse notes that path must not be read, if that is what err says. It is told and counted once as long as the path is
// there.
func (t *Tailer) refuse(path string, err error) bool {
	if !errors.Is(err, errOutside) {
		return false
	}
	r := t.refused[path]
	if r == nil {
		r = &refusal{}
		t.refused[path] = r
		t.refusals.Add(1)
		t.o.Log.Warn("refusing to read: a link must not lead out of its input", "path", path, "error", err)
	}
	r.why, r.again, r.seen = err.Error(), t.scans+refuseFor, t.scans
	return true
}

// isRefused says whether path was refused lately.
func (t *Tailer) isRefused(path string) bool {
	r := t.refused[path]
	if r == nil {
		return false
	}
	r.seen = t.scans
	return t.scans < r.again
}

// sweepRefused forgets paths that this scan did not meet.
func (t *Tailer) sweepRefused() {
	for path, r := range t.refused {
		if r.seen < t.scans {
			delete(t.refused, path)
		}
	}
}
