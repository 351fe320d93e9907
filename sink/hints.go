package sink

import "logboom/sink/deflate"

// hints tell the compressor what of a document stood in an earlier one, and where. The largest part of each does: all but the rest of the
// _id, the time, the message, and the digits of sequence and offset. A hint that is wrong does no harm: it is compared before it is used.
type hints struct {
	list []deflate.Hint
	at   int         // of body.text, in the body
	last [places]int // where in the body each place was last; below 0: it was not
}

// Places of a document that are the same in the next one: all documents have the first in common, those of one File the others.
const (
	placeTime = iota
	placeMessage
	placeEvent
	placeLog
	placeHead
	placeTail // of each stream
	places    = placeTail + 3
)

// nowhere is so far back that no hint comes of it.
const nowhere = -2 * deflate.Window

func (h *hints) reset() {
	h.list, h.at = h.list[:0], 0
	for i := range h.last {
		h.last[i] = nowhere
	}
}

// otherFile forgets what documents of one File have in common.
func (h *hints) otherFile() {
	for i := placeHead; i < places; i++ {
		h.last[i] = nowhere
	}
}

// mark notes that text[start:end] of the body is this place.
func (h *hints) mark(place, start, end int) {
	at, from := h.at+start, h.last[place]
	h.last[place] = at
	if at-from <= deflate.Window {
		h.list = append(h.list, deflate.Hint{At: at, From: from, Len: end - start})
	}
}

// append appends what text has at this place.
func (h *hints) append(text []byte, place int, what string) []byte {
	start := len(text)
	text = append(text, what...)
	h.mark(place, start, len(text))
	return text
}
