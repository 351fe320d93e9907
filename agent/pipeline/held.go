package pipeline

import (
	"time"

	"logboom/sink"
	"logboom/wal"
)

// hold is an index that took nothing while others did. Its letters are tried again by themselves, a few at first, at a pace
// that slows down; when one is stored, the others follow.
type hold struct {
	first, last wal.Index // no letter of it is outside of (first, last], but what a walk is on its way through
	next        wal.Index // where the next attempt begins: behind the letters that were held once more
	due         time.Time // zero: not decided yet
	wait        time.Duration
}

const (
	firstProbe = 30 * time.Second // after the sink has tried for a minute
	lastProbe  = 5 * time.Minute
	probe      = 32 // letters: enough for the sink to see that most are refused for one reason

	// maxHolds bounds what is known of single indices. All others are one hold together.
	maxHolds  = 4096
	manyHolds = "" // is no index
)

// leave hands the letters of h to a walk. What h has then was found, or put, while that was under way.
func (h *hold) leave() (first, last wal.Index) {
	first, last = h.first, h.last
	h.first, h.last = ^wal.Index(0), 0
	return first, last
}

// held notes that letters of an index stand in Blocks behind first, up to last.
func (d *deadLetters) held(index string, first, last wal.Index) {
	if d.holds == nil {
		d.holds = map[string]*hold{}
	}
	if d.holds[index] == nil && len(d.holds) >= maxHolds {
		index = manyHolds
	}
	h := d.holds[index]
	if h == nil {
		h = &hold{first: first, last: last, wait: firstProbe}
		d.holds[index] = h
	}
	h.first, h.last = min(h.first, first), max(h.last, last)
}

// dueHold returns the hold that has waited longest for its next attempt, if it is time.
func (d *deadLetters) dueHold(now time.Time) (index string, due *hold) {
	for name, h := range d.holds {
		if h.due.IsZero() {
			h.due = now.Add(h.wait)
		}
		if !h.due.After(now) && (due == nil || h.due.Before(due.due) || h.due.Equal(due.due) && name < index) {
			index, due = name, h
		}
	}
	return index, due
}

// scan looks at one Block of an earlier process a call: which letters are there. It says whether there are more to look at.
func (d *deadLetters) scan(now time.Time) (more bool, err error) {
	if d.scanned >= d.begun {
		return false, nil
	}
	switch err := d.next(d.scanned, &d.block); {
	case err == wal.ErrNone || err == nil && d.block.Index > d.begun:
		d.scanned = d.begun
		return false, nil
	case err != nil:
		return false, err
	}
	n := d.block.Index
	d.scanned = n
	if d.has(n) {
		return true, nil
	}
	return true, eachLetter(&d.parser, &d.block, func(e *sink.Event, letter *note) error {
		d.count(letter, 1)
		if letter.Held {
			index := sink.Index(e)
			d.held(index, n-1, n)
			if h := d.holds[index]; h != nil && h.due.IsZero() {
				h.due = now
			}
		}
		return nil
	})
}

func (d *deadLetters) count(n *note, by int64) {
	if n.Held {
		d.heldLetters.Add(by)
	} else {
		d.refusedLetters.Add(by)
	}
}

// left uncounts a letter of a Block that is settled.
func (d *deadLetters) left(block wal.Index, n *note) {
	if block > d.begun || block <= d.scanned {
		d.count(n, -1)
	}
}
