package cutfs

import (
	"bytes"
	"maps"
	"slices"
)

// clone copies a volume, so that a cut can be tried.
func (v *volume) clone() *volume {
	copies := make(map[*inode]*inode)
	var of func(n *inode) *inode
	each := func(names map[string]*inode) map[string]*inode {
		all := maps.Clone(names)
		for base, n := range all {
			all[base] = of(n)
		}
		return all
	}
	of = func(n *inode) *inode {
		if n == nil || copies[n] != nil {
			return copies[n]
		}
		c := *n
		copies[n] = &c
		c.now, c.disk, c.dirty = bytes.Clone(n.now), bytes.Clone(n.disk), slices.Clone(n.dirty)
		c.parent, c.names, c.diskNames = of(n.parent), each(n.names), each(n.diskNames)
		return &c
	}
	w := *v
	w.root, w.nodes = of(v.root), maps.Clone(v.nodes)
	for node, n := range w.nodes {
		w.nodes[node] = of(n)
	}
	w.journal = slices.Clone(v.journal)
	for i := range w.journal {
		c := &w.journal[i]
		c.dirs, c.edits = slices.Clone(c.dirs), slices.Clone(c.edits)
		for k := range c.dirs {
			c.dirs[k] = of(c.dirs[k])
		}
		for k := range c.edits {
			e := &c.edits[k]
			e.dir, e.to = of(e.dir), of(e.to)
		}
	}
	w.dead, w.free = make(map[*inode]bool), slices.Clone(v.free)
	return &w
}
