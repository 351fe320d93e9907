package parse

import (
	"bytes"
	"encoding/json"
)

var (
	dockerStart  = []byte(`{"log":"`)
	dockerStream = []byte(`","stream":"`)
)

// dockerEnd says of a json-file Line whose stream it is and whether its Event goes on, without decoding it: a quote
// inside the message is always escaped, so the last `","stream":"` is the end of the message.
func dockerEnd(b []byte) (line, bool) {
	end := bytes.LastIndex(b, dockerStream)
	if end < len(dockerStart) || !bytes.HasPrefix(b, dockerStart) {
		return line{message: b}, false
	}
	l := line{named: true, partial: true}
	if bytes.HasPrefix(b[end+len(dockerStream):], []byte("stderr")) {
		l.stream = stderr
	}
	message := b[len(dockerStart):end]
	if bytes.HasSuffix(message, []byte(`\n`)) {
		// An odd number of backslashes before the n makes it a newline, an even one the letter.
		slashes := 0
		for i := len(message) - 2; i >= 0 && message[i] == '\\'; i-- {
			slashes++
		}
		l.partial = slashes%2 == 0
	}
	return l, true
}

// docker takes a json-file Line apart. The message is a copy.
func docker(b []byte) (line, bool) {
	l, ok := dockerEnd(b)
	if !ok {
		return l, false
	}
	var fields struct {
		Log  string `json:"log"`
		Time string `json:"time"`
	}
	if err := json.Unmarshal(b, &fields); err != nil {
		l.message = b // not JSON after all: the stream and the end were said all the same
		return l, true
	}
	l.message = []byte(fields.Log)
	if !l.partial {
		l.message = bytes.TrimSuffix(l.message, []byte("\n"))
	}
	if t := []byte(fields.Time); len(t) > 0 && timeLen(append(t, ' ')) == len(t) {
		l.time = t
	}
	return l, true
}
