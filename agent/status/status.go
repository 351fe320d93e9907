package status

import "time"

// Status is what an agent says of itself: the body of /api/v1/status, and the one source of the metrics and the health
// checks. Sizes and counts are bytes and Events since the agent's start unless a name says otherwise.
type Status struct {
	Version string    `json:"version"`
	Node    string    `json:"node"`
	Started time.Time `json:"started"`
	Now     time.Time `json:"now"`

	Intake    Intake           `json:"intake"`
	WAL       WAL              `json:"wal"`
	Delivery  Delivery         `json:"delivery"`
	Letters   Letters          `json:"dead_letters"`
	Metadata  Metadata         `json:"metadata"`
	Account   Account          `json:"account"`    // of all Files since the checkpoint was made
	Lost      map[string]int64 `json:"lost_bytes"` // in the ledger, by cause
	Files     []File           `json:"files"`      // worst lag first, at most MaxFiles
	FileCount int              `json:"file_count"`
	Problems  []Problem        `json:"problems"` // what a person should look at, worst first
}

// MaxFiles bounds Status.Files.
const MaxFiles = 1000

// Intake is the loop that secures bytes.
type Intake struct {
	ReadBytes   int64     `json:"read_bytes"` // bytes of content that were made durable in the WAL
	Records     int64     `json:"records"`
	LastStep    time.Time `json:"last_step"`  // when the loop last turned: health
	BlockedBy   string    `json:"blocked_by"` // one of BlockReasons, or ""
	Blocked     string    `json:"blocked"`    // why reading stands still: "" or a sentence
	Pins        bool      `json:"pins"`       // hard links protect rotated files; false: open descriptors only
	PinBytes    int64     `json:"pin_bytes"`  // on the disk, of files whose only names are pins
	PinMaxBytes int64     `json:"pin_max_bytes"`
	OpenFiles   int       `json:"open_files"`
	UnreadBytes int64     `json:"unread_bytes"` // bytes in known files that are not durable yet

	Waiting int `json:"waiting_pods"` // that have wal.max_pod_share of the WAL

	RefusedLinks int64 `json:"refused_links"` // that led out of what their input may read
}

// Values of Intake.BlockedBy.
const (
	WALFull     = "wal_full"     // wal.max_size
	MinFree     = "min_free"     // wal.min_free
	DiskFull    = "disk_full"    // nothing more can be written, whoever filled it
	WriteFailed = "write_failed" // the disk refuses, or can't be asked
)

// BlockReasons are all of them.
func BlockReasons() []string { return []string{WALFull, MinFree, DiskFull, WriteFailed} }

// WAL is the write-ahead log on the disk.
type WAL struct {
	Bytes        int64     `json:"bytes"` // on disk
	MaxBytes     int64     `json:"max_bytes"`
	Segments     int       `json:"segments"`
	LastIndex    uint64    `json:"last_index"`    // appended
	Durable      uint64    `json:"durable_index"` // fsynced
	WrittenBytes int64     `json:"written_bytes"` // bytes appended to Segments
	Syncs        int64     `json:"syncs"`
	Failures     int64     `json:"failures"` // failed writes and fsyncs
	LastError    string    `json:"last_error"`
	OldestBlock  time.Time `json:"oldest_block"` // zero: nothing waits

	Room   int64  `json:"room_bytes"`      // that it may grow by: up to max_bytes, and down to min_free of the volume
	FullIn int64  `json:"full_in_seconds"` // at the present rate; 0: it does not fill
	OnFull string `json:"on_full"`         // what happens then: block | drop_oldest
}

// Delivery is the loop that drains the WAL into the backend.
type Delivery struct {
	Acked        uint64    `json:"acked_index"`
	Stored       int64     `json:"stored_events"`
	Duplicates   int64     `json:"duplicate_events"`
	DeadLetters  int64     `json:"dead_letter_events"`
	Plain        int64     `json:"plain_events"`         // of Stored: in plain form, for the mapping refuses the whole document
	FailureStore int64     `json:"failure_store_events"` // of Stored: in the failure store of their data stream
	AckedBytes   int64     `json:"acked_bytes"`          // bytes of content whose Events have their final home
	Retries      int64     `json:"retries"`              // bulk requests sent again
	SentBytes    int64     `json:"sent_bytes"`           // bulk body bytes on the wire
	InFlight     int       `json:"in_flight"`            // bulk requests
	Parallel     int       `json:"parallel"`             // bulk requests that may be in flight: adapts to what the backend takes
	LastAck      time.Time `json:"last_ack"`
	LastStep     time.Time `json:"last_step"`
	LastError    string    `json:"last_error"` // plain words, no content of lines, no secrets; "" while all is well
	LastErrorAt  time.Time `json:"last_error_at"`
	NextRetry    time.Time `json:"next_retry"` // zero: nothing waits for one
	BackendUp    bool      `json:"backend_up"` // the last attempt was answered
}

// Untried says that the backend was not asked for anything yet: nobody knows whether it answers, and nothing is wrong.
func (d *Delivery) Untried() bool { return !d.BackendUp && d.LastError == "" }

// Letters is the dead-letter store. Just after a start, the counts grow until all of it was looked at.
type Letters struct {
	Refused  int64 `json:"refused_events"` // for good
	Held     int64 `json:"held_events"`    // until their index takes documents
	Resent   int64 `json:"resent_events"`  // stored after all, since the start
	Bytes    int64 `json:"bytes"`          // on disk
	MaxBytes int64 `json:"max_bytes"`
}

// Metadata is what the Kubernetes API tells of this node's pods.
type Metadata struct {
	Asked  bool      `json:"asked"` // it is asked at all
	Pods   int       `json:"pods"`  // that are known
	Synced bool      `json:"synced"`
	Error  string    `json:"error"`            // why it does not answer; "" while it does
	Since  time.Time `json:"since"`            // when it began not to
	Faults []string  `json:"faults,omitempty"` // annotations of pods that are ignored, and why: some of them

	Namespaces string `json:"namespaces,omitempty"` // why labels of namespaces are missing; "" where none are, or nobody asked for them

	ExcludesUnknown bool `json:"excludes_unknown,omitempty"` // logs of pods of which it does not tell are not read
}

// File is one File as the status page lists it.
type File struct {
	ID       string    `json:"id"`
	Path     string    `json:"path"`
	Size     int64     `json:"size"`    // known size of its content
	Durable  int64     `json:"durable"` // Offset that is safe in the WAL
	Lag      int64     `json:"lag"`     // Size - Durable
	State    string    `json:"state"`   // active | waits | rotated | gzip | done | excluded | unreadable
	Error    string    `json:"error,omitempty"`
	Doubt    string    `json:"doubt,omitempty"` // why what was read of it may not be what was written
	LastGrew time.Time `json:"last_grew"`
	Account  Account   `json:"account"`
}

// Account says where the bytes of a File's content are, or of all Files'. It adds up:
//
//	known = read + unread + lost before reading
//	read  = acked + waiting + dead-lettered + excluded + lost after reading
type Account struct {
	Known       int64 `json:"known_bytes"`
	Read        int64 `json:"read_bytes"`
	Unread      int64 `json:"unread_bytes"`
	LostUnread  int64 `json:"lost_unread_bytes"`
	Acked       int64 `json:"acked_bytes"`
	Waiting     int64 `json:"waiting_bytes"` // in the WAL
	DeadLetters int64 `json:"dead_letter_bytes"`
	LostRead    int64 `json:"lost_read_bytes"`
	Excluded    int64 `json:"excluded_bytes"` // passed over: nobody wants them
}

// Add adds b to a.
func (a *Account) Add(b Account) {
	a.Known += b.Known
	a.Read += b.Read
	a.Unread += b.Unread
	a.LostUnread += b.LostUnread
	a.Acked += b.Acked
	a.Waiting += b.Waiting
	a.DeadLetters += b.DeadLetters
	a.LostRead += b.LostRead
	a.Excluded += b.Excluded
}

// Problem is one thing that is wrong, in words for a person.
type Problem struct {
	Severity string `json:"severity"` // loss | stuck | warning
	What     string `json:"what"`
	Do       string `json:"do,omitempty"` // what helps
}
