package tail

import (
	"errors"
	"hash/crc32"
	"time"

	"golang.org/x/sys/unix"

	"logboom/agent/parse"
	"logboom/wal"
)

// filled is what became of an attempt to read.
type filled int

const (
	atEnd filled = iota // nothing more can be given out now
	full                // there is more, but not in this Block or not in this turn
)

// blockMemory is the room a Block's text needs: what others put there, and one long Record.
const blockMemory = wal.TargetText + wal.MaxText

// fill appends a Record of f to b; or two, when the first is what f's predecessor holds back.
func (t *Tailer) fill(f *file, b *wal.Block, now time.Time) filled {
	f.nextLook = now.Add(lookEvery)
	if !f.attached || f.lost {
		return atEnd
	}
	if f.waits = t.o.Waits != nil && t.o.Waits(f.desc) && !t.last(f); f.waits {
		return atEnd
	}
	p := f.predecessor()
	if p != nil {
		f.nextLook = now.Add(waitEvery)
		if !p.goesOnIn(f) {
			p.endSeen = time.Time{} // it may have gone cold: have it looked at once more
			t.warm(p)
			return atEnd
		}
	}
	t.reading = f
	if err := t.reopen(f); err != nil {
		return t.fail(f, now, err)
	}
	if !t.wake(f) {
		f.nextLook = now.Add(waitEvery)
		return atEnd
	}
	if p != nil {
		return t.fillJoined(p, f, b, now)
	}
	if f.held > 0 && !t.flush && !t.last(f) && t.unchanged(f, now) {
		return atEnd
	}
	for room := wal.TargetText - len(b.Text); ; room = wal.MaxText {
		text, more, err := t.readChunk(f, b, len(b.Text), room)
		if err != nil {
			return t.fail(f, now, err)
		}
		t.recovered(f)
		if f.gz {
			f.size = max(f.size, int64(f.read.off)+int64(len(text)))
		}
		end, cut := t.recordEnd(f, text, more, now)
		if end == 0 && more {
			if len(b.Text) > 0 {
				f.nextLook = time.Time{}
				return full // an empty Block has more room
			}
			continue
		}
		if end > 0 {
			t.give(f, b, text[:end], cut, false)
		}
		if more {
			if z, ok := f.src.(*zipped); ok {
				f.size = max(f.size, z.seen(int64(f.read.off)))
			}
			f.nextLook = time.Time{}
			return full
		}
		t.doubt(f)
		t.loseBehindZip(f, len(text)-end, now)
		f.reached(text[end:], now)
		return atEnd
	}
}

// unchanged says that reading what f holds back again would tell nothing new.
func (t *Tailer) unchanged(f *file, now time.Time) bool {
	p, ok := f.src.(plain)
	if !ok || f.ended || f.waited(now) {
		return false
	}
	st, err := statAt(int(p.f.Fd()), "")
	return err == nil && st.size == int64(f.read.off)+int64(f.held)
}

// recordEnd says where a Record that starts with text ends; 0 where it can't end yet. more: the File goes on behind it.
func (t *Tailer) recordEnd(f *file, text []byte, more bool, now time.Time) (end int, cut bool) {
	ends := parse.Scan(f.desc, text)
	flush := t.flush || t.last(f)
	switch {
	case ends.Closed > 0 && !(flush || f.ended && !more):
		return ends.Closed, false
	case more && ends.Closed == 0 && len(text) >= wal.MaxText && ends.Lull > 0:
		return ends.Lull, false // one stream is quiet: its Event may well be over
	case more && ends.Closed == 0 && len(text) >= wal.MaxText:
		return parse.CutAt(text, ends.Whole), true
	case more:
		return ends.Closed, false
	case flush:
		return len(text), false
	case f.ended && (f.series == nil || ends.Whole == 0 || ends.Whole == ends.Closed):
		return len(text), false // nobody can complete what stands open
	case ends.Closed > 0:
		return ends.Closed, false
	case ends.Complete > 0 && f.waited(now) && !t.renamed(f, now):
		return over(ends), false
	case ends.Whole > 0 && f.heldFor(now) > openFor:
		return ends.Whole, !f.rotated
	}
	return 0, false
}

// over returns where a Record ends that has waited long enough: what is open there is complete, as far as anybody can tell.
// Where one stream is quiet, the last Event of the other waits on.
func over(ends parse.Ends) int {
	if ends.Lull > 0 {
		return ends.Lull
	}
	return ends.Complete
}

// renamed says that f was rotated since the last scan, and asks for a scan then: the next File may go on with what f holds.
func (t *Tailer) renamed(f *file, now time.Time) bool {
	if f.series == nil || f.rotated || f.path == "" || f.heldFor(now) > openFor {
		return false
	}
	if st, err := statAt(unix.AT_FDCWD, f.path); err == nil && (st.link || st.key == f.key) {
		return false
	}
	t.nextScan = now
	return true
}

// fillJoined puts what p holds back and the start of f into b, as two chained Records.
func (t *Tailer) fillJoined(p, f *file, b *wal.Block, now time.Time) filled {
	if len(b.Text) > 0 {
		f.nextLook = time.Time{}
		return full // the two need a Block of their own
	}
	if err := t.reopen(p); err != nil {
		return t.fail(p, now, err)
	}
	if !t.wake(p) || f.begunBefore(p) {
		return atEnd
	}
	head, more, err := t.readChunk(p, b, 0, p.held+1)
	if err != nil || more || len(head) != p.held {
		return atEnd // it changed: its own turn will tell
	}
	text, more, err := t.readChunk(f, b, len(head), wal.TargetText)
	if err != nil {
		return t.fail(f, now, err)
	}
	both := head[:len(head)+len(text)]
	ends := parse.Scan(f.desc, both)
	closed := ends.Closed
	if m := f.desc.Multiline; closed == 0 && m != nil && p.heldFor(now) > m.MaxWait && (ends.Lull > 0 || !more) {
		closed = over(ends)
	}
	if closed == 0 {
		return atEnd // it is still open; p's own patience ends this wait
	}
	if closed <= len(head) { // what comes first in f shows that it was complete
		t.give(p, b, head[:closed], false, false)
		p.reached(head[closed:], now)
		f.nextLook = time.Time{}
		return full
	}
	t.give(p, b, head, false, true)
	p.reached(nil, now)
	t.give(f, b, text[:closed-len(head)], false, false)
	f.nextLook = time.Time{}
	return full
}

// begunBefore says whether f's first line is older than p's. Then f is not what the runtime opened after p, although it was
// met later: when the checkpoint was lost, the WAL still knows the newer Files and not the ones before.
func (f *file) begunBefore(p *file) bool {
	first, ok := f.firstTime()
	other, known := p.firstTime()
	return ok && known && first.Before(other)
}

// firstTime is the runtime's time of f's first line. f is open.
func (f *file) firstTime() (time.Time, bool) {
	if f.begun.IsZero() {
		head := make([]byte, wal.MaxHead)
		n, err := f.src.readAt(head, 0)
		if err != nil {
			return time.Time{}, false
		}
		f.begun, _ = time.Parse(time.RFC3339Nano, string(parse.Time(head[:n])))
	}
	return f.begun, !f.begun.IsZero()
}

// readChunk reads up to room bytes from f's position into the free memory of b, at bytes behind its start. more says
// that the room was too small for all there is.
func (t *Tailer) readChunk(f *file, b *wal.Block, at, room int) (text []byte, more bool, err error) {
	if cap(b.Text) < blockMemory {
		b.Text = append(make([]byte, 0, blockMemory), b.Text...)
	}
	text = b.Text[:at+room][at:]
	n, err := f.src.readAt(text, int64(f.read.off))
	if err != nil {
		return nil, false, err
	}
	// Looking back comes after reading: then the bytes just read were behind the ones that are still the same.
	if ok, err := f.src.follows(f.read.tailBytes(), int64(f.read.off)); err != nil {
		return nil, false, err
	} else if !ok {
		return nil, false, errChanged
	}
	return text[:n], n == room, nil
}

// give appends text, which stands in b's memory behind b.Text, as a Record of f.
func (t *Tailer) give(f *file, b *wal.Block, text []byte, cut, chained bool) {
	if f.read.parts != [2]uint16{} {
		tail := f.read.tailBytes()
		f.read.parts = parse.Resume(f.desc, text, f.read.parts, len(tail) > 0 && tail[len(tail)-1] != '\n')
	}
	r := wal.Record{File: f.desc, Start: f.read.off, Parts: f.read.parts, Cut: cut, Chained: chained}
	if cut || r.Parts != [2]uint16{} {
		f.read.parts = parse.PartsAfter(f.desc, text, r.Parts, cut)
	}
	f.read.advance(text)
	start := len(b.Text)
	b.Text = b.Text[:start+len(text)]
	r.End, r.Prefix, r.Tail, r.Text = f.read.off, f.read.prefix, crc32.Checksum(f.read.tailBytes(), castagnoli), b.Text[start:]
	b.Records = append(b.Records, r)
	f.heldSince, f.held = time.Time{}, 0
	f.pending++
	t.given = append(t.given, given{f: f, after: f.read})
	t.records.Add(1)
}

// fail tells what is wrong with f and puts it off. The descriptor stays: it may be all that keeps the bytes.
func (t *Tailer) fail(f *file, now time.Time, err error) filled {
	if errors.Is(err, errChanged) {
		t.truncated(f, now)
		return atEnd
	}
	if f.gz && errors.Is(err, errDamaged) {
		if f.pending == 0 { // a Record that is not durable may have to be read again
			t.loseDamaged(f, now, err)
		}
		return atEnd
	}
	f.problem, f.short = err.Error(), outOfDescriptors(err)
	f.nextLook = now.Add(scanEvery)
	t.warnOnce(f.desc.Path, "can't read a log file; the others go on", err)
	return atEnd
}

// recovered ends what fail began.
func (t *Tailer) recovered(f *file) {
	if f.problem != "" {
		f.problem, f.short = "", false
		t.calm(f.desc.Path)
	}
}
