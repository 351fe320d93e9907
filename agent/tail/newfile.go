package tail

import (
	"bytes"
	"path/filepath"

	"logboom/agent/parse"
	"logboom/checkpoint"
	"logboom/wal"
)

// newFile makes a File of what nobody has met before.
func (t *Tailer) newFile(fo *folder, e *entry, s *stranger) *file {
	f := &file{desc: t.describeNew(fo, e, s.head, s.line)}
	d := f.desc
	for n := 0; ; n++ {
		d.ID = DeriveID(d, fo.pod, s.line, n)
		if t.byID[d.ID] == nil {
			break
		}
	}
	t.byID[d.ID] = f
	fo.add(f)
	return f
}

// describeNew describes what stands behind e and begins with head, whose first line is line. The ID is left open.
func (t *Tailer) describeNew(fo *folder, e *entry, head, line []byte) *wal.File {
	path := e.path
	if e.pin {
		path = filepath.Join(fo.dir, e.name)
	}
	in := fo.in
	if e.of != "" && e.kind == sibling {
		path, e.in = filepath.Join(fo.dir, e.of), fo.live[e.of]
	}
	if e.in != nil {
		in = e.in
	}
	d := &wal.File{}
	if fo.pod != "" {
		d = fo.containerFile(e.attempt)
		d.Ordinal = fo.seriesOf(e.attempt).nextOrdinal()
		t.describe(fo, d)
	}
	d.Path, d.Format, d.Multiline, d.JSON, d.Node, d.Identity = path, in.Format, in.Multiline, in.JSON, t.o.Node, identityOf(e.key, line)
	if d.Format == "" {
		d.Format = parse.Detect(head)
	}
	if fo.in.Format == "" && fo.pod != "" && d.Format == wal.Plain {
		d.Format = wal.CRI // a runtime wrote it: the first lines are torn, and each line is looked at by itself
	}
	if fo.pod == "" {
		for _, other := range fo.files {
			if other.desc.Path == path {
				d.Ordinal = max(d.Ordinal, other.desc.Ordinal+1)
			}
		}
	} else {
		t.choose(in, d)
	}
	if d.Route == "" {
		d.Route = route(in.Route, d)
	}
	return d
}

// passOver makes f start behind what was there before a first start that should not read it.
func (t *Tailer) passOver(f *file, n *nascent) {
	e, src := &n.entry, n.src
	if !t.startsNow(f.folder, e) || !n.old && !t.wasThere(f.folder, e) {
		return
	}
	size := e.size
	if n.old {
		size = n.oldSize
	}
	if e.gz {
		_, size, _ = checksum(src, 0, 1<<62)
	}
	t.startAt(f, lineStart(src, size))
}

// startAt makes f, of which nothing was read, begin at start.
func (t *Tailer) startAt(f *file, start int64) {
	d := *f.desc
	d.Start = wal.Offset(start)
	f.desc = &d
	f.read.off, f.size = d.Start, int64(d.Start)
	f.safe = f.read
	t.changed.Files = append(t.changed.Files, checkpoint.FileState{File: f.desc, Offset: d.Start})
}

// startsNow says that this is a first start, which passes over what is there of e.
func (t *Tailer) startsNow(fo *folder, e *entry) bool {
	in := fo.in
	if e.in != nil {
		in = e.in
	}
	return t.o.First && in.FromNow
}

// wasThere says that e was there before the first start, as far as can be known.
func (t *Tailer) wasThere(fo *folder, e *entry) bool {
	return t.scans == 0 || fo.behind && !t.newborn(e)
}

// lineStart returns the start of the last Line that begins before size and is not complete there, or size.
func lineStart(src content, size int64) int64 {
	buf := make([]byte, 64<<10)
	from := max(0, size-int64(len(buf)))
	n, err := src.readAt(buf[:size-from], from)
	if i := bytes.LastIndexByte(buf[:n], '\n'); err == nil && i >= 0 {
		return from + int64(i) + 1
	}
	return size
}
