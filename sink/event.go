package sink

import (
	"time"

	"logboom/wal"
)

// Event is what becomes one document. Its byte slices are valid only until the function that was given it returns.
type Event struct {
	File    *wal.File
	Offset  wal.Offset // of its first byte in File
	Sum     uint32     // CRC-32C of its raw bytes: all its Lines with prefixes and newlines
	Time    []byte     // RFC 3339, up to nanoseconds, as the runtime wrote it, checked; never empty
	Stream  string     // "stdout", "stderr" or ""
	Message []byte     // any bytes
	Raw     []byte     // its Lines as the File has them; what Sum is of
	Beyond  int        // how many bytes at Raw's end stand in the next File of the Attempt
	Part    int        // 0: whole. n > 0: the nth part of a longer Event
	Last    bool       // with Part: nothing follows
	GoesOn  bool       // its first Line belongs to a multi-line Event that was ended before this one came

	// SentSince is not zero where the Event may have been sent before this Send, and then not before that time: it may
	// be stored already, also in an index that a rollover has since replaced.
	SentSince time.Time
}

// Events is a Batch as the sink sees it: the Events of consecutive Blocks. Each calls fn for every Event, in the same
// order and number every time, and stops at fn's first error, which it returns. The sink calls it once for an attempt.
type Events interface {
	Each(fn func(n int, e *Event) error) error
}

// Refusal is an Event that the backend will never take as it is, or, when Held, does not take until a person puts
// something right.
type Refusal struct {
	N      int    // the Event's place in its Batch
	Type   string // the backend's error type, such as mapper_parsing_exception
	Reason string // the backend's words: may quote the Event, so never to be logged
	Held   bool   // only with Config.HoldFor: not the Event's fault, so it is to be sent again later
}

// Result says where the Events of a Batch have found their home. Stored + Duplicate + len(Refused) is their number.
type Result struct {
	Stored       int // 2xx
	Duplicate    int // 409 on create: these very bytes were there already
	Refused      []Refusal
	Plain        int   // of Stored: in plain form, for the mapping refuses the whole document
	FailureStore int   // of Stored: in the failure store of their data stream
	Retries      int   // attempts after the first
	Bytes        int64 // bulk body bytes on the wire, all attempts

	// Settled has, where Send failed, the numbers of the Events that have their home all the same, in order. What a request
	// did that was cut off nobody knows.
	Settled []int32
}
