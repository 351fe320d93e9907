package wal

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// Offset is a position in a File: bytes from the start of its uncompressed content.
type Offset int64

// FileID names a File for good: 128 bits derived from what the File is, so that losing the checkpoint gives the same ids
// again. See tail.DeriveID.
type FileID [16]byte

// String returns the id as 32 hexadecimal digits.
func (id FileID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText makes ids readable in JSON.
func (id FileID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (id *FileID) UnmarshalText(text []byte) error {
	if n, err := hex.Decode(id[:], text); err != nil || n != len(id) || len(text) != 2*len(id) {
		return fmt.Errorf("file id %q: want %d hexadecimal digits", text, 2*len(id))
	}
	return nil
}

// Format is the encoding that the runtime gave to the lines of a File.
type Format string

const (
	Plain  Format = "plain"  // a line is the message
	CRI    Format = "cri"    // "<RFC 3339 time> <stdout|stderr> <P|F> <message>"
	Docker Format = "docker" // {"log":"...","stream":"...","time":"..."}
)

// Multiline says which Lines make one Event with the Line before. Exactly one of the first three is set.
type Multiline struct {
	Traces   string        `json:"traces,omitempty"`   // a set of rules of package parse, with its version
	Start    string        `json:"start,omitempty"`    // a pattern of Lines that begin an Event; the others go on
	Continue string        `json:"continue,omitempty"` // a pattern of Lines that go on; the others begin an Event
	MaxWait  time.Duration `json:"max_wait"`           // how long Intake waits for Lines that go on, in nanoseconds
}

// File describes one log file: all that Delivery needs to turn its Records into documents, and all that a later start
// needs to recognise it. A File value is immutable; what is learnt later (labels) makes a new value with the same ID.
type File struct {
	ID     FileID `json:"id"`
	Path   string `json:"path"` // where it was first met
	Format Format `json:"format"`
	Route  string `json:"route"` // index or data stream; patterns hold %{+yyyy.MM.dd}, all else is resolved
	Node   string `json:"node,omitempty"`

	Multiline *Multiline `json:"multiline,omitempty"` // nil: each Line is an Event, but for partials
	JSON      string     `json:"json,omitempty"`      // the field for the members of messages that are JSON objects; "" for none

	// Of a container's File only.
	Namespace   string            `json:"namespace,omitempty"`
	Pod         string            `json:"pod,omitempty"`
	PodUID      string            `json:"pod_uid,omitempty"`
	Container   string            `json:"container,omitempty"`
	Attempt     int               `json:"attempt,omitempty"`
	ContainerID string            `json:"container_id,omitempty"`
	Described   bool              `json:"described,omitempty"` // the Kubernetes API told the rest; otherwise it is not known
	Image       string            `json:"image,omitempty"`
	Owners      map[string]string `json:"owners,omitempty"` // what made the pod, such as deployment: shop, replicaset: shop-5d4f8
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"` // those that were asked for, and those that speak to us

	NamespaceLabels map[string]string `json:"namespace_labels,omitempty"` // those that were asked for

	Excluded string `json:"excluded,omitempty"` // why nothing of it is read; "" for a File that is

	Start   Offset `json:"start,omitempty"` // where reading began: not 0 only for read_from: now
	Ordinal int    `json:"ordinal"`         // place among the Files of its Attempt, ascending with time

	Identity Identity `json:"identity"`
}

// Identity is how a File is recognised across names, compression and restarts. The device number is no part of it: it
// changes across reboots.
type Identity struct {
	Inode   uint64   `json:"inode"`
	Birth   int64    `json:"birth"`    // statx btime, Unix nanoseconds; 0 where the file system has none
	HeadLen int      `json:"head_len"` // bytes of the first line, its newline included, at most MaxHead
	HeadSum [16]byte `json:"-"`        // SHA-256 of those bytes, the first half
}

// MaxHead is how much of the first line counts for an Identity, in bytes.
const MaxHead = 4096

type identityJSON struct {
	Inode   uint64 `json:"inode"`
	Birth   int64  `json:"birth"`
	HeadLen int    `json:"head_len"`
	HeadSum string `json:"head_sum"`
}

// MarshalJSON writes HeadSum as hexadecimal digits.
func (i Identity) MarshalJSON() ([]byte, error) {
	return json.Marshal(identityJSON{i.Inode, i.Birth, i.HeadLen, hex.EncodeToString(i.HeadSum[:])})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (i *Identity) UnmarshalJSON(data []byte) error {
	var j identityJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	sum, err := hex.DecodeString(j.HeadSum)
	if err != nil || len(sum) != len(i.HeadSum) {
		return fmt.Errorf("identity: head_sum %q: want %d hexadecimal digits", j.HeadSum, 2*len(i.HeadSum))
	}
	*i = Identity{Inode: j.Inode, Birth: j.Birth, HeadLen: j.HeadLen, HeadSum: [16]byte(sum)}
	return nil
}
