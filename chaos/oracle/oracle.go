// Package oracle says whether a backend holds exactly what was written.
//
// It promises: a Report is OK only when every message of the manifest is stored exactly once, with the same bytes, and
// when sorting a stream by @timestamp and event.sequence gives the order in which it was written. It reads documents
// back over HTTP with a scroll, the same way from the embedded backend and from a real Elasticsearch or OpenSearch, and
// shares no code with the agent.
//
// How: a message says itself which one it is (package manifest); everything else that a document claims (path, offset,
// _id) is left out of account.
//
// It costs about 40 bytes of memory a message: its hash, how often it was seen, and where it sorts.
package oracle

import (
	"context"
	"encoding/base64"
	"math"
	"net/http"
	"slices"
	"time"

	"logboom/chaos/manifest"
)

// maxExamples bounds each list of examples in a Report.
const maxExamples = 20

// Report is what a comparison found. Counts are messages unless they say otherwise.
type Report struct {
	Written    int64 `json:"written"`    // messages in the manifest
	Stored     int64 `json:"stored"`     // documents that were read back
	Duplicates int64 `json:"duplicates"` // documents beyond the first of the same message
	Missing    int64 `json:"missing"`    // messages without a document
	Wrong      int64 `json:"wrong"`      // documents that name a message but hold other bytes
	Foreign    int64 `json:"foreign"`    // documents that name no message of the manifest
	Disordered int64 `json:"disordered"` // messages that don't sort behind the one written before them

	MissingAt    []Range   `json:"missing_at"` // the first few
	DuplicateAt  []Range   `json:"duplicate_at"`
	DisorderedAt []Range   `json:"disordered_at"`
	WrongDocs    []Example `json:"wrong_docs"`
	ForeignDocs  []Example `json:"foreign_docs"`
}

// OK says whether everything was stored once, whole and in order, and nothing else.
func (r *Report) OK() bool {
	return r.Stored == r.Written && r.Duplicates+r.Missing+r.Wrong+r.Foreign+r.Disordered == 0
}

// Range is some consecutive messages of a stream, both ends included.
type Range struct {
	Stream string `json:"stream"`
	From   int64  `json:"from"`
	To     int64  `json:"to"`
}

// Example is one document that should not be.
type Example struct {
	Index string `json:"index"`
	ID    string `json:"id"`
	Text  string `json:"text"` // the beginning of its message
}

// track is what is known of a stream's messages, by number.
type track struct {
	sums  []manifest.Sum
	seen  []uint8 // documents, up to 255
	times []int64 // @timestamp of the first document, Unix nanoseconds
	seqs  []int64 // event.sequence of the first document
}

// Check reads all documents of index (a pattern is fine) from the server at url and holds them against m.
func Check(ctx context.Context, client *http.Client, url, index string, m manifest.Manifest) (*Report, error) {
	tracks := make(map[string]*track, len(m))
	for id, sums := range m {
		tracks[id] = &track{sums, make([]uint8, len(sums)), make([]int64, len(sums)), make([]int64, len(sums))}
	}
	r := &Report{Written: m.Lines()}
	err := readAll(ctx, client, url, index, func(d *document) { r.account(tracks, d) })
	if err != nil {
		return nil, err
	}
	r.sum(tracks)
	return r, nil
}

// account enters one document.
func (r *Report) account(tracks map[string]*track, d *document) {
	r.Stored++
	message := []byte(d.Source.Message)
	if d.Source.original() != "" {
		raw, err := base64.StdEncoding.DecodeString(d.Source.original())
		if err != nil {
			r.wrong(d)
			return
		}
		message = raw
	}
	stream, n, ok := manifest.ParsePrefix(message)
	t := tracks[string(stream)]
	if !ok || t == nil || n >= int64(len(t.sums)) {
		r.Foreign++
		r.ForeignDocs = addExample(r.ForeignDocs, d)
		return
	}
	at, err := time.Parse(time.RFC3339Nano, d.Source.Time)
	if manifest.SumOf(message) != t.sums[n] || err != nil {
		r.wrong(d)
		return
	}
	if t.seen[n] == 0 {
		t.times[n], t.seqs[n] = at.UnixNano(), d.Source.sequence()
	}
	if t.seen[n] < math.MaxUint8 {
		t.seen[n]++
	}
	if t.seen[n] > 1 {
		r.Duplicates++
	}
}

func (r *Report) wrong(d *document) {
	r.Wrong++
	r.WrongDocs = addExample(r.WrongDocs, d)
}

// sum finds what is missing, and what is out of order.
func (r *Report) sum(tracks map[string]*track) {
	names := make([]string, 0, len(tracks))
	for name := range tracks {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		t := tracks[name]
		before := -1 // the last message that is stored
		for n := range t.seen {
			switch {
			case t.seen[n] == 0:
				r.Missing++
				r.MissingAt = addRange(r.MissingAt, name, int64(n))
				continue
			case t.seen[n] > 1:
				r.DuplicateAt = addRange(r.DuplicateAt, name, int64(n))
			}
			if before >= 0 && !t.sorts(before, n) {
				r.Disordered++
				r.DisorderedAt = addRange(r.DisorderedAt, name, int64(n))
			}
			before = n
		}
	}
}

// sorts says whether message a comes strictly before message b.
func (t *track) sorts(a, b int) bool {
	if t.times[a] != t.times[b] {
		return t.times[a] < t.times[b]
	}
	return t.seqs[a] < t.seqs[b]
}

func addRange(list []Range, stream string, n int64) []Range {
	if last := len(list) - 1; last >= 0 && list[last].Stream == stream && list[last].To == n-1 {
		list[last].To = n
		return list
	}
	if len(list) >= maxExamples {
		return list
	}
	return append(list, Range{stream, n, n})
}

func addExample(list []Example, d *document) []Example {
	if len(list) >= maxExamples {
		return list
	}
	text := d.Source.Message
	return append(list, Example{d.Index, d.ID, text[:min(len(text), 120)]})
}
