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
// It costs one statx a folder and one a name per scan (once a second), two preads for a chunk of up to 256 KiB,
// about 1 KB of memory a File, a descriptor for each File that is not read to its end, and a decompressor for 16 of them.
//
// A Tailer belongs to the goroutine of Intake; only Report and Hold may be called from others.
package tail

import (
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

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

	Multiline *wal.Multiline // nil: each Line is an Event, but for partials
	JSON      string         // field for the members of messages that are JSON objects; "" for none

	Choose         func(*wal.File) // decides how a new File of a container is read: may set Excluded, JSON, Multiline and Route; nil: as the others say
	ExcludeUnknown bool            // exclude those whose pod is not known

	AllowedRoots []string // folders that links may lead to, besides those that the input is about
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
	PinDir   string       // "" for no pins
	MaxPins  int64        // bytes that only pins hold; 0 for no limit
	Shortage func() int64 // bytes that the volume is short of, for which pins are given up
	Known    []Known
	SameBoot bool // the kernel still runs that ran when Known was written: inodes can be trusted
	First    bool // there was no checkpoint: Input.FromNow holds
	MaxOpen  int  // descriptors
	Ledger   Ledger
	Acked    func() wal.Index
	Waits    func(*wal.File) bool // whether a File must not be read now, though there is more of it; nil: none
	Pods     Pods                 // what is known of the pods of containers; nil: nothing ever
	PodWait  func() time.Duration // how long the first files of a container wait until its pod is known
	Ending   func() bool          // the agent was asked to end: see Leave; nil: it never is
	Log      *slog.Logger
	Fault    func(path string) error // for tests: an error of its is that of opening the path
}

// Tailer is the Source of Intake.
type Tailer struct {
	o       Options
	inputs  []*input
	byID    map[wal.FileID]*file
	folders map[string]*folder
	hot     []*file        // Files that have or may soon have something to read
	round   []*file        // those of hot that this round has not visited
	spent   map[string]int // bytes of each pod that this round has read
	given   []given        // Records that are not durable yet, in order
	open    int            // descriptors held

	short      bool // there was none for the last file that should be met
	crowded    bool // none of them can be given up for another one
	firstLines int  // descriptors that this scan left open at files without a whole first line

	reading *file   // whose turn it is: it stays open
	awake   []*file // .gz that are being decompressed; some may be done or gone

	begun      time.Time // when the first scan began
	nextScan   time.Time
	hints      hints
	unmet      bool      // there are names of which the last scan did not find out what they are
	queued     bool      // and some of them must wait for the next one, which comes at once
	newNames   bool      // hints ask for a scan
	nextHinted time.Time // when it may come
	scans      int
	again      int // scans when LookedAgain says yes; 0: not asked yet
	pins       pins
	dropped    []*file  // whose pins go when the ledger has them
	rest       struct { // as of the first question in a row whether all is finished
		scans   int
		records int64
	}
	flush   bool            // ship what stands unfinished at the ends of Files
	warned  map[string]bool // paths about which something was logged
	refused map[string]*refusal
	tallied time.Time         // when the checkpoint was last told of excluded Files
	dirs    map[string]*dir   // by path
	changed checkpoint.Change // for the ledger, gathered in a scan

	readBytes, records, refusals atomic.Int64
	report                       atomic.Pointer[Report]
	reporting                    sync.Mutex // held from the commit of a scan until its report is out
}

// New makes a Tailer. It looks at nothing yet.
func New(o Options) *Tailer {
	t := &Tailer{o: o, byID: map[wal.FileID]*file{}, folders: map[string]*folder{}, warned: map[string]bool{}, refused: map[string]*refusal{},
		dirs: map[string]*dir{}, spent: map[string]int{}}
	if t.o.MaxOpen == 0 {
		t.o.MaxOpen = defaultMaxOpen()
	}
	t.pins, t.hints = pins{dir: o.PinDir, dirs: t.dirs}, hints{-1}
	for i := range o.Inputs {
		in := &input{Input: o.Inputs[i]}
		if in.Root != "" {
			in.Root = filepath.Clean(in.Root)
		}
		for n, path := range in.Paths {
			in.Paths[n] = filepath.Clean(path)
		}
		in.anchors = anchors(&in.Input)
		t.inputs = append(t.inputs, in)
	}
	for i := range o.Known {
		t.remember(&o.Known[i])
	}
	t.report.Store(&Report{})
	return t
}

// Close lets go of all descriptors.
func (t *Tailer) Close() {
	for _, f := range t.byID {
		t.close(f)
	}
	for _, fo := range t.folders {
		fo.closeNascent()
	}
	t.hints.close()
	for _, in := range t.inputs {
		in.close()
	}
}

// maxRecords bounds a Block of many short Records: with the longest paths, their descriptions still fit into it.
const maxRecords = 1024

// maxWarned bounds what warnOnce remembers.
const maxWarned = 10000

// rewarnEvery is after how many scans paths that were too many to be told of have their turn.
const rewarnEvery = 3600

// warnOnce logs what concerns a path once until calm is called for it.
func (t *Tailer) warnOnce(path, what string, err error) {
	if t.warned[path] || len(t.warned) >= maxWarned && filepath.IsAbs(path) {
		return
	}
	t.warned[path] = true
	t.o.Log.Warn(what, "path", path, "error", err)
	if len(t.warned) == maxWarned {
		t.o.Log.Warn("there is trouble with too many paths to tell of each: the status lists those that can't be read")
	}
}

func (t *Tailer) calm(path string) { delete(t.warned, path) }
