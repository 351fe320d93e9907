package parse

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"
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

// dockerHead appends the beginning of a json-file Line's message to dst, up to dst's capacity.
func dockerHead(dst, b []byte) []byte {
	if len(b) < len(dockerStart) {
		return dst
	}
	b = b[len(dockerStart):]
	for len(b) > 0 && b[0] != '"' && len(dst) < cap(dst) {
		if b[0] != '\\' || len(b) < 2 {
			dst = append(dst, b[0])
			b = b[1:]
			continue
		}
		c := b[1]
		b = b[2:]
		switch c {
		case 'n':
			c = '\n'
		case 't':
			c = '\t'
		case 'r':
			c = '\r'
		case 'u': // what is no ASCII matters to nobody here but to patterns
			n, err := strconv.ParseUint(string(b[:min(4, len(b))]), 16, 16)
			if b = b[min(4, len(b)):]; err != nil {
				n = utf8.RuneError
			}
			var char [utf8.UTFMax]byte
			dst = append(dst, char[:min(utf8.EncodeRune(char[:], rune(n)), cap(dst)-len(dst))]...)
			continue
		}
		dst = append(dst, c)
	}
	return bytes.TrimSuffix(dst, []byte("\n"))
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
