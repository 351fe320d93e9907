package wal

import (
	"fmt"
	"os"
	"path/filepath"
)

// aside keeps Segments with damage when Release removes them, so that a person can look at what could not be read. Its
// folder has the form of a WAL's, so the tools that read one read it too:
//
//	damaged/wal/00000000000000000099/00000000000000000099
//
// Its files are hard links, made before anyone is told of the damage: so there is no moment at which a ledger says where
// a Segment is kept and it is not, and as long as the Segment waits in the WAL its link takes no space.
type aside struct {
	dir  string // "": nothing is kept. Whoever needs the space may remove it at any time
	disk disk
	last Index // first Index of the Segment that was kept last: its next damage changes nothing
}

const (
	maxAside      = 64 << 20 // bytes that are kept, the newest; the very newest in any case
	maxAsideCount = 64       // Segments
)

// keep makes a durable link of s, and returns the folder it is in.
func (a *aside) keep(s *segment) (string, error) {
	folder := filepath.Join(a.dir, filepath.Base(s.folder))
	if a.last == s.first && exists(folder) {
		return folder, nil
	}
	if err := a.link(s.file(), folder); err != nil {
		return "", fmt.Errorf("keep segment %d aside: %w", s.first, err)
	}
	a.last = s.first
	a.shorten()
	return folder, nil
}

// link makes a link of file in folder.
func (a *aside) link(file, folder string) error {
	here, err := os.Stat(file)
	if err != nil {
		return err
	}
	name := filepath.Join(folder, filepath.Base(folder))
	if there, err := os.Stat(name); err != nil || !os.SameFile(here, there) {
		// What an earlier start left may be a folder without its link, or a Segment of a WAL that was removed since.
		if err := a.disk.RemoveAll(folder); err != nil {
			return err
		}
		if err := makeDirs(a.disk, folder); err != nil {
			return err
		}
		if err := a.disk.Link(file, name); err != nil {
			a.disk.RemoveAll(folder)
			return err
		}
	}
	for _, dir := range []string{folder, a.dir, filepath.Dir(a.dir), filepath.Dir(filepath.Dir(a.dir))} {
		if err := a.disk.SyncDir(dir); err != nil { // an earlier start may have been killed before it did
			return err
		}
	}
	return nil
}

// shorten removes the oldest until the rest is within its bounds. What it can't remove now goes another time.
func (a *aside) shorten() {
	kept, err := realAccess.list(a.dir)
	if err != nil {
		return
	}
	bytes := int64(0)
	for i := len(kept) - 1; i >= 0; i-- {
		bytes += kept[i].bytes
		if n := len(kept) - i; n > 1 && (bytes > maxAside || n > maxAsideCount) {
			a.disk.RemoveAll(kept[i].folder)
		}
	}
}

// keepAside keeps the Segments that e is about, which Next was asked to read behind after.
func (l *Log) keepAside(e *DamageError, after Index) {
	if l.aside.dir == "" {
		return
	}
	for _, s := range l.shelf.damaged(after+1, e.Index) {
		folder, err := l.aside.keep(&s)
		switch {
		case err == nil:
			e.Kept = append(e.Kept, folder)
		case exists(s.file()): // a Segment that is gone leaves nothing to keep
			e.NotKept = err
		}
	}
}

// damaged returns copies of the Segments in which the Blocks from to to stand, or should. One that is sealed is whole up to
// its last Block; one that was given up had Blocks up to what the next one calls durable.
func (h *shelf) damaged(from, to Index) []segment {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []segment
	for i, s := range h.segs {
		end := s.last
		switch {
		case s.sealed:
		case i+1 == len(h.segs):
			end = maxIndex
		case h.segs[i+1].stated:
			end = max(end, h.segs[i+1].prev)
		default:
			end = max(end, h.segs[i+1].first-1)
		}
		if s.first <= to && end >= from {
			out = append(out, *s)
		}
	}
	return out
}
