package cutfs

import (
	"slices"
	"time"
)

// change is one change of the tree: create, mkdir, symlink, link, unlink, rmdir or rename. All its edits are made or
// none.
type change struct {
	seq   uint64 // place among all changes of the volume, truncations included
	at    time.Time
	what  string   // in words, for Lost
	dirs  []*inode // in the order of each of these folders it has its place
	needs []uint64 // changes that must be on the disk too
	edits []edit
}

// edit gives a name in a folder to a file, or takes it away.
type edit struct {
	name
	to *inode // nil: the name goes
}

// record makes a change in what every process sees, and notes it for the disk.
func (v *volume) record(c change) {
	v.seq++
	now := v.clock()
	c.seq, c.at = v.seq, now
	for _, e := range c.edits {
		old := e.dir.names[e.base]
		if old != nil {
			delete(old.seen, e.name)
			old.attr.ctime = now
		}
		if e.to == nil {
			delete(e.dir.names, e.base)
		} else {
			e.dir.names[e.base] = e.to
			e.to.seen[e.name] = true
			e.to.attr.ctime = now
			e.to.last = v.seq
			if e.to.isDir() {
				e.to.parent, e.to.named = e.dir, v.seq
			}
		}
		e.dir.attr.mtime, e.dir.attr.ctime = now, now
	}
	for _, dir := range c.dirs {
		dir.last = v.seq
	}
	v.journal = append(v.journal, c)
	if len(v.journal) > maxChanges {
		v.commitUntil(v.journal[maxChanges/2].seq)
	}
}

// path returns the changes that a folder and those above it have their names from.
func (n *inode) path() []uint64 {
	var needs []uint64
	for ; n.parent != n; n = n.parent {
		needs = append(needs, n.named)
	}
	return needs
}

// apply makes c on the disk.
func (c *change) apply() {
	for _, e := range c.edits {
		if old := e.dir.diskNames[e.base]; old != nil {
			old.stored--
		}
		if e.to == nil {
			delete(e.dir.diskNames, e.base)
		} else {
			e.dir.diskNames[e.base] = e.to
			e.to.stored++
		}
	}
}

// commitUntil brings every change up to seq to the disk.
func (v *volume) commitUntil(seq uint64) {
	v.committed = max(v.committed, seq)
	v.commit(func(c *change) bool { return c.seq <= seq })
}

// commitDir brings the changes of one folder to the disk, in its order, and no other change that they don't need. A
// rename from another folder needs what came before it there, as it must not be torn apart, and the name of the folder
// that it goes to.
func (v *volume) commitDir(dir *inode) {
	need := map[*inode]uint64{dir: v.seq}
	chosen := make(map[uint64]bool)
	for _, c := range slices.Backward(v.journal) {
		if !chosen[c.seq] && !slices.ContainsFunc(c.dirs, func(d *inode) bool { return c.seq <= need[d] }) {
			continue
		}
		chosen[c.seq] = true
		for _, seq := range c.needs {
			chosen[seq] = true
		}
		for _, d := range c.dirs {
			need[d] = max(need[d], c.seq)
		}
	}
	v.commit(func(c *change) bool { return chosen[c.seq] })
}

// commit brings the chosen changes to the disk. They must hold, for every folder, what was done in it before them.
func (v *volume) commit(chosen func(*change) bool) {
	kept := v.journal[:0]
	for i := range v.journal {
		if c := &v.journal[i]; chosen(c) {
			c.apply()
		} else {
			kept = append(kept, *c)
		}
	}
	clear(v.journal[len(kept):])
	v.journal = kept
	v.bury()
}
