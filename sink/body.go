package sink

import (
	"bytes"
	"encoding/base64"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"

	"logboom/sink/deflate"
	"logboom/wal"
)

// body renders one bulk request, straight into its compressor. One goroutine has it at a time.
type body struct {
	files *fileCache
	own   *deflate.Encoder // level 1
	fast  *deflate.Encoder // own, unless that is in doubt
	gz    *gzip.Writer     // higher levels, and level 1 in own's place; writes to wire
	wire  wire             // what goes out
	text  []byte           // rendered: what fast may look back at, and what is not compressed yet
	done  int              // how much of text is compressed
	size  int64            // bytes rendered and compressed
	hints hints            // for fast: what text has behind done that it had before
	index []byte           // of the URL: the first Event's; actions name theirs only where it differs
	mixed bool             // there is such an action
	apart bool             // there must be none
	doubt bool             // the backend takes nothing, and own may be why: bodies that begin now are not made by it

	json jsonCopy

	file     *wal.File // of the Event before, and its text
	fileText *fileText
}

const (
	// flushText is how much text is compressed at once: what the compressor gathers for a block.
	flushText = 64 << 10

	// messageStep is how much of a message is escaped between flushes, so that a long one needs no long buffer.
	messageStep = 16 << 10

	// textRoom is what text grows to, in bytes: a document may begin just before flushText. It may grow to more for a File
	// with long names, and once keepText is passed the memory goes.
	textRoom = deflate.Window + flushText + maxEscaped*messageStep + maxJSON + 32<<10
	keepText = 2 * textRoom

	// keepWire is how much memory a body keeps for the next request, in bytes.
	keepWire = 16 << 20

	// shortBody is up to where, in bytes of text, own is no good: its codes are for all that may come, and to write them down costs as much
	// as an Event does. It is a sample, too, so that whatever own makes gives codes to the bodies behind it.
	shortBody = 16 << 10
)

type wire []byte

func (w *wire) Write(p []byte) (int, error) {
	*w = append(*w, p...)
	return len(p), nil
}

func newBody(files *fileCache, level int) *body {
	b := &body{files: files}
	switch {
	case level == 1:
		b.own = new(deflate.Encoder)
	case level > 1:
		b.gz = newGzip(&b.wire, level)
	}
	return b
}

func newGzip(w *wire, level int) *gzip.Writer {
	z, err := gzip.NewWriterLevel(w, level)
	if err != nil {
		panic("BUG: " + err.Error()) // New checked the level
	}
	return z
}

// reset begins a new body.
func (b *body) reset() {
	b.wire, b.text, b.done, b.index, b.size, b.mixed = b.wire[:0], b.text[:0], 0, nil, 0, false
	b.hints.reset()
	if b.fast = b.own; b.own != nil && b.doubt {
		b.fast = nil
		if b.gz == nil {
			b.gz = newGzip(&b.wire, 1)
		}
	}
	switch {
	case b.fast != nil:
		b.wire = b.fast.Begin(b.wire)
	case b.gz != nil:
		b.gz.Reset(&b.wire)
	}
}

// release lets go of Files and of memory that was needed once.
func (b *body) release() {
	b.file, b.fileText, b.index, b.apart, b.doubt = nil, nil, nil, false, false
	if b.own != nil {
		b.gz = nil
	}
	if cap(b.wire) > keepWire {
		b.wire = nil
	}
	if cap(b.text) > keepText {
		b.text = nil
	}
}

// finish completes the body and returns its bytes, which are valid until the next reset.
func (b *body) finish() []byte {
	if b.fast != nil && b.size == 0 && len(b.text) < shortBody {
		return b.finishShort()
	}
	b.flush()
	switch {
	case b.fast != nil:
		b.wire = b.fast.Finish(b.wire)
	case b.gz != nil:
		if err := b.gz.Close(); err != nil {
			panic("BUG: " + err.Error()) // writing to memory can't fail
		}
	}
	return b.wire
}

// finishShort is finish for a body of which nothing is compressed yet. What it needs is gone afterwards.
func (b *body) finishShort() []byte {
	b.wire = b.wire[:0] // own began it
	z := newGzip(&b.wire, gzip.StatelessCompression)
	if _, err := z.Write(b.text); err != nil {
		panic("BUG: " + err.Error())
	}
	if err := z.Close(); err != nil {
		panic("BUG: " + err.Error())
	}
	b.size = int64(len(b.text))
	b.text, b.hints.list = b.text[:0], b.hints.list[:0]
	return b.wire
}

// compressed says that wire is a gzip stream.
func (b *body) compressed() bool { return b.fast != nil || b.gz != nil }

// rendered is how many bytes the body has, before compression.
func (b *body) rendered() int64 { return b.size + int64(len(b.text)-b.done) }

func (b *body) flush() {
	b.size = b.rendered()
	switch {
	case b.fast != nil:
		b.wire = b.fast.Append(b.wire, b.text, b.done, b.hints.at, b.hints.list)
		gone := max(0, len(b.text)-deflate.Window)
		b.hints.at += gone
		b.done = copy(b.text, b.text[gone:])
	case b.gz != nil:
		if _, err := b.gz.Write(b.text); err != nil {
			panic("BUG: " + err.Error())
		}
	default:
		b.wire = append(b.wire, b.text...)
	}
	b.text, b.hints.list = b.text[:b.done], b.hints.list[:0]
}

// add renders e as an action and a document. It does not, and returns false, where apart forbids its index.
func (b *body) add(e *Event) bool { return b.addAs(e, false) }

// addAs is add, with the document in its plain form if need be.
func (b *body) addAs(e *Event, plain bool) bool {
	if len(b.files.choice.Redact) > 0 {
		shown := *e
		shown.Message = b.files.choice.redact(e.Message)
		e = &shown
	}
	if e.File != b.file {
		b.file, b.fileText = e.File, b.files.get(e.File)
		b.hints.otherFile()
	}
	t := b.fileText
	index := t.route.index(e.Time)
	if b.index == nil {
		b.index = index
	}
	other := !bytes.Equal(b.index, index)
	if other && b.apart {
		return false
	}
	d := append(b.text, t.head...)
	b.hints.mark(placeHead, len(b.text), len(d))
	if !b.files.choice.BackendIDs {
		d = t.appendRest(d, e.Offset, e.Sum)
		d = append(d, '"')
	}
	if other {
		b.mixed = true
		if !b.files.choice.BackendIDs {
			d = append(d, ',')
		}
		d = append(d, `"_index":"`...)
		d, _ = appendEscaped(d, index)
		d = append(d, '"')
	}
	d = b.hints.append(d, placeTime, "}}\n{\"@timestamp\":\"")
	d = append(d, e.Time...)
	d = b.hints.append(d, placeMessage, `","message":"`)
	valid := true
	if len(e.Message) <= messageStep {
		d, valid = appendEscaped(d, e.Message)
	} else {
		b.text = d
		valid = b.addLong(e.Message)
		d = b.text
	}
	if plain {
		d = t.appendPlain(d, e, valid)
	} else {
		d = append(d, '"')
		if e.File.JSON != "" {
			d = b.json.appendMembers(d, e.File.JSON, e.Message)
		}
		d = t.appendSequence(b.hints.append(d, placeEvent, `,"event":{"sequence":`), e)
		if !valid {
			b.text = append(d, `,"original":"`...)
			b.addBase64(e.Message)
			d = append(b.text, '"')
		}
		start := len(d)
		d = t.appendPlace(d, e)
		b.hints.mark(placeLog, start, start+len(t.event)+len(logStart))
		b.hints.mark(placeTail+streamNumber(e.Stream), len(d)-len(t.streamTail(e.Stream)), len(d))
	}
	b.text = d
	if len(b.text)-b.done >= flushText {
		b.flush()
	}
	return true
}

func (b *body) addLong(message []byte) (valid bool) {
	valid = true
	for len(message) > 0 {
		n := wholeRunes(message, messageStep)
		var ok bool
		b.text, ok = appendEscaped(b.text, message[:n])
		valid = valid && ok
		message = message[n:]
		b.flush()
	}
	return valid
}

// wholeRunes returns at most limit, and less where a character of s would be cut there.
func wholeRunes(s []byte, limit int) int {
	if len(s) <= limit {
		return len(s)
	}
	for n := limit; n > limit-utf8.UTFMax; n-- {
		if utf8.RuneStart(s[n]) {
			return n
		}
	}
	return limit // not UTF-8 around there
}

func (b *body) addBase64(message []byte) {
	const step = messageStep / 3 * 3
	for len(message) > 0 {
		n := min(step, len(message))
		b.text = base64.StdEncoding.AppendEncode(b.text, message[:n])
		message = message[n:]
		if len(b.text)-b.done >= flushText {
			b.flush()
		}
	}
}
