package cutfs

import (
	"path"
	"slices"
	"syscall"
	"time"

	"github.com/bmatcuk/doublestar/v4"
)

// Op is a set of operations that a Rule is for.
type Op uint

const (
	Read     Op = 1 << iota // of what the page cache does not have
	Write                   // at most 1 MiB each: the kernel divides larger ones
	Truncate                // also open with O_TRUNC, and fallocate
	Sync                    // fsync and fdatasync of a file, and each write to one that was opened with O_SYNC or O_DSYNC
	SyncDir                 // fsync of a folder
	Create                  // of a file, folder or symbolic link
	Link
	Rename
	Remove // of a file or folder

	// Change is every operation that sets the disk and what processes see apart, or brings them together.
	Change = Write | Truncate | Sync | SyncDir | Create | Link | Rename | Remove
)

// Rule makes operations go wrong.
type Rule struct {
	Op    Op
	Path  string // pattern for the path below the mount point, as doublestar has it: "data/wal/**"; "": any
	Skip  int    // operations that fit and go well before the first that does not
	Times int    // operations that go wrong; 0: until lifted

	// What goes wrong. Delay may come with any other.
	Delay time.Duration // before anything else. If the caller is killed meanwhile, the operation is not done
	Err   syscall.Errno // the answer; nothing is done. A failed Sync gives the dirty pages up, as Linux does
	Cold  bool          // of a Sync, with Err: the cache forgets the dirty pages soon, and readers see what the disk has
	From  int64         // of a Read: where the bad part of the file begins, in bytes
	To    int64         // of a Read: where it ends; 0: nowhere
	Short bool          // of a Write: only half of the bytes are written, and the answer says so
	Cut   bool          // the power goes, and the operation is not done
	Seed  uint64        // of the Cut
}

// rule is a Rule at work.
type rule struct {
	Rule
	met int // operations that fitted so far
}

// Inject adds a Rule; where several fit, the oldest counts. The returned function takes it away again.
func (f *FS) Inject(r Rule) (lift func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	added := &rule{Rule: r}
	f.rules = append(f.rules, added)
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.rules = slices.DeleteFunc(f.rules, func(r *rule) bool { return r == added })
	}
}

// match returns the Rule that an operation falls under, or an empty one.
func (f *FS) match(op Op, nodes []*inode, spots []spot) *Rule {
	for _, r := range f.rules {
		if r.Op&op == 0 || !r.fits(nodes, spots) {
			continue
		}
		r.met++
		if r.met > r.Skip && (r.Times == 0 || r.met <= r.Skip+r.Times) {
			return &r.Rule
		}
	}
	return &Rule{}
}

// fits reports whether the pattern has one of the names that the operation is about.
func (r *rule) fits(nodes []*inode, spots []spot) bool {
	if r.Path == "" {
		return true
	}
	for i, n := range nodes {
		for _, at := range n.paths() {
			if doublestar.MatchUnvalidated(r.Path, path.Join(at, spots[i].base)) {
				return true
			}
		}
	}
	return false
}
