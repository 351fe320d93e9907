package tail

// maxAwake is how many .gz are decompressed in turns. The others are open, since nothing else keeps them, but asleep: a node
// may have a thousand of them when an agent comes to it.
const maxAwake = 16

// wake says whether f may be read now: as far as it is a .gz, it has one of few places. A place whose File has nothing to do
// is given to another one.
func (t *Tailer) wake(f *file) bool {
	if _, ok := f.src.(*zipped); !ok {
		return true
	}
	place := -1
	for i, other := range t.awake {
		if other == f {
			return true
		}
		if other != t.reading && other.idle() {
			place = i
		}
	}
	switch {
	case len(t.awake) < maxAwake:
		t.awake = append(t.awake, f)
	case place < 0:
		return false
	default:
		rest(t.awake[place].src)
		t.awake[place] = f
	}
	return true
}

// idle says that f would not be read on now, if it were its turn.
func (f *file) idle() bool {
	return f.src == nil || !f.attached || f.lost || f.waits || f.problem != "" || f.held > 0 || f.readUp() || !f.gz || f.predecessor() != nil
}

// rest lets c sleep if it is a .gz.
func rest(c content) {
	if z, ok := c.(*zipped); ok {
		z.sleep()
	}
}
