package wal

import "time"

// sulk is a disk that does not give out what is on it. It may do so again: a cable, a path to a storage, a device that is
// being reset. Only what it has refused for patience is damage; what it refuses right behind that is at once.
type sulk struct {
	patience time.Duration
	since    time.Time // zero: the last Block could be read
	asked    time.Time // the last time that it refused
	err      error     // what it said then
	anew     int       // times that patience began anew
}

// askEvery is how long a disk is left alone that gave something not out.
const askEvery = time.Second

const mostAnew = 3

// begin is called before the disk is asked. What it refused so long ago that nobody has asked since says nothing of the time
// between: Delivery may have waited for a backend for hours. That counts a few times only: who asks every five minutes, as for
// dead letters that are held, must come to an end too.
func (s *sulk) begin() {
	if !s.since.IsZero() && time.Since(s.asked) >= s.patience && s.anew < mostAnew {
		s.since = time.Time{}
		s.anew++
	}
}

// wait notes that the disk said err, and says whether to ask again later.
func (s *sulk) wait(err error) bool {
	now := time.Now()
	if s.since.IsZero() {
		s.since = now
	}
	s.asked, s.err = now, err
	return now.Sub(s.since) < s.patience
}

// soon returns what the disk said if that was just now.
func (s *sulk) soon() error {
	if time.Since(s.asked) < askEvery {
		return s.err
	}
	return nil
}

// over notes that a Block could be read.
func (s *sulk) over() { s.since, s.asked, s.anew = time.Time{}, time.Time{}, 0 }

// patiently does the work of Open, again as long as the disk sulks and o has patience.
func (o *Options) patiently(d disk, a access) (*recovery, error) {
	for start := time.Now(); ; time.Sleep(min(askEvery, o.Patience)) {
		r := &recovery{disk: d, access: a, dir: o.Dir, acked: o.Acked, floor: max(o.Floor, o.Acked)}
		if err := r.run(); err != nil || !r.unread || time.Since(start) >= o.Patience {
			return r, err
		}
	}
}
