package sink

import (
	"bytes"
)

// Verdict is what an answer means for one Event.
type Verdict uint8

const (
	Retry     Verdict = iota // the backend could not take it now
	Stored                   // it is a document
	Duplicate                // it was a document before
	Poison                   // no backend with this mapping takes it, now or later
	Hold                     // something must be put right by a person; until then it is tried again
)

// verdict judges one item of a bulk answer: its HTTP status, its error type ("" for none) and its error reason. The
// package comment has it as a table.
func verdict(status int, errType string, reason []byte) Verdict {
	switch {
	case status >= 200 && status < 300:
		return Stored
	case blocked[errType]:
		return Hold
	case status == 409 && (errType == "" || errType == "version_conflict_engine_exception"):
		return Duplicate
	case status == 408, status == 429, status >= 500:
		return Retry
	case status == 400 && poison(errType, reason):
		return Poison
	}
	return Hold
}

// blocked are the errors of one index that others need not share, whatever their status (a flood stage is 429, a red
// index 503).
var blocked = map[string]bool{
	"cluster_block_exception":             true,
	"unavailable_shards_exception":        true,
	"no_shard_available_action_exception": true,
	"primary_missing_action_exception":    true,
}

// poison tells the errors that are about the document from those that are about the cluster.
func poison(errType string, reason []byte) bool {
	switch errType {
	case "document_parsing_exception", // Elasticsearch from 8.9
		"mapper_parsing_exception", // before, and OpenSearch
		"strict_dynamic_mapping_exception",
		"max_bytes_length_exceeded_exception":
		return true
	case "illegal_argument_exception": // says nothing by itself: a closed shard limit has it, too
		return bytes.HasPrefix(reason, []byte("Limit of total fields [")) ||
			bytes.HasPrefix(reason, []byte("Limit of mapping depth [")) ||
			bytes.Contains(reason, []byte("immense term"))
	}
	return false
}

// onlyFew says whether poison of one type is the Events' own fault: ofType Events among judged so far, in a Batch of
// total. Where most of a Batch of 20 or more are poison for one reason, a mapping or a template is at fault, and a person
// can put that right.
func onlyFew(ofType, judged, total int) bool { return total < 20 || 2*ofType <= judged }
