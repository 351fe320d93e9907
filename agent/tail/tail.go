// Package tail reads log files safely while other programs rotate, compress and remove them.
//
// It promises that every byte of a File that is on the disk when tail looks goes into exactly one Record, in order, or
// is named in the ledger. How: a File is recognised by what it is (inode and birth time, first line, and the CRC-32C of
// all that was read of it), never by its name alone; its bytes are kept by a hard link (a pin) or an open descriptor
// until they are durable in the WAL; and reading goes on only behind bytes that are still the same.
//
//	names on the disk --scan--> entries --match--> Files --fill--> Records
//	0.log, 0.log.20261122-160141, 0.log.20261122-155001.gz, pins/...
//
// It costs one readdir a folder and one statx a name per scan (once a second), two preads for a chunk of up to 256 KiB,
// about 1 KB of memory a File, and a descriptor for each File that is not read to its end.
//
// A Tailer belongs to the goroutine of Intake; only Report may be called from others.
package tail

import (
	"cmp"
	"log/slog"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"logboom/agent/status"
	"logboom/checkpoint"
	"logboom/wal"
)

// Times that decide when to look again and when to give up waiting.
const (
	scanEvery = time.Second           // between two looks at the folders
	lookEvery = 50 * time.Millisecond // between two looks at a File that grew lately
	hotFor    = 2 * time.Second       // how long "lately" is
	quietFor  = 10 * time.Second      // a File without a writer that did not grow for so long has ended
	openFor   = 5 * time.Second       // how long a joined Event may stay open
	waitEvery = 20 * time.Millisecond // between two looks at a File whose predecessor isn't read yet
)

// Input is one source of the configuration. Exactly one of Root and Paths is set.
type Input struct {
	Root    string     // a folder as the kubelet writes it: <ns>_<pod>_<uid>/<container>/<n>.log
	Paths   []string   // patterns of single files
	Format  wal.Format // "" for detection by the first line
	Route   string     // index or data stream, may hold %{namespace}, %{pod}, %{container} and date parts
	FromNow bool       // with a new checkpoint: pass over what is there already
}

// Known is what an earlier run left behind about a File, from the checkpoint or, where that is newer, from the WAL.
type Known struct {
	checkpoint.FileState
	Index wal.Index // of the last Block that has a Record of it
}

// Ledger takes what can't be delivered any more, and the Files of which nothing is left to remember.
type Ledger interface {
	Commit(checkpoint.Change) error
}

// Options of New.
type Options struct {
	Inputs   []Input
	Node     string
	PinDir   string // "" for no pins
	Known    []Known
	SameBoot bool // the kernel still runs that ran when Known was written: inodes can be trusted
	First    bool // there was no checkpoint: Input.FromNow holds
	MaxOpen  int  // descriptors
	Ledger   Ledger
	Acked    func() wal.Index
	Log      *slog.Logger
}

// Tailer is the Source of Intake.
type Tailer struct {
	o       Options
	inputs  []*input
	byID    map[wal.FileID]*file
	folders map[string]*folder
	hot     []*file // Files that have or may soon have something to read
	round   []*file // those of hot that this round has not visited
	given   []given // Records that are not durable yet, in order
	open    int     // descriptors held

	nextScan time.Time
	scans    int
	pins     pins
	rest     struct { // as of the first question in a row whether all is finished
		scans   int
		records int64
	}
	flush   bool              // ship what stands unfinished at the ends of Files
	warned  map[string]bool   // paths about which something was logged
	changed checkpoint.Change // for the ledger, gathered in a scan

	readBytes, records atomic.Int64
	report             atomic.Pointer[Report]
}

// Report is how things stand, as of the last scan.
type Report struct {
	Files     []status.File // the worst lag first, at most status.MaxFiles
	Count     int
	Unread    int64 // bytes known and not durable
	Open      int
	Pins      bool
	PinBytes  int64
	Scans     int
	ReadBytes int64 // made durable since the start
	Records   int64
}

// New makes a Tailer. It looks at nothing yet.
func New(o Options) *Tailer {
	t := &Tailer{o: o, byID: map[wal.FileID]*file{}, folders: map[string]*folder{}, warned: map[string]bool{}}
	if t.o.MaxOpen == 0 {
		t.o.MaxOpen = defaultMaxOpen()
	}
	t.pins = pins{dir: o.PinDir, works: o.PinDir != ""}
	for i := range o.Inputs {
		in := &input{Input: o.Inputs[i]}
		if in.Root != "" {
			in.Root = filepath.Clean(in.Root)
		}
		for n, path := range in.Paths {
			in.Paths[n] = filepath.Clean(path)
		}
		t.inputs = append(t.inputs, in)
	}
	for i := range o.Known {
		t.remember(&o.Known[i])
	}
	t.report.Store(&Report{})
	return t
}

// Poll appends Records to b until b is full or nothing is left to read now. It returns when to look again; the zero time
// means at once.
func (t *Tailer) Poll(now time.Time, b *wal.Block) time.Time {
	t.Look(now)
	if len(t.round) == 0 {
		t.startRound(now)
	}
	for len(t.round) > 0 && len(b.Text) < wal.TargetText && len(b.Records) < maxRecords {
		f := t.round[0]
		t.round = t.round[1:]
		if t.fill(f, b, now) == full {
			t.round = append(t.round, f) // the others first
			if len(b.Text) > 0 {
				return time.Time{}
			}
		}
	}
	if len(b.Text) > 0 || len(t.round) > 0 {
		return time.Time{}
	}
	next := t.nextScan
	for _, f := range t.hot {
		if f.nextLook.Before(next) {
			next = f.nextLook
		}
	}
	return next
}

// startRound gathers the Files whose turn it is: those nearest to being deleted first.
func (t *Tailer) startRound(now time.Time) {
	t.round = t.round[:0]
	t.hot = slices.DeleteFunc(t.hot, func(f *file) bool {
		if f.cold(now) {
			f.hot = false
			return true
		}
		if !now.Before(f.nextLook) {
			t.round = append(t.round, f)
		}
		return false
	})
	slices.SortStableFunc(t.round, func(a, b *file) int {
		if a.rotated != b.rotated {
			if a.rotated {
				return -1
			}
			return 1
		}
		if a.rotated {
			return cmp.Compare(a.lastGrew.UnixNano(), b.lastGrew.UnixNano())
		}
		return 0
	})
	if t.open > t.o.MaxOpen {
		t.closeQuiet(now)
	}
}

// given is a Record that is not durable yet.
type given struct {
	f     *file
	after position  // behind the Record
	index wal.Index // of its Block; 0: that is not appended yet
}

// Look scans when it is time, and reads nothing: while nothing can be written, what comes and goes is still pinned.
func (t *Tailer) Look(now time.Time) {
	if !now.Before(t.nextScan) {
		t.nextScan = now.Add(scanEvery)
		t.scan(now)
	}
}

// Appended says that the Records given out since the last call are in Block index.
func (t *Tailer) Appended(index wal.Index) {
	for i := len(t.given) - 1; i >= 0 && t.given[i].index == 0; i-- {
		t.given[i].index = index
	}
}

// Taken says that the Records in Blocks up to durable are durable.
func (t *Tailer) Taken(durable wal.Index) {
	n := 0
	for ; n < len(t.given) && t.given[n].index != 0 && t.given[n].index <= durable; n++ {
		g := &t.given[n]
		t.readBytes.Add(int64(g.after.off - g.f.safe.off))
		g.f.safe, g.f.index = g.after, g.index
		g.f.pending--
	}
	t.given = append(t.given[:0], t.given[n:]...)
}

// Rewind says that all other Records are void: they will be given out again.
func (t *Tailer) Rewind() {
	for _, g := range t.given {
		f := g.f
		f.read, f.pending = f.safe, 0
		f.endSeen, f.heldSince, f.held = time.Time{}, time.Time{}, 0
		f.nextLook = time.Time{}
		t.warm(f)
	}
	t.given = t.given[:0]
	t.round = t.round[:0]
}

// Flush makes the following Polls ship what stands unfinished at the end of Files: a Line without newline, an open
// Event. It is for the end of a run that should leave nothing behind.
func (t *Tailer) Flush() {
	t.flush = true
	for _, f := range t.byID {
		f.nextLook = time.Time{}
		t.warm(f)
	}
	t.nextScan = time.Time{}
}

// Report returns how things stood at the last scan. Any goroutine may call it.
func (t *Tailer) Report() Report {
	r := *t.report.Load()
	r.ReadBytes, r.Records = t.readBytes.Load(), t.records.Load()
	return r
}

// Close lets go of all descriptors.
func (t *Tailer) Close() {
	for _, f := range t.byID {
		t.close(f)
	}
	for _, fo := range t.folders {
		fo.closeNascent()
	}
	for _, in := range t.inputs {
		in.close()
	}
}

// warm puts f among the Files that rounds visit.
func (t *Tailer) warm(f *file) {
	if !f.hot && !f.lost {
		f.hot = true
		t.hot = append(t.hot, f)
	}
}

// maxRecords bounds a Block of many short Records: with the longest paths, their descriptions still fit into it.
const maxRecords = 1024

// maxWarned bounds what warnOnce remembers.
const maxWarned = 10000

// defaultMaxOpen leaves half of the descriptors to everything else.
func defaultMaxOpen() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 512
	}
	return int(min(limit.Cur/2, 1<<16))
}

// warnOnce logs what concerns a path once until calm is called for it.
func (t *Tailer) warnOnce(path, what string, err error) {
	if !t.warned[path] {
		t.warned[path] = true
		t.o.Log.Warn(what, "path", path, "error", err)
	}
}

func (t *Tailer) calm(path string) { delete(t.warned, path) }
