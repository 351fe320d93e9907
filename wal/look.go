package wal

import (
	"io"
	"time"
)

// look is what the frames of one Segment say of themselves, before it is known which of them are to be trusted.
type look struct {
	prev    Index // stated by every frame
	stated  bool
	durable Index // the highest that a frame says was durable: all Blocks up to it were fsynced
	seen    Index // the last one whose Index could be read
	from    time.Time
	to      time.Time
	holes   []hole // in order
	summary bool
}

// look reads a whole Segment, which s stands at the start of. Afterwards d.names knows all Files that it describes.
func (d *decoder) look(s *scanner) (look, error) {
	var l look
	var f frame
	l.seen = s.want - 1
	for {
		err := s.next(&f)
		if err == io.EOF {
			return l, nil
		}
		if err != nil {
			return l, err
		}
		l.prev, l.stated, l.durable = f.prev, true, max(l.durable, f.durable)
		if s.from < f.index {
			l.holes = append(l.holes, hole{from: s.from, to: f.index - 1, time: l.to, reason: reasonHeader})
		}
		l.seen = f.index
		if f.kind == kindSummary {
			l.seen, l.summary = f.index-1, true
			d.readSummary(&f, true) // for the names: of Files whose descriptions are damaged elsewhere
			return l, nil
		}
		if l.to = instant(f.time); l.from.IsZero() {
			l.from = l.to
		}
		if reason := d.reason(&f); reason != "" {
			l.holes = append(l.holes, hole{from: f.index, to: f.index, time: l.to, reason: reason})
		}
	}
}

// reason says what is damaged of a frame, "" if nothing is.
func (d *decoder) reason(f *frame) string {
	var err error
	if d.records, err = d.header(f, d.records); err != nil {
		return reasonHeader
	}
	if f.payload == nil {
		return reasonPayload
	}
	return ""
}

// trusted returns the last Block that may be delivered. Up to proven all were durable once: where one can't be read, that
// is damage, and what follows counts. Behind proven, the first that can't be read ends what the crash left: the writer
// had promised nothing of it, so all from there on is read again from its File.
func (l *look) trusted(proven, limit Index) Index {
	last := min(l.seen, limit)
	for _, h := range l.holes {
		if h.to > proven {
			return min(last, max(h.from-1, proven))
		}
	}
	return last
}
