package sink

import (
	"bytes"
	"encoding/base64"
)

// A document that its mapping refuses is sent once more in plain form, under the same _id, so that it can be searched for:
//
//	{"@timestamp":"..."
//	,"message":"..."
//	,"event":{"original":"{\"event\":{\"sequence\":123},\"log\":..."}    all else that was refused, as text
//	,"tags":["_logboom_plain"]}
//
// These are fields that the Elastic Common Schema has at its root, or as text that nobody parses. Names such as host and log
// are not among them: other shippers write them as strings where we have objects, and that is what is refused most often.
const plainTag = "_logboom_plain"

// appendPlain appends what stands behind the message in the plain form of e.
func (t *fileText) appendPlain(dst []byte, e *Event, valid bool) []byte {
	rest := t.appendSequence([]byte(`{"event":{"sequence":`), e)
	if !valid {
		rest = base64.StdEncoding.AppendEncode(append(rest, `,"original":"`...), e.Message)
		rest = append(rest, '"')
	}
	rest = bytes.TrimSuffix(t.appendPlace(rest, e), []byte("\n"))
	dst = append(dst, `","event":{"original":"`...)
	dst, _ = appendEscaped(dst, rest)
	return append(dst, `"},"tags":["`+plainTag+"\"]}\n"...)
}
